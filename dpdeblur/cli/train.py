"""`dpdeblur train`: make weights from sharp photographs, or from pairs with their truth."""

from __future__ import annotations

import time
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._errors import INTERRUPTED
from dpdeblur.cli._output import Output

if TYPE_CHECKING:
    from rich.progress import Progress

    from dpdeblur.training import StepReport

SECONDS_BETWEEN_LINES = 30


@command
def train(
    printer: Output,
    config: Annotated[Path, typer.Argument(help="Recipe, a TOML file.", metavar="CONFIG")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the run; default: runs/<CONFIG>."
        ),
    ] = None,
    device: _options.Device = "auto",
) -> None:
    """Train weights on pairs rendered from sharp photographs, or resume a stopped run.

    A recipe may also name a data set of pairs in DPDD's layout. DIR gets checkpoint.pt, log.jsonl
    and, at the end, mccnet.safetensors, curve.png and log.json. To resume a run, give the same
    CONFIG and DIR again: it continues from its last checkpoint as if it had never stopped.

    [bold]Examples[/bold]

      dpdeblur train weights/recipes/first-light.toml -o runs/first

      torchrun --nproc-per-node 4 -m dpdeblur train recipe.toml
    """
    from dpdeblur.training import read_config

    read_config(config)  # whose errors shall not wait for PyTorch
    from dpdeblur.training import run_recipe
    from dpdeblur.training.distributed import is_first

    if not is_first():
        printer.silence()
    with printer.progress() as bar:
        view = _View(printer, bar)
        run = run_recipe(
            config,
            folder or Path("runs") / config.stem,
            device,
            on_note=printer.note,
            on_start=view.start,
            on_step=view.show,
            catch_signals=True,
        )
    if run and not run.complete:
        stopped = f"Stopped after step {run.done} of {run.steps}"
        printer.error("Interrupted", f"{stopped}; run the same command again to resume.")
        raise typer.Exit(INTERRUPTED)
    if run:
        printer.result(f"{run.weights}  after {run.steps} steps", run.as_dict())


class _View:
    """How training goes: a bar on a terminal, a line now and then elsewhere and for validation."""

    def __init__(self, printer: Output, bar: Progress) -> None:
        self._printer, self._bar = printer, bar
        self._losses: deque[float] = deque(maxlen=50)
        self._times: deque[float] = deque(maxlen=50)
        self._scores = ""

    def start(self, steps: int) -> None:
        """Begin to count the time of `steps`."""
        self._steps, self._task = steps, self._bar.add_task("Training", total=steps)
        self._told = time.monotonic()
        self._times.append(self._told)

    def show(self, report: StepReport) -> None:
        """Take note of one step."""
        now = time.monotonic()
        self._losses.append(report.loss)
        self._times.append(now)
        if report.validation is not None:
            self._scores = "".join(
                f"  {name} {score.psnr:.2f} dB ({score.psnr - score.input_psnr:+.2f})"
                for name, score in report.validation.items()
            )
        step = f"Step {report.step}/{self._steps}"
        loss = f"loss {sum(self._losses) / len(self._losses):.4f}"
        speed = (len(self._times) - 1) / max(now - self._times[0], 1e-9)
        # Without the scores, which have lines of their own: on 80 columns no time would be seen.
        self._bar.update(
            self._task, completed=report.step, description=f"{step}  {loss}  {speed:.3g} steps/s"
        )
        waited = now - self._told >= SECONDS_BETWEEN_LINES and not self._printer.interactive
        if waited or report.validation is not None or report.step == self._steps:
            left = timedelta(seconds=round((self._steps - report.step) / speed))
            self._printer.note(f"{step}  {loss}{self._scores}  {speed:.3g} steps/s  {left} left")
            self._told = now
