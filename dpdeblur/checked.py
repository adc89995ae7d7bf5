"""Settings that check their values when they are made, and the sentences that say what is wrong.

The rules stand beside the fields, as types that pydantic understands; those that several classes
need are here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from pathlib import PurePath
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args, get_type_hints

from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from dpdeblur.errors import OptionError

T = TypeVar("T")

_TOO_LARGE = 2**63

Whole = Annotated[int, Field(ge=0, lt=_TOO_LARGE)]
Count = Annotated[int, Field(gt=0, lt=_TOO_LARGE)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _from_low_to_high(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"{list(ends)} does not go from low to high")
    return ends


Range = Annotated[tuple[T, T], AfterValidator(_from_low_to_high)]


def within(low: float, high: float) -> AfterValidator:
    """The rule that a number is from `low` to `high`."""

    def check(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(f"{value} is not from {low:g} to {high:g}")
        return value

    return AfterValidator(check)


@dataclass_transform(frozen_default=True)
def checked(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass that checks the types and rules of its fields.

    Whole numbers count as float and lists as tuples, as in TOML and JSON, and paths as str; nothing
    else is converted. Making one with a value that cannot be used raises OptionError, which names
    the field and says what is wrong.
    """
    rules = ConfigDict(strict=True, allow_inf_nan=False)
    made: Any = dataclass(frozen=True, config=rules)(cls)
    check: Callable[..., None] = made.__init__
    parameters = inspect.signature(made)

    @wraps(check)
    def checking(self: T, *args: Any, **kwargs: Any) -> None:
        values = parameters.bind(*args, **kwargs).arguments
        for name, value in values.items():
            if isinstance(value, list | PurePath):
                values[name] = tuple(value) if isinstance(value, list) else str(value)
        try:
            check(self, **values)
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0])
            reason = _reason(key, get_type_hints(cls)[key], first)
            raise OptionError(key, reason) from error

    made.__init__ = checking
    result: type[T] = made
    return result


_RULES = {
    "finite_number": "not finite",
    "greater_than": "not above {gt}",
    "greater_than_equal": "not at least {ge}",
    "less_than": "not below {lt}",
    "less_than_equal": "not at most {le}",
    "multiple_of": "not a multiple of {multiple_of}",
}
_LISTS = {"tuple_type", "missing", "too_short", "too_long"}


def _reason(key: str, kind: Any, error: Any) -> str:
    """What pydantic found wrong with the value of `key`, whose type is `kind`."""
    rule, value, details = error["type"], error["input"], error.get("ctx", {})
    if rule == "value_error":
        return str(details["error"])
    if type(value) is int and abs(value) >= _TOO_LARGE:
        return "it is too large"
    if rule in _RULES:
        value = float(value) if any(isinstance(end, float) for end in details.values()) else value
        ends = {name: f"{end:.16g}" for name, end in details.items()}
        broken = "negative" if details.get("ge") == 0 else _RULES[rule].format(**ends)
        return f"{value} is {broken}"
    given = list(value) if isinstance(value, tuple) else value
    return f"{given!r} is not {_wanted(key, kind, rule)}"


def _wanted(key: str, kind: Any, rule: str) -> str:
    if rule == "literal_error":
        return f"one of {', '.join(get_args(kind))}"
    if rule.startswith("dataclass"):
        return f"a table; write its keys below [{key}]"
    if rule in _LISTS:
        first, *others = get_args(kind)
        count = "values" if Ellipsis in others else f"{1 + len(others)} values"
        return f"a list of {f'tables [[{key}]]' if is_dataclass(first) else count}"
    return f"of type {rule.removesuffix('_type')}"
