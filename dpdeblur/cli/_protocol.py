"""The rules behind scores, named beside them: for people and for JSON."""

from __future__ import annotations

from typing import Any

from dpdeblur.evaluation import MATCH_RULES, MATCHED


def sentences(what: str, description: str, *, matched: bool) -> tuple[str, ...]:
    """One for the rules called `what`, and one for `matched` scores under them, if there are."""
    plain = f"{what}: {description}."
    return (plain, f"{what}, {MATCHED}: {MATCH_RULES}.") if matched else (plain,)


def document(name: str, description: str, *, matched: bool) -> dict[str, Any]:
    """The same for JSON: the rules' `name` and `description`, and perhaps those of `matched`."""
    plain = {"name": name, "description": description}
    if not matched:
        return plain
    return plain | {"matched": {"name": f"{name}, {MATCHED}", "description": MATCH_RULES}}
