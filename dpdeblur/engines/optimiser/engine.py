"""The engine `mpi`: map and picture by optimisation, without training."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.colour import linear_to_srgb, luminance
from dpdeblur.device import Setup, choose
from dpdeblur.engines.base import Engine, ProgressCallback, Restored, RunInfo
from dpdeblur.engines.optimiser.fast import closed_form
from dpdeblur.engines.optimiser.observed import observe
from dpdeblur.engines.optimiser.options import OptimiserOptions
from dpdeblur.engines.optimiser.solve import Solution, solve
from dpdeblur.engines.window import Window
from dpdeblur.errors import DeviceError
from dpdeblur.memory import is_out_of_memory, peak_memory, release_unused, reset_peak_memory
from dpdeblur.optics import Calibration
from dpdeblur.pair import DualPixelPair

Found = TypeVar("Found")


class Optimiser:
    """The engine that finds the defocus map and the picture which together explain the views.

    Without a calibration a generic lens is assumed, so the radii of the map are right only up to a
    factor. A calibration with `levels` is for files of linear raw numbers.
    """

    name = "mpi"

    def __init__(
        self, calibration: Calibration | None = None, options: OptimiserOptions | None = None
    ) -> None:
        self.calibration, self.options = calibration, options or OptimiserOptions()

    @property
    def settings(self) -> dict[str, Any]:
        """The method, the range of radii that was given, and the calibration."""
        calibration = self.calibration
        told = calibration and {
            "path": None if calibration.path is None else str(calibration.path),
            "radius": calibration.radius,
            "sha256": calibration.sha256,
        }
        radii = self.options.radii
        return {
            "method": self.options.method,
            "radii": None if radii is None else list(radii),
            "calibration": told,
        }

    @cached_property
    def digest(self) -> str:
        """Of the method, the radii, and what the calibration holds."""
        options, lens = self.options, self.calibration
        told = repr((options.method, options.radii, options.full, options.paper))
        digest = hashlib.sha256(told.encode())
        if lens is not None:
            digest.update(repr((lens.radius, lens.frame, lens.levels)).encode())
            for array in (lens.left, lens.right, lens.ratio):
                if array is not None:
                    digest.update(repr(array.shape).encode() + array.tobytes())
        return digest.hexdigest()

    @cached_property
    def _setup(self) -> Setup:
        return _choose_device(self.options.device)

    def prepare(self) -> None:
        """Try out the device; raises DeviceError."""
        _ = self._setup

    def warm(self) -> AbstractContextManager[None]:
        """Nothing is kept from run to run."""
        return nullcontext()

    def side_by_side(self, most: int) -> Sequence[Engine]:
        """This one alone."""
        return (self,)

    def read(self, pair: DualPixelPair) -> DualPixelPair:
        """The pair as linear raw numbers, if the calibration is for these; else as it is."""
        levels = None if self.calibration is None else self.calibration.levels
        return pair if levels is None else pair.with_levels(levels)

    def find_map(self, pair: DualPixelPair) -> NDArray[np.float32]:
        """The map of the method fast, `H x W`, without the picture: see `Restored.defocus`.

        Raises what `run` raises.
        """

        def find() -> NDArray[np.float32]:
            seen = observe(*self.read(pair).linear(), self.calibration)
            light = luminance(torch.from_numpy(seen.views).to(self._setup.device))[:, 0]
            defocus = closed_form(light, self.calibration, self.options.radii)
            found: NDArray[np.float32] = defocus.cpu().numpy()
            return found

        return _within_memory(self._setup.device, find)

    def run(
        self,
        pair: DualPixelPair,
        progress: ProgressCallback | None = None,
        window: Window | None = None,
    ) -> Restored:
        """Restore one photograph, and find its defocus map.

        Args:
            pair: the two views, at least 32 x 32 pixels.
            progress: called with parts done and parts in all, of about equal time.
            window: what to give of picture and map, which depend on the whole photograph.

        Returns:
            The picture, the map, and how they were made. The picture ends at white.

        Raises:
            DeviceError: the device is missing, cannot run the optimiser, or is too small.
            CalibrationError: the calibration is for pictures of another size.
            InvalidPictureError: the views show nothing, or are no raw numbers where they should be.
            OptionError: the radii given are too large for the picture.
        """
        started = time.perf_counter()
        setup = self._setup
        reset_peak_memory(setup.device)

        def find() -> Solution:
            light = self.read(pair).linear()
            return solve(*light, self.calibration, self.options, setup.device, progress)

        found = _within_memory(setup.device, find)
        record = RunInfo(
            engine=self.name,
            settings=self.settings | {"layers": list(found.layers)},
            digest=self.digest,
            device=str(setup.device),
            precision="fp32",
            seconds=time.perf_counter() - started,
            peak_memory=peak_memory(setup.device),
            tile_size=pair.shape,
            notes=setup.notes,
        )
        image, defocus = _encoded(found.sharp), found.defocus
        if window is not None:
            image, defocus = image[window], defocus[window]
        return Restored(image, defocus, record)


def _within_memory(device: torch.device, find: Callable[[], Found]) -> Found:
    """What `find` returns; raises DeviceError where memory runs out."""
    try:
        return find()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Not in the handler, where the traceback holds the tensors.
    release_unused(device)
    instead = "a smaller picture" if device.type == "cpu" else "cpu or a smaller one"
    reason = f"its memory is too small for this picture; choose {instead}"
    raise DeviceError(str(device), reason)


def _choose_device(name: str) -> Setup:
    """Like `device.choose`, without what the optimiser cannot run on; raises DeviceError."""
    setup = choose(name, "fp32")
    if setup.device.type != "mps":
        return setup
    if name != "auto":
        raise DeviceError(name, "the optimiser does not run on it; choose auto, cpu or cuda")
    return choose("cpu", "fp32")


def _encoded(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light `H x W x 1` or `H x W x 3` as a picture, clipped at white."""
    picture = linear_to_srgb(light.clip(0, 1))
    return np.repeat(picture, 3, -1) if picture.shape[-1] == 1 else picture
