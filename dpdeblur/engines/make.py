"""Making the engine that a name and options mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dpdeblur.engines.base import Engine
from dpdeblur.engines.optimiser.options import OptimiserOptions
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.errors import OptionError, UselessOptionError
from dpdeblur.models.shipped import find_weights
from dpdeblur.names import check_names
from dpdeblur.optics import Calibration, read_calibration

ENGINES = ("mccnet", "mpi")
"""The network, and the optimiser of a multiplane image."""


@dataclass(frozen=True)
class EngineRequest:
    """An engine that is asked for: checked at once, as far as that goes without PyTorch.

    The fields are the arguments of `make_engine`. Raises its errors, but DeviceError only for a
    name that no device has.
    """

    name: str = "mccnet"
    device: str = "auto"
    weights: str | Path | None = None
    precision: str = "auto"
    max_memory: int | None = None
    tile_size: int | None = None
    ensemble: bool = False
    calibration: str | Path | None = None
    method: str | None = None
    radii: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise OptionError("engine", f"'{self.name}' is unknown; use {' or '.join(ENGINES)}")
        of_network = {
            "weights": self.weights,
            "precision": None if self.precision == "auto" else self.precision,
            "max_memory": self.max_memory,
            "tile_size": self.tile_size,
            "ensemble": self.ensemble or None,
        }
        of_optimiser = {
            "calibration": self.calibration,
            "method": self.method,
            "radii": self.radii,
        }
        mpi = self.name == "mpi"
        not_taken, other = (of_network, "mccnet") if mpi else (of_optimiser, "mpi")
        for key, value in not_taken.items():
            if value is not None:
                reason = f"it is for the engine {other}; choose that or leave this out"
                raise UselessOptionError(key, reason)
        check_names(self.device, self.precision)
        if mpi:
            _ = self._optimiser, self._lens
        else:
            _ = self._network
            find_weights(self.weights)

    def make(self) -> Engine:
        """The engine, ready to run on its device; raises the errors of `make_engine`."""
        engine: Engine
        if self.name == "mpi":
            from dpdeblur.engines.optimiser import Optimiser

            engine = Optimiser(self._lens, self._optimiser)
        else:
            from dpdeblur.engines.network import Network
            from dpdeblur.models import load_model

            engine = Network(load_model(self.weights), self._network)
        engine.prepare()  # a device that is not there shall not fail every picture
        return engine

    @cached_property
    def _network(self) -> NetworkOptions:
        return NetworkOptions(
            self.device, self.precision, self.max_memory, self.tile_size, self.ensemble
        )

    @cached_property
    def _optimiser(self) -> OptimiserOptions:
        return OptimiserOptions(self.method or "full", self.radii, self.device)

    @cached_property
    def _lens(self) -> Calibration | None:
        return None if self.calibration is None else read_calibration(Path(self.calibration))


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

    Returns:
        The engine, which can run any number of pairs.

    Raises:
        OptionError: an option cannot be used, or is the other engine's.
        DeviceError: the device is missing or cannot do it.
        WeightsError: the weights are missing, damaged or of another network.
        MissingFileError, UnreadableFileError: the calibration is missing or none.

    >>> make_engine("mpi", method="fast", device="cpu").settings
    {'method': 'fast', 'radii': None, 'calibration': None}
    """
    request = EngineRequest(
        name,
        device,
        weights,
        precision,
        max_memory,
        tile_size,
        ensemble,
        calibration,
        method,
        radii,
    )
    return request.make()
