"""The two ways from views to an all-in-focus picture that `fix` has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpdeblur.cli import _mpi, _options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dpdeblur.cli._output import Output
    from dpdeblur.io import FileViews


class Engine(_options.Choice):
    """What makes the picture."""

    mccnet = "mccnet"
    mpi = "mpi"


@dataclass(frozen=True, eq=False)
class Made:
    """A picture in the sensor's rows, and how it was made.

    `untouched` gives what it is to be compared with, the views combined. `how` is for people,
    `data` for machines.
    """

    pixels: NDArray[np.float32]
    untouched: Callable[[], NDArray[np.float32]]
    how: str
    data: dict[str, Any]
    notes: tuple[str, ...] = ()


Run = Callable[["FileViews", str], Made]
"""Makes the picture of views; the text is what the progress bar says."""


def network(
    printer: Output,
    weights: str | None,
    device: str,
    precision: _options.Precision,
    max_memory: str | None,
    strip_height: int | None,
    ensemble: bool,
) -> Run:
    """MCCNet; raises OptionError and DeviceError before anything is read."""
    from dpdeblur.engines import restore
    from dpdeblur.models import load_model

    options = _options.restore_options(device, precision, max_memory, strip_height, ensemble)

    def run(views: FileViews, name: str) -> Made:
        with printer.progress() as bar:
            task = bar.add_task("Loading", total=None)
            model = load_model(weights)
            bar.update(task, description=name)

            def on_progress(done: int, rows: int) -> None:
                if done:  # before that nothing is known, and the bar only shows that work goes on
                    bar.update(task, completed=done, total=rows)

            restored = restore(model, views, options, on_progress)
        strips = "1 strip" if restored.strips == 1 else f"{restored.strips} strips"
        data = {
            "weights": {"name": model.name, "sha256": model.sha256},
            "device": restored.device,
            "precision": restored.precision,
            "strip_height": restored.strip_height,
            "strips": restored.strips,
            "seconds": restored.seconds,
            "peak_memory": restored.peak_memory,
        }
        how = (
            f"{_mpi.cost(restored.seconds, restored.peak_memory)} "
            f"({restored.device}, {restored.precision}, {strips})"
        )
        return Made(restored.pixels, views.combined, how, data, restored.notes)

    return run


def optimiser(printer: Output, calibration: Path | None, device: str) -> Run:
    """The way of `map`; raises DeviceError and calibration trouble before anything else is read."""
    from dpdeblur.engines.optimiser import MapOptions
    from dpdeblur.engines.optimiser.files import encoded, linear_views

    options = MapOptions(device=_mpi.choose_device(printer, device))
    lens, told = _mpi.read_calibration(calibration)

    def run(views: FileViews, name: str) -> Made:
        light = linear_views(views, lens)
        found, memory = _mpi.find_map(printer, light, lens, options, name)

        data = {
            "calibration": told,
            "device": options.device,
            "seconds": found.seconds,
            "peak_memory": memory,
        }
        how = f"{_mpi.cost(found.seconds, memory)} ({options.device}, mpi)"
        return Made(encoded(found.sharp), lambda: encoded(found.combined), how, data)

    return run
