"""`dpdeblur train`: make weights from sharp photographs, or from pairs with their truth."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import INTERRUPTED, open_output

if TYPE_CHECKING:
    from rich.progress import Progress

    from dpdeblur.cli._output import Output
    from dpdeblur.models import MCCNet
    from dpdeblur.training import StepReport

SECONDS_BETWEEN_LINES = 30


def train(
    ctx: typer.Context,
    config: Annotated[Path, typer.Argument(help="Recipe, a TOML file.", metavar="CONFIG")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the run; default: runs/<CONFIG>."
        ),
    ] = None,
    device: _options.Device = "auto",
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Train weights on pairs rendered from sharp photographs, or resume a stopped run.

    A recipe may also name a data set of pairs in DPDD's layout. DIR gets checkpoint.pt, log.jsonl
    and, at the end, mccnet.safetensors, curve.png and log.json. To resume a run, give the same
    CONFIG and DIR again: it continues from its last checkpoint as if it had never stopped.

    [bold]Examples[/bold]

      dpdeblur train weights/recipes/first-light.toml -o runs/first

      torchrun --nproc-per-node 4 -m dpdeblur train recipe.toml
    """
    printer = open_output(ctx, json=json, quiet=quiet)

    from dpdeblur.device import choose
    from dpdeblur.models import save_model
    from dpdeblur.training import (
        RunLog,
        count_steps,
        open_pairs,
        open_validation,
        read_config,
        write_record,
    )
    from dpdeblur.training import train as run_training
    from dpdeblur.training.distributed import joined, own_device, place

    recipe = read_config(config)
    setup = choose(own_device(device), recipe.precision)
    with joined(setup.device):
        rank, processes = place()
        if rank > 0:
            printer = open_output(ctx, json=False, quiet=True)
        for note in setup.notes:
            printer.note(note)
        pairs = open_pairs(recipe, config.parent, setup.device)
        recipe = count_steps(recipe, pairs, processes)
        run = folder or Path("runs") / config.stem
        if rank > 0:
            with _stop_when_asked(printer, patient=True) as stop:
                run_training(recipe, pairs, run / "checkpoint.pt", stop=stop)
            return
        validator = open_validation(recipe, config.parent, setup.device)
        with RunLog(run) as log, printer.progress() as bar:
            view = _View(printer, bar, recipe.steps)

            def on_step(report: StepReport, _average: MCCNet) -> None:
                log.add(report)
                view.show(report)

            with _stop_when_asked(printer, patient=processes > 1) as stop:
                network = run_training(
                    recipe,
                    pairs,
                    run / "checkpoint.pt",
                    validator=validator,
                    on_step=on_step,
                    stop=stop,
                )
        done = log.lines[-1]["step"] if log.lines else 0
        if log.lines and done < recipe.steps:
            stopped = f"Stopped after step {done} of {recipe.steps}"
            printer.error("Interrupted", f"{stopped}; run the same command again to resume.")
            raise typer.Exit(INTERRUPTED)
        file = run / "mccnet.safetensors"
        save_model(network, file, {"steps": str(recipe.steps), "recipe": config.name})
        write_record(run, log, recipe, setup.device, processes)
    data: dict[str, Any] = {
        "weights": file,
        "log": run / "log.json",
        "curve": run / "curve.png",
        "steps": recipe.steps,
        "loss": log.lines[-1]["loss"] if log.lines else None,
        "validation": log.validation,
    }
    printer.result(f"{file}  after {recipe.steps} steps", data)


class _View:
    """How training goes: a bar on a terminal, a line now and then elsewhere and for validation."""

    def __init__(self, printer: Output, bar: Progress, steps: int) -> None:
        self._printer, self._bar, self._steps = printer, bar, steps
        self._task = bar.add_task("Training", total=steps)
        self._losses: deque[float] = deque(maxlen=50)
        self._times: deque[float] = deque([time.monotonic()], maxlen=50)
        self._told = time.monotonic()
        self._scores = ""

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


@contextmanager
def _stop_when_asked(printer: Output, *, patient: bool) -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed or termination asked for; a second time interrupts at once.

    Not if `patient`: torchrun passes on signals that its processes may have got already.
    """
    asked = False

    def ask(_number: int, _frame: object) -> None:
        nonlocal asked
        if asked and not patient:
            raise KeyboardInterrupt
        if not asked:
            printer.note("Stopping after this step; a checkpoint will be written.")
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
