"""Making the engine that a name and options mean."""

from __future__ import annotations

from pathlib import Path

from dpdeblur.engines.base import Engine
from dpdeblur.errors import OptionError

ENGINES = ("mccnet", "mpi")
"""The network, and the optimiser of a multiplane image."""


def make_engine(
    name: str = "mccnet",
    *,
    device: str = "auto",
    weights: str | Path | None = None,
    precision: str = "auto",
    max_memory: int | None = None,
    tile_size: int | None = None,
    ensemble: bool = False,
    calibration: str | Path | None = None,
    method: str | None = None,
    radii: tuple[float, float] | None = None,
) -> Engine:
    """The engine of that name, ready to run on its device.

    Args:
        name: one of ENGINES.
        device: auto, cpu, cuda, cuda:n or, for mccnet, mps.
        weights: for mccnet: a file or a shipped name; None is the default.
        precision: for mccnet: auto, fp32, bf16 or fp16.
        max_memory: for mccnet: bytes to use on top of what is in use; None is what speed needs, at
            most 60 % of free memory.
        tile_size: for mccnet: the most rows and columns computed at once (rows only with weights of
            the paper's form); None is what is fast and fits into memory.
        ensemble: for mccnet: average four mirrored passes, in four times the time.
        calibration: for mpi: the file of the camera's blur; None is a generic lens.
        method: for mpi: fast, full or paper; None is full.
        radii: for mpi: the least and the largest blur radius in pixels; None: found in the picture.

    Raises:
        OptionError: an option cannot be used, or is the other engine's.
        DeviceError: the device is missing or cannot do it.
        WeightsError: the weights are missing, damaged or of another network.
        MissingFileError, UnreadableFileError: the calibration is missing or none.

    >>> make_engine("mpi", method="fast", device="cpu").settings
    {'method': 'fast', 'radii': None, 'calibration': None}
    """
    if name not in ENGINES:
        raise OptionError("engine", f"'{name}' is unknown; use {' or '.join(ENGINES)}")
    of_network = {
        "weights": weights,
        "precision": None if precision == "auto" else precision,
        "max_memory": max_memory,
        "tile_size": tile_size,
        "ensemble": ensemble or None,
    }
    of_optimiser = {"calibration": calibration, "method": method, "radii": radii}
    not_taken, other = (of_network, "mccnet") if name == "mpi" else (of_optimiser, "mpi")
    for key, value in not_taken.items():
        if value is not None:
            raise OptionError(key, f"it is for the engine {other}; choose that or leave this out")
    engine: Engine
    if name == "mpi":
        from dpdeblur.engines.optimiser import Optimiser, OptimiserOptions
        from dpdeblur.optics import read_calibration

        options = OptimiserOptions(method or "full", radii, device)
        lens = None if calibration is None else read_calibration(Path(calibration))
        engine = Optimiser(lens, options)
    else:
        from dpdeblur.engines.network import Network
        from dpdeblur.engines.options import NetworkOptions
        from dpdeblur.models import load_model

        settings = NetworkOptions(device, precision, max_memory, tile_size, ensemble)
        engine = Network(load_model(weights), settings)
    engine.prepare()  # a device that is not there shall not fail every picture
    return engine
