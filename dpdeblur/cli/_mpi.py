"""What `map` and `fix --engine mpi` have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dpdeblur.cli._output import Output
    from dpdeblur.engines.optimiser import DefocusMap, LinearViews, MapOptions
    from dpdeblur.optics import Calibration

CalibrationOption = Annotated[
    Path | None,
    typer.Option(
        "--calibration", metavar="CAL", help="Your camera's blur (.npz); default: a generic lens."
    ),
]


def cost(seconds: float, memory: int | None) -> str:
    """Time, and the most bytes held if known, for people."""
    held = "" if memory is None else f", {memory / 2**30:.1f} GiB at most"
    return f"{seconds:.1f} s{held}"


def choose_device(printer: Output, name: str) -> str:
    """The device to map on; raises DeviceError."""
    from dpdeblur.device import choose
    from dpdeblur.errors import DeviceError

    setup = choose(name, "fp32")
    if setup.device.type == "mps":
        if name != "auto":
            raise DeviceError(name, "the optimiser does not run on it; choose auto, cpu or cuda")
        setup = choose("cpu", "fp32")
    for note in setup.notes:
        printer.note(note)
    return str(setup.device)


def read_calibration(path: Path | None) -> tuple[Calibration | None, dict[str, Any] | None]:
    """The calibration and what reports say of it; twice None for the generic lens."""
    if path is None:
        return None, None
    import hashlib

    from dpdeblur import optics

    calibration = optics.read_calibration(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return calibration, {"path": str(path), "radius": calibration.radius, "sha256": sha256}


def find_map(
    printer: Output,
    views: LinearViews,
    calibration: Calibration | None,
    options: MapOptions,
    name: str,
) -> tuple[DefocusMap, int | None]:
    """Map and picture, and the most bytes held; raises DeviceError.

    `name` is what the progress bar says while the optimiser runs, after the map in closed form.
    """
    import torch

    from dpdeblur.engines.optimiser import map_defocus
    from dpdeblur.errors import DeviceError
    from dpdeblur.memory import peak_memory

    with printer.progress() as bar:
        task = bar.add_task("Finding the map", total=None)

        def on_progress(done: int, steps: int) -> None:
            bar.update(task, description=name, completed=done, total=steps)

        try:
            found = map_defocus(views, calibration, options, on_progress)
        except torch.OutOfMemoryError as error:
            reason = "its memory is too small for this picture; choose cpu or a smaller picture"
            raise DeviceError(options.device, reason) from error
    return found, peak_memory(torch.device(options.device))
