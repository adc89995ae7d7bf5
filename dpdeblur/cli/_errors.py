"""The only place where errors become sentences and exit codes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import typer
from typer.core import TyperGroup

from dpdeblur.cli._output import Output
from dpdeblur.errors import DPDeblurError, OptionError, OutOfMemoryError, OutputExistsError

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
_SIGNALLED = 128  # to which a shell adds a signal's number
_STOPPING = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]

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
            with _stopped_by_signals():
                return super().invoke(ctx)
        except DPDeblurError as error:
            printer = ctx.obj or Output()
            printer.error(type(error).__name__, sentence(printer, error))
            raise typer.Exit(BAD_INPUT) from error
        except KeyboardInterrupt as interrupt:
            with suppress(OSError):  # the terminal may be gone
                printer = ctx.obj or Output()
                printer.error("Interrupted", "Interrupted; finished results are kept.")
            raise typer.Exit(getattr(interrupt, "code", INTERRUPTED)) from None


class _Signalled(KeyboardInterrupt):
    def __init__(self, number: int) -> None:
        self.code = _SIGNALLED + number
        super().__init__()


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let the signals of a shutdown and a closed terminal end a command as Ctrl-C does."""

    def stop(number: int, _frame: object) -> None:
        raise _Signalled(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in filter(None, _STOPPING):
            if signal.getsignal(number) is signal.SIG_DFL:  # nohup has them ignored
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
