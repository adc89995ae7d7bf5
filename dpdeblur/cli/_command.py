"""From a function to a command: its printer, and options that come in groups."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, get_type_hints

import typer

from dpdeblur import __version__
from dpdeblur.cli._output import Output
from dpdeblur.errors import UselessOptionError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also print what is done and how.")]
Log = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Also append all that is said to FILE, with the time."),
]
CONFIG = "dpdeblur.config"
"""What the configuration file is called among what belongs to a run of the program."""
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that begins with `printer: Output`.

    It gets the options --json, --quiet, --verbose and --log, which make the printer. Where the
    function takes a dataclass of options, each field becomes an option of its own. What the
    configuration file says and the function has no use for is left out.
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
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, default, kind in (
            ("json", False, Json),
            ("quiet", False, Quiet),
            ("verbose", False, Verbose),
            ("log", None, Log),
        )
    ]
    flat = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in flat]
    for parameter in flat:
        for info in getattr(parameter.annotation, "__metadata__", ()):
            info.readable = False  # the library says better what cannot be read, and goes on

    defaults = {parameter.name: parameter.default for parameter in flat}

    @wraps(function)
    def run(
        ctx: typer.Context,
        *,
        json: bool,
        quiet: bool,
        verbose: bool,
        log: Path | None,
        **given: Any,
    ) -> None:
        chosen = {k: value for k, value in given.items() if not (value is None or value is False)}
        root = ctx.find_root()
        known = (*ctx.command.params, *root.command.params)
        flags = {name for option in known for name in option.opts}
        printer = Output(json=json, quiet=quiet, verbose=verbose, flags=flags)
        root.obj = printer  # for the error handler
        printer.config = root.meta.get(CONFIG)
        printer.configured = configured = {
            name: option.name or ""
            for option in ctx.command.params
            for name in option.opts
            if (source := ctx.get_parameter_source(option.name or ""))
            and source.name == "DEFAULT_MAP"
        }
        if log is not None:
            printer.log_to(log)
        written = ", ".join(f"{name.strip('_')}={_shown(value)}" for name, value in chosen.items())
        printer.detail(f"dpdeblur {__version__} {ctx.info_name}: {written}")
        began = perf_counter()
        while True:
            try:
                function(printer, **_grouped(given, groups))
                break
            except UselessOptionError as error:  # which comes before the work
                flag = f"--{error.key.removeprefix('--').replace('_', '-')}"
                if flag not in configured:
                    raise
                name = configured.pop(flag)
                given[name] = defaults[name]
                printer.detail(f"{flag} of the configuration file is of no use here.")
        printer.detail(f"Done in {perf_counter() - began:.1f} s.")

    run.__doc__ = _flowing(inspect.getdoc(function) or "")
    run.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return run


def _grouped(
    given: Mapping[str, Any], groups: Mapping[str, tuple[Any, list[str]]]
) -> dict[str, Any]:
    """The options as the function takes them: those of a group as its dataclass."""
    made = {
        name: group(**{key: given[key] for key in keys}) for name, (group, keys) in groups.items()
    }
    inner = {key for _, keys in groups.values() for key in keys}
    return made | {key: value for key, value in given.items() if key not in inner}


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _flowing(text: str) -> str:
    """A docstring without the line breaks inside its paragraphs, for terminals of any width."""
    return re.sub(r"(?<=\S)\n(?=\S)", " ", text)
