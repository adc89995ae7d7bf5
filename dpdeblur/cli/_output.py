"""The only printer: for people, for machines (--json), or only what is wrong (--quiet)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


class Output:
    """Results go to standard output, everything else to standard error.

    With `json` a command prints exactly one JSON document, whatever happens. With `quiet`
    nothing is printed but errors.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json, self.quiet = json, quiet
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(highlight=False, soft_wrap=True, stderr=True)

    def result(self, human: RenderableType, data: dict[str, Any]) -> None:
        """Print what the command was asked for."""
        if self.json:
            typer.echo(json.dumps(_plain(data), indent=2, allow_nan=False))
        elif not self.quiet:
            self._out.print(human)

    def warn(self, sentence: str) -> None:
        """Say that something is amiss although the command goes on."""
        if not (self.quiet or self.json):
            self._err.print(f"[yellow]Warning:[/yellow] {_escape(sentence)}")

    def note(self, sentence: str) -> None:
        """Say something worth knowing."""
        if not (self.quiet or self.json):
            self._err.print(_escape(sentence), style="dim")

    def error(self, error: Exception) -> None:
        """Say why the command failed."""
        if self.json:
            failure = {"type": type(error).__name__, "message": str(error)}
            typer.echo(json.dumps({"error": failure}, indent=2))
        self._err.print(f"[bold red]Error:[/bold red] {_escape(str(error))}")

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
            disable=self.json or self.quiet or not self._err.is_terminal,
        )
        with bar:
            yield bar


def metric_table(rows: dict[str, Any], title: str | None = None) -> Table:
    """A table of name -> Scores, one row each."""
    table = Table("", "PSNR (dB)", "SSIM", "MAE", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, scores in rows.items():
        cells = (f"{scores.psnr:.2f}", f"{scores.ssim:.4f}", f"{scores.mae:.4f}")
        table.add_row(_escape(name), *cells)
    return table


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


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
