"""The only place where errors become sentences and exit codes."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from dpdeblur.cli._output import Output
from dpdeblur.errors import DPDeblurError

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


class ErrorGroup(TyperGroup):
    """Runs a command; errors of this package end it with one sentence and exit code 2.

    Other exceptions are bugs and keep their traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` names."""
        try:
            return super().invoke(ctx)
        except DPDeblurError as error:
            (ctx.obj or Output()).error(type(error).__name__, str(error))
            raise typer.Exit(BAD_INPUT) from error
        except KeyboardInterrupt:
            (ctx.obj or Output()).error("Interrupted", "Interrupted; what was finished is kept.")
            raise typer.Exit(INTERRUPTED) from None


def open_output(ctx: typer.Context, *, json: bool, quiet: bool) -> Output:
    """The command's printer, made known to the error handler."""
    output = Output(json=json, quiet=quiet)
    ctx.find_root().obj = output
    return output
