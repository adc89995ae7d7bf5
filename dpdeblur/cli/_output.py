"""The only printer: for people, for machines (--json), or only what is wrong (--quiet)."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from dpdeblur.evaluation import Scores


class Output:
    """Results go to standard output, everything else to standard error.

    With `json` a command prints exactly one JSON document, whatever happens. With `quiet`
    nothing is printed but errors. `flags` are those that the running command knows.
    """

    def __init__(
        self, *, json: bool = False, quiet: bool = False, flags: Collection[str] = ()
    ) -> None:
        self.json, self.quiet, self.flags = json, quiet, flags
        self.interactive = sys.stderr.isatty() and not (json or quiet)
        # No markup or emoji codes: file names may look like either.
        off_terminal = None if sys.stdout.isatty() else 160
        self._out = Console(
            highlight=False, soft_wrap=True, markup=False, emoji=False, width=off_terminal
        )
        self._err = Console(highlight=False, soft_wrap=True, markup=False, emoji=False, stderr=True)
        self._warnings: list[str] = []

    def result(self, human: RenderableType, data: dict[str, Any]) -> None:
        """Print what the command was asked for; the JSON document also lists the warnings."""
        if self.json:
            self._document(data | {"warnings": self._warnings})
        elif not self.quiet:
            self._out.print(human)

    def warn(self, sentence: str) -> None:
        """Say that something is amiss although the command goes on."""
        self._warnings.append(sentence)
        if not (self.quiet or self.json):
            self._err.print(Text.assemble(("Warning:", "yellow"), " ", sentence))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was amiss so far."""
        return tuple(self._warnings)

    def failure(self, sentence: str) -> None:
        """Say that one of many pictures failed, also when quiet."""
        self._warnings.append(sentence)
        if not self.json:
            self._err.print(Text.assemble(("Error:", "bold red"), " ", sentence))

    def note(self, sentence: str) -> None:
        """Say something worth knowing."""
        if not (self.quiet or self.json):
            self._err.print(sentence, style="dim")

    def error(self, kind: str, sentence: str) -> None:
        """Say why the command ended early; `kind` tells machines."""
        if self.json:
            error = {"type": kind, "message": sentence}
            self._document({"error": error, "warnings": self._warnings})
        self._err.print(Text.assemble(("Error:", "bold red"), " ", sentence))

    def _document(self, data: dict[str, Any]) -> None:
        typer.echo(json.dumps(_plain(data), indent=2, allow_nan=False))

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A progress bar on a terminal, nothing elsewhere."""
        bar = Progress(
            TextColumn("{task.description}", markup=False),
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


def metric_table(rows: Iterable[tuple[str, Scores]], title: str) -> Table:
    """A table of names and scores, one row each."""
    table = Table(title=title, title_justify="left")
    table.add_column("", overflow="fold")
    for heading in ("PSNR (dB)", "SSIM", "MAE"):
        table.add_column(heading, justify="right")
    for name, scores in rows:
        table.add_row(name, f"{scores.psnr:.2f}", f"{scores.ssim:.4f}", f"{scores.mae:.4f}")
    return table


def fact_table(rows: Mapping[str, str], title: str) -> Table:
    """A table of names and what is to be said of them."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for row in rows.items():
        table.add_row(*row)
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
