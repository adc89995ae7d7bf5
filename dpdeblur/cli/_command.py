"""From a function to a command: its printer, and options that come in groups."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from dpdeblur.cli._output import Output

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that begins with `printer: Output`.

    It gets the options --json and --quiet, which make the printer. Where the function takes a
    dataclass of options, each field becomes an option of its own.
    """
    groups: dict[str, tuple[Any, list[str]]] = {}
    hints = get_type_hints(function, include_extras=True)
    _, *parameters = inspect.signature(function).parameters.values()
    flat = [inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for parameter in parameters:
        hint = hints[parameter.name]
        if is_dataclass(hint):
            groups[parameter.name] = hint, [field.name for field in fields(hint)]
            inner = get_type_hints(hint, include_extras=True)
            flat += [
                parameter.replace(
                    name=field.name, default=field.default, annotation=inner[field.name]
                )
                for field in fields(hint)
            ]
        else:
            flat.append(parameter.replace(annotation=hint))
    flat += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in (("json", Json), ("quiet", Quiet))
    ]
    flat = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in flat]

    @wraps(function)
    def run(ctx: typer.Context, *, json: bool, quiet: bool, **given: Any) -> None:
        for name, (group, keys) in groups.items():
            given[name] = group(**{key: given.pop(key) for key in keys})
        known = (*ctx.command.params, *ctx.find_root().command.params)
        flags = {name for option in known for name in option.opts}
        printer = Output(json=json, quiet=quiet, flags=flags)
        ctx.find_root().obj = printer  # for the error handler
        function(printer, **given)

    run.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return run
