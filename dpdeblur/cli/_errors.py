"""The only place where errors become sentences and exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from dpdeblur.cli._output import Output
from dpdeblur.errors import DPDeblurError, OptionError, OutOfMemoryError, OutputExistsError

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

_OPTIONS: Mapping[str, str] = {"diameter": "dot", "levels": "black"}
"""Options by the parameters of the library that have other names."""
_HINTS: Mapping[type[DPDeblurError], str] = {
    OutOfMemoryError: "raise --max-memory, free memory or give a narrower picture",
    OutputExistsError: "add --overwrite or choose another name",
}
"""What to do, in place of the errors' own hints for Python."""


class ErrorGroup(TyperGroup):
    """Runs a command; errors of this package end it with one sentence and exit code 2.

    Other exceptions are bugs and keep their traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` names."""
        try:
            return super().invoke(ctx)
        except DPDeblurError as error:
            printer = ctx.obj or Output()
            printer.error(type(error).__name__, sentence(printer, error))
            raise typer.Exit(BAD_INPUT) from error
        except KeyboardInterrupt:
            (ctx.obj or Output()).error("Interrupted", "Interrupted; finished results are kept.")
            raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception:
            if ctx.obj is not None:
                ctx.obj.bug()
            raise
        finally:
            if ctx.obj is not None:
                ctx.obj.close()


def sentence(printer: Output, error: DPDeblurError) -> str:
    """An error's text, with the flag of the running command for the parameter it is about."""
    name = error.parameter or ""
    flag = f"--{_OPTIONS.get(name, name).replace('_', '-')}"
    if flag not in printer.flags:  # a key of a recipe, say
        return str(error)
    if isinstance(error, OptionError):
        return f"{flag}: {error.reason}."
    if type(error) in _HINTS:
        return f"{str(error).removesuffix(f'{error.hint}.')}{_HINTS[type(error)]}."
    return f"{str(error).removesuffix('.')} ({flag})."
