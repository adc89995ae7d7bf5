"""The only place where errors become sentences and exit codes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import typer
from typer.core import TyperGroup

from dpdeblur.cli._command import CONFIG
from dpdeblur.cli._output import Output
from dpdeblur.errors import DPDeblurError, OptionError, OutOfMemoryError, OutputExistsError
from dpdeblur.text import escaped

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
_SIGNALLED = 128  # to which a shell adds a signal's number
_STOPPING = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]

_OPTIONS: Mapping[str, str] = {"diameter": "dot", "levels": "black"}
"""Options by the parameters of the library that have other names."""
_HINTS: Mapping[type[DPDeblurError], str] = {
    OutOfMemoryError: "raise --max-memory, free memory or give a smaller picture",
    OutputExistsError: "add --overwrite or choose another name",
}
"""What to do, in place of the errors' own hints for Python."""
_KINDS: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "path": "text",
    "string": "text",
}
"""What pydantic expected, keyed by the first word of its name for the error."""
_UsageError: Any = typer.BadParameter.__base__  # for which Typer has no public name
_NO_MEMORY = "Memory ran out; free some, or ask for less: smaller pictures, crops or batches."


class PlainGroup(TyperGroup):
    """A group whose help shows flags without the word that Typer has for their type."""

    def get_params(self, ctx: Any) -> Any:
        """The options of the group itself."""
        return _plain_flags(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, None if there is none."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _plain_flags([*command.params, command.get_help_option(ctx)])
        return command


def _plain_flags(options: list[Any]) -> list[Any]:
    for option in options:
        if getattr(option, "is_flag", False) and not option.metavar:
            option.metavar = ""
    return options


class ErrorGroup(PlainGroup):
    """Runs a command; errors of this package end it with one sentence and exit code 2.

    Other exceptions are bugs and keep their traceback.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Take in the command line, up to the command."""
        with _plain_usage_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` names."""
        asked = "--json" in ctx.args  # before a command has made its printer
        try:
            with _stopped_by_signals(), _plain_usage_errors():
                return super().invoke(ctx)
        except DPDeblurError as error:
            own = {flag for option in self.params for flag in option.opts}
            printer = ctx.obj or Output(json=asked, flags=own)
            printer.error(type(error).__name__, sentence(printer, error))
            raise typer.Exit(BAD_INPUT) from error
        except KeyboardInterrupt as interrupt:
            with suppress(OSError):  # the terminal may be gone
                printer = ctx.obj or Output()
                kept = "; finished results are kept" if printer.kept else ""
                printer.error("Interrupted", f"Interrupted{kept}.")
            raise typer.Exit(getattr(interrupt, "code", INTERRUPTED)) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            from dpdeblur.memory import is_out_of_memory

            printer = ctx.obj or Output()
            if not is_out_of_memory(error):
                printer.bug()
                raise
            printer.error("MemoryError", _NO_MEMORY)
            raise typer.Exit(BAD_INPUT) from error
        finally:
            if ctx.obj is not None:
                ctx.obj.close()


@contextmanager
def _plain_usage_errors() -> Iterator[None]:
    """Let what is wrong with a command line be said in our words, and safe to show."""
    try:
        yield
    except _UsageError as error:
        error.message = escaped(_reworded(error))
        raise


def _reworded(error: Any) -> str:
    """The message of a usage error; where pydantic found it, ours in place of pydantic's."""
    found = getattr(error.__cause__, "errors", None)
    if found is None:
        return str(error.message)
    first = found()[0]
    ends, kind = first.get("ctx", {}), first["type"].split("_")[0]
    if kind in _KINDS:
        text = f"{first['input']!r} is not {_KINDS[kind]}."
    elif kind in {"greater", "less"}:
        word, end = ("least", ends.get("ge")) if kind == "greater" else ("most", ends.get("le"))
        text = f"{first['input']} is not at {word} {end:.12g}."
    else:
        text = str(ends.get("error", error.message))
    return text + _origin(error)


def _origin(error: Any) -> str:
    """The configuration file, where it gave what the error is about."""
    source = error.ctx and error.param and error.ctx.get_parameter_source(error.param.name)
    if not source or source.name != "DEFAULT_MAP":
        return ""
    return f" {error.ctx.find_root().meta[CONFIG].path} sets it."


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
    """An error's text, with the flag of the running command for the parameter it is about.

    Where the configuration file gave that flag, the text names the file.
    """
    name = (error.parameter or "").removeprefix("--")
    flag = f"--{_OPTIONS.get(name, name).replace('_', '-')}"
    text = _with_flag(printer, error, flag)
    if printer.config is None or flag not in printer.configured:
        return text
    return f"{text.removesuffix('.')} ({printer.config.path} sets it)."


def _with_flag(printer: Output, error: DPDeblurError, flag: str) -> str:
    if flag not in printer.flags:  # a key of a recipe, say
        return str(error)
    if isinstance(error, OptionError):
        return f"{flag}: {error.reason}."
    if type(error) in _HINTS:
        return f"{str(error).removesuffix(f'{error.hint}.')}{_HINTS[type(error)]}."
    return f"{str(error).removesuffix('.')} ({flag})."
