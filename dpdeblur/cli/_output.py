"""The only printer: for people, for machines (--json), or only what is wrong (--quiet)."""

from __future__ import annotations

import io
import json
import logging
import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from dpdeblur.cli._streams import LogFile
from dpdeblur.cli._text import Description, PlainTable
from dpdeblur.errors import UnwritableOutputError
from dpdeblur.text import escaped

if TYPE_CHECKING:
    from dpdeblur.cli._config import Config
    from dpdeblur.engines import Engine, Restored, RunInfo, Window
    from dpdeblur.evaluation import report
    from dpdeblur.pair import DualPixelPair

_WIDTH = 160  # of tables, except on a terminal


class Output:
    """Results go to standard output, everything else to standard error.

    With `json` a command prints exactly one JSON document, whatever happens. With `quiet`
    nothing is printed but errors, with `verbose` also details. `flags` are those that the running
    command knows. `config` is the user's own defaults, `configured` the flags that it set.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        flags: Collection[str] = (),
    ) -> None:
        self.json, self.quiet, self.verbose, self.flags = json, quiet, verbose, flags
        self.config: Config | None = None
        self.configured: Collection[str] = ()
        self._log = logging.Logger("dpdeblur")  # of this run, not of the whole process
        self._log.addHandler(logging.NullHandler())
        self.interactive = sys.stderr.isatty() and not (json or quiet)
        # No markup or emoji codes: file names may look like either.
        off_terminal = None if sys.stdout.isatty() else _WIDTH
        self._out = Console(
            highlight=False, soft_wrap=True, markup=False, emoji=False, width=off_terminal
        )
        self._err = Console(highlight=False, soft_wrap=True, markup=False, emoji=False, stderr=True)
        self.warnings: list[str] = []
        self.kept = False
        """The command has written results that an interrupt does not take back."""

    def log_to(self, path: Path) -> None:
        """Also append to a file all that is said from now on; raises UnwritableOutputError."""

        def lost(reason: str) -> None:
            self.warn(str(UnwritableOutputError(path, reason)))

        try:
            self._log.addHandler(LogFile(path, lost))
        except OSError as error:
            raise UnwritableOutputError(path, error.strerror or str(error)) from error

    def close(self) -> None:
        """Let go of the log."""
        for handler in self._log.handlers:
            handler.close()

    def detail(self, sentence: str) -> None:
        """Say what is being done, to those who want to know."""
        self._record(logging.DEBUG, sentence)
        if self.verbose and not (self.quiet or self.json):
            self._err.print(escaped(sentence), style="dim")

    def silence(self) -> None:
        """Print nothing but errors from now on."""
        self.json, self.quiet, self.interactive = False, True, False

    def result(self, human: RenderableType | Sequence[str], data: dict[str, Any]) -> None:
        """Print what the command was asked for; the JSON document also lists the warnings.

        For people that is a line, several, or something that rich can show.
        """
        if isinstance(human, str):
            human = (human,)
        parts = human if isinstance(human, Sequence) else (human,)
        for part in parts:
            self._record(logging.INFO, *([part] if isinstance(part, str) else _lines(part)))
        if self.json:
            self._document(data | {"warnings": self.warnings})
        elif not self.quiet:
            for part in parts:
                self._out.print(escaped(part) if isinstance(part, str) else part)

    def warn(self, *sentences: str) -> None:
        """Say that something is amiss although the command goes on."""
        for sentence in sentences:
            self.warnings.append(sentence)
            self._record(logging.WARNING, sentence)
            if not (self.quiet or self.json):
                self._err.print(Text.assemble(("Warning:", "yellow"), " ", escaped(sentence)))

    def failure(self, sentence: str) -> None:
        """Say that one of many pictures failed, also when quiet."""
        self.warnings.append(sentence)
        self._record(logging.ERROR, sentence)
        if not self.json:
            self._err.print(Text.assemble(("Error:", "bold red"), " ", escaped(sentence)))

    def note(self, *sentences: str) -> None:
        """Say something worth knowing."""
        for sentence in sentences:
            self._record(logging.INFO, sentence)
            if not (self.quiet or self.json):
                self._err.print(escaped(sentence), style="dim")

    def error(self, kind: str, sentence: str) -> None:
        """Say why the command ended early; `kind` tells machines."""
        self._record(logging.ERROR, sentence)
        if self.json:
            error = {"type": kind, "message": sentence}
            self._document({"error": error, "warnings": self.warnings})
        self._err.print(Text.assemble(("Error:", "bold red"), " ", escaped(sentence)))

    def bug(self) -> None:
        """Log the traceback of the exception being handled, which is not one of this package."""
        self._log.exception("This is a bug; please report it.")

    def _record(self, level: int, *sentences: str) -> None:
        for sentence in sentences:
            self._log.log(level, escaped(sentence))

    def _document(self, data: dict[str, Any]) -> None:
        typer.echo(json.dumps(_plain(data), indent=2, allow_nan=False))

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A progress bar on a terminal, nothing elsewhere."""
        bar = Progress(
            Description(),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=self._err,
            transient=True,
            speed_estimate_period=600,  # the steps of a training may take most of a minute
            disable=not self.interactive,
        )
        with bar:
            yield bar

    def restore(
        self,
        engine: Engine,
        pair: DualPixelPair,
        name: str,
        window: Window | None = None,
    ) -> Restored:
        """What the engine makes of the pair or a window of it, under a bar called `name`."""
        with self.progress() as bar:
            task = bar.add_task(name, total=None)

            def on_progress(done: int, parts: int) -> None:
                if done:  # before that nothing is known, and the bar only shows that work goes on
                    bar.update(task, completed=done, total=parts)

            return engine.run(pair, on_progress, window)


def _lines(part: RenderableType) -> list[str]:
    """What rich shows, as lines of text; without colours, which FORCE_COLOR would bring."""
    file = io.StringIO()
    Console(file=file, width=_WIDTH, markup=False, emoji=False, color_system=None).print(part)
    return [line.rstrip() for line in file.getvalue().splitlines() if line.strip()]


def describe_run(run: RunInfo) -> str:
    """Time, memory, and how an engine went about it, for people."""
    memory = run.peak_memory
    held = "" if memory is None else f", {memory / 2**30:.1f} GiB at most"
    if run.engine == "mccnet":
        tiles = "1 tile" if run.tiles == 1 else f"{run.tiles} tiles"
        how = f"{run.precision}, {tiles}"
    else:
        how = f"{run.engine} {run.settings['method']}"
    return f"{run.seconds:.1f} s{held} ({run.device}, {how})"


def rendered(*parts: str | report.Table) -> Group:
    """Sentences and tables of scores as they are printed."""
    shown: list[str | PlainTable] = []
    for part in parts:
        if isinstance(part, str):
            shown.append(escaped(part))
            continue
        shown.append(table := PlainTable(title=part.title, title_justify="left"))
        table.add_column("", overflow="fold")
        for column in part.columns:
            table.add_column(column.heading, justify="right")
        for texts in part.texts():
            table.add_texts(*texts)
    return Group(*shown)


def fact_table(rows: Mapping[str, str], title: str) -> PlainTable:
    """A table of names and what is to be said of them."""
    table = PlainTable(title=escaped(title), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for row in rows.items():
        table.add_texts(*row)
    return table


def _plain(value: Any) -> Any:
    """Make a value fit JSON, which knows no infinity: what is not finite becomes null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)
