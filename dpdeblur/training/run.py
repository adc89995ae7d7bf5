"""A whole run: from a recipe to weights, with a log and a record."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpdeblur.device import choose
from dpdeblur.io.atomic import check_writable
from dpdeblur.models import MCCNet, save_model
from dpdeblur.training.distributed import joined, own_device, rank_and_size
from dpdeblur.training.loop import StepReport, train
from dpdeblur.training.recipe import read_config
from dpdeblur.training.record import RunLog, write_record
from dpdeblur.training.schedule import count_steps
from dpdeblur.training.sources import (
    check_folders,
    open_pairs,
    open_validation,
    settled,
)


@dataclass(frozen=True)
class TrainingRun:
    """What a run has made in `folder`: `done` of its `steps`.

    `loss` is the last step's and `validation` the last scores by set; None if there were none. Of
    a run that was stopped there is no more than the checkpoint and log.jsonl.
    """

    folder: Path
    steps: int
    done: int
    loss: float | None
    validation: dict[str, Any] | None

    @property
    def complete(self) -> bool:
        """Whether all steps are done and the files below are there."""
        return self.done >= self.steps

    @property
    def weights(self) -> Path:
        """The moving average of the network, in fp16."""
        return self.folder / "mccnet.safetensors"

    @property
    def record(self) -> Path:
        """Recipe, versions, hardware, seconds and last scores, in JSON."""
        return self.folder / "log.json"

    @property
    def curve(self) -> Path:
        """Loss and scores against the step, a PNG."""
        return self.folder / "curve.png"

    def as_dict(self) -> dict[str, Any]:
        """What a complete run has made, by name."""
        files = {"weights": self.weights, "log": self.record, "curve": self.curve}
        return files | {"steps": self.steps, "loss": self.loss, "validation": self.validation}


def run_recipe(
    recipe: Path,
    folder: Path,
    device: str = "auto",
    *,
    on_note: Callable[[str], None] = lambda _: None,
    on_start: Callable[[int], None] = lambda _: None,
    on_step: Callable[[StepReport], None] = lambda _: None,
    catch_signals: bool = False,
) -> TrainingRun | None:
    """Train what a recipe says, or go on from where its run in `folder` was stopped.

    Under torchrun, all its processes train one network. Only the first one validates, writes, and
    calls `on_note`, `on_start` and `on_step`.

    Args:
        recipe: a TOML file, beside which its folders are.
        folder: where checkpoint, log, weights, curve and record go.
        device: as `device.choose` takes it.
        on_note: gets sentences: each better device or precision that failed, each folder that
            cannot be listed, that a checkpoint has no digest, and that a signal has come.
        on_start: gets the number of steps in all, right before training.
        on_step: gets the report of each step.
        catch_signals: let Ctrl-C and SIGTERM end the training after the step, with a checkpoint. A
            second one interrupts at once, but not under torchrun, which passes on signals that its
            processes may have got already. For the main thread only.

    Returns:
        What was made; None in other processes than the first.

    Raises:
        OptionError: a key of the recipe cannot be used; or what `train` raises it for.
        DeviceError: the device is not there or cannot compute in the recipe's precision.
        UnwritableOutputError: the folder cannot be written to.
        TrainingDivergedError: the loss became infinite or undefined.
        KeyboardInterrupt: Ctrl-C, unless it is caught.

    Reading the recipe, the pictures and the checkpoint raises its own errors.
    """
    config = read_config(recipe)
    check_folders(config, recipe.parent)
    setup = choose(own_device(device), "fp32" if config.precision == "auto" else config.precision)
    config, notes = settled(config, setup.device)
    checkpoint, made = folder / "checkpoint.pt", TrainingRun(folder, config.steps, 0, None, None)
    for path in (checkpoint, made.weights, made.record, made.curve):
        check_writable(path, overwrite=True)  # which a run would find out at its end
    with joined(setup.device):
        rank, processes = rank_and_size()
        tell = on_note if rank == 0 else lambda _: None
        for note in (*setup.notes, *notes):
            tell(note)
        pairs = open_pairs(config, recipe.parent, setup.device, tell)
        config = count_steps(config, pairs, processes)
        if rank > 0:
            with _asked_to_stop(catch_signals, lambda _: None, patient=True) as stop:
                train(config, pairs, checkpoint, stop=stop)
            return None
        validator = open_validation(config, recipe.parent, setup.device, on_note)
        with RunLog(folder) as log:

            def report(step: StepReport, _average: MCCNet) -> None:
                log.add(step)
                on_step(step)

            on_start(config.steps)
            with _asked_to_stop(catch_signals, on_note, patient=processes > 1) as stop:
                network = train(
                    config,
                    pairs,
                    checkpoint,
                    validator=validator,
                    on_step=report,
                    stop=stop,
                    on_note=on_note,
                )
        last: dict[str, Any] = {"step": config.steps, "loss": None}
        last |= log.lines[-1] if log.lines else {}
        run = TrainingRun(folder, config.steps, last["step"], last["loss"], log.validation)
        if run.complete:
            save_model(network, run.weights, {"steps": str(config.steps), "recipe": recipe.name})
            write_record(folder, log, config, setup.device, processes)
        return run


@contextmanager
def _asked_to_stop(
    catch: bool, on_note: Callable[[str], None], *, patient: bool
) -> Iterator[Callable[[], bool]]:
    """Whether a signal has asked to stop; unless `patient`, a second one interrupts at once."""
    asked = False

    def ask(_number: int, _frame: object) -> None:
        nonlocal asked
        if asked and not patient:
            raise KeyboardInterrupt
        if not asked:
            on_note("Stopping after this step; a checkpoint will be written.")
        asked = True

    signals = (signal.SIGINT, signal.SIGTERM) if catch else ()
    before = {number: signal.signal(number, ask) for number in signals}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
