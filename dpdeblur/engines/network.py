"""The engine `mccnet`: a pair's way through the network, scale by scale and strip by strip."""

from __future__ import annotations

import copy
import time
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dpdeblur.device import autocast
from dpdeblur.engines.base import ProgressCallback, Restored, RunInfo
from dpdeblur.engines.memory_model import MemoryModel
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.engines.plan import Strip, plan_strips, round_up
from dpdeblur.engines.pyramid import pyramid_parts
from dpdeblur.engines.window import Window
from dpdeblur.errors import NonFiniteResultError, OutOfMemoryError
from dpdeblur.memory import (
    free_memory,
    is_out_of_memory,
    peak_memory,
    release_unused,
    reset_peak_memory,
)
from dpdeblur.models import LoadedModel, MCCNet, ModelDescriptor
from dpdeblur.pair import DualPixelPair

# Shares of the free memory to take unless told otherwise: the first leaves room for whatever else
# runs (in a batch, for pictures being read and written); the second is for want of any better.
_SHARES = (0.6, 0.9)


class Network:
    """The engine that runs a network over pictures of any size, in strips that fit the memory.

    A network with a pyramid restores the picture at all its scales, coarsest first, each scale
    whole before the next. Strips change the result by float rounding only (2e-5 at most in fp32). A
    strip that runs out of memory is repeated in smaller ones, one that is not finite in half
    precision is repeated in fp32, as are all after it; strips finished before stay.
    Results are repeatable to the bit for the same device, precision and strip height.

    The model, from `load_model`, is left as it was, on the CPU: a copy works, and stays where it is
    for the next picture.
    """

    name = "mccnet"

    def __init__(self, model: LoadedModel, options: NetworkOptions | None = None) -> None:
        self.model, self.options = model, options or NetworkOptions()

    @property
    def settings(self) -> dict[str, Any]:
        """Which weights, and whether mirrored passes are averaged."""
        weights = {"name": self.model.name, "sha256": self.model.sha256}
        return {"weights": weights, "ensemble": self.options.ensemble}

    @property
    def digest(self) -> str:
        """The model's, marked if mirrored passes are averaged."""
        return self.model.sha256 + ("+ensemble" if self.options.ensemble else "")

    def prepare(self) -> None:
        """Try out the device and the precision; raises DeviceError and OptionError."""
        _ = self.options.setup

    def read(self, pair: DualPixelPair) -> DualPixelPair:
        """The pair as it is."""
        return pair

    @cached_property
    def _network(self) -> MCCNet:
        device = self.options.setup.device
        network = copy.deepcopy(self.model.network).to(device)
        if device.type != "mps":
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def run(
        self,
        pair: DualPixelPair,
        progress: ProgressCallback | None = None,
        window: Window | None = None,
    ) -> Restored:
        """Restore one photograph, or a window of it.

        Args:
            pair: the two views.
            progress: called with (rows done, rows in all) at the start and after every strip;
                smaller scales count as rows of the full size, by their pixels.
            window: rows and columns of the views; the rest is computed only as far as these
                depend on it.

        Returns:
            The picture or its window, and how it was made; no defocus map.

        Raises:
            DeviceError: the device is missing or cannot compute in the precision.
            OptionError: the precision is unknown.
            OutOfMemoryError: even the smallest strip does not fit.
            NonFiniteResultError: the network gives NaN or infinity even in fp32.
        """
        started = time.perf_counter()
        setup = self.options.setup
        reset_peak_memory(setup.device)
        run = _Run(self._network, self.model.descriptor, pair, self.options)
        height, width = pair.left.shape[:2]
        window = window or Window.whole((height, width))
        scales, parts = pyramid_parts(pair, window, self.model.descriptor)
        work = sum(left.size for left, _ in scales)
        before = 0
        coarser: NDArray[np.float32] | None = None
        if progress:
            progress(0, height)
        for level, views in reversed(list(enumerate(scales))):
            if coarser is not None:
                coarser = coarser[parts[level].half.inside(parts[level + 1])]
            run.enter(views, coarser)
            pixels = np.empty_like(views[0])
            done, heights = 0, []
            while done < len(pixels):
                strip = run.next_strip(done)
                if not run.compute(strip, pixels):
                    continue
                done = min(strip.stop, len(pixels))
                heights.append(done - strip.start)
                if progress:
                    progress(height * (before + done * pixels[0].size) // work, height)
            before += pixels.size
            coarser = pixels
        record = RunInfo(
            engine=self.name,
            settings=self.settings,
            digest=self.digest,
            device=str(setup.device),
            precision=run.precision,
            seconds=time.perf_counter() - started,
            peak_memory=peak_memory(setup.device),
            strips=len(heights),
            strip_height=max(heights),
            notes=tuple(run.notes),
        )
        return Restored(pixels[window.inside(parts[0])], None, record)


class _Run:
    """One picture on its way: what may change under way (strip height, precision) lives here."""

    views: tuple[NDArray[np.float32], NDArray[np.float32]]
    coarser: NDArray[np.float32] | None

    def __init__(
        self,
        network: MCCNet,
        descriptor: ModelDescriptor,
        pair: DualPixelPair,
        options: NetworkOptions,
    ) -> None:
        setup = options.setup
        self.device, self.precision = setup.device, setup.precision
        self.network, self.descriptor, self.ensemble = network, descriptor, options.ensemble
        self.notes = list(setup.notes)
        # The result is made in main memory, where the network works too if on the CPU.
        self.result_bytes = pair.left.nbytes if self.device.type == "cpu" else 0
        self.budgets = self._budgets(options)
        self.wanted_height = options.strip_height
        self._measure(pair.left)

    def enter(
        self,
        views: tuple[NDArray[np.float32], NDArray[np.float32]],
        coarser: NDArray[np.float32] | None,
    ) -> None:
        """Begin with the views of another scale, given the picture of half its size."""
        self.views, self.coarser = views, coarser
        self._measure(views[0])

    def _measure(self, view: NDArray[np.float32]) -> None:
        """Plan for pictures of this size."""
        multiple = self.descriptor.multiple_of
        self.height, self.width = (round_up(size, multiple) for size in view.shape[:2])
        self.strip_height = round_up(self.wanted_height or self.height, multiple)
        self._respect_budget()

    def next_strip(self, start: int) -> Strip:
        """The strip to compute from row `start` on."""
        descriptor = self.descriptor
        return plan_strips(
            self.height, self.strip_height, descriptor.halo, descriptor.multiple_of, start
        )[0]

    def compute(self, strip: Strip, pixels: NDArray[np.float32]) -> bool:
        """Fill the strip's rows of `pixels`; False if it has to be planned and computed anew."""
        rows: NDArray[np.float32] | None = None
        try:
            rows = self._forward(strip)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if rows is None:  # and not in the handler, where the traceback holds the strip's tensors
            self._shrink(strip)
            return False
        if not np.isfinite(rows).all():
            self._widen_precision()
            return False
        np.clip(rows, 0.0, 1.0, out=pixels[strip.start : strip.stop])
        return True

    def _forward(self, strip: Strip) -> NDArray[np.float32]:
        if self.device.type == "cpu":  # elsewhere PyTorch makes good use of what it keeps
            release_unused(self.device)
        height, width = self.views[0].shape[:2]
        left, right = (
            self._read(view, strip.read_start, strip.rows_read, self.width) for view in self.views
        )
        coarser = None
        if self.coarser is not None:
            coarser = self._read(
                self.coarser, strip.read_start // 2, strip.rows_read // 2, self.width // 2
            )
        with (
            torch.inference_mode(),
            _same_every_time(self.device),
            autocast(self.device, self.precision),
        ):
            result = self._restore(left, right, coarser)
        first = strip.start - strip.read_start
        kept = result[0, :, first : first + min(strip.stop, height) - strip.start, :width]
        rows: NDArray[np.float32] = kept.permute(1, 2, 0).float().cpu().numpy()
        return rows

    def _restore(self, left: Tensor, right: Tensor, coarser: Tensor | None) -> Tensor:
        if not self.ensemble:
            return self.network.level(left, right, coarser)
        total = torch.zeros_like(left)
        for axes in ((), (-1,), (-2,), (-1, -2)):
            # The right view of a mirrored scene is the mirrored left view.
            first, second = (right, left) if -1 in axes else (left, right)
            half = None if coarser is None else coarser.flip(axes)
            total += self.network.level(first.flip(axes), second.flip(axes), half).flip(axes)
        return total / 4

    def _read(self, view: NDArray[np.float32], start: int, count: int, width: int) -> Tensor:
        """Rows of a view as 1 x 3 x count x width, the last row and column repeated as padding."""
        rows = view[start : start + count]
        below, beside = count - rows.shape[0], width - rows.shape[1]
        padded = np.pad(rows, ((0, below), (0, beside), (0, 0)), mode="edge")
        return torch.from_numpy(padded).to(self.device).permute(2, 0, 1)[None]

    def _shrink(self, strip: Strip) -> None:
        release_unused(self.device)
        multiple = self.descriptor.multiple_of
        if strip.rows <= multiple:
            raise self._out_of_memory()
        self.strip_height = round_up(strip.rows // 2, multiple)
        self.notes.append(f"ran out of memory, retried with strips of {self.strip_height} rows")

    def _widen_precision(self) -> None:
        if self.precision == "fp32":
            raise NonFiniteResultError
        self.notes.append(f"{self.precision} gave infinite or undefined values, repeated in fp32")
        self.precision = "fp32"
        self._respect_budget()

    def _budgets(self, options: NetworkOptions) -> tuple[int, ...]:
        """Bytes to take, first choice first; none if only the strip height is given."""
        if options.max_memory is not None:
            return (options.max_memory,)
        if options.strip_height is not None:
            return ()
        free = free_memory(self.device)
        return tuple(int(free * share) for share in _SHARES)

    def _memory(self) -> MemoryModel:
        descriptor = self.descriptor
        return MemoryModel(self.precision, self.device.type, descriptor.tiling, descriptor.memory)

    def _respect_budget(self) -> None:
        for budget in self.budgets:
            fitting = self._memory().fit(
                self.height, self.width, self.descriptor, budget - self.result_bytes
            )
            if fitting is not None:
                self.strip_height = min(self.strip_height, fitting)
                return
        if self.budgets:
            raise self._out_of_memory()

    def _out_of_memory(self) -> OutOfMemoryError:
        needed = self._memory().smallest(self.height, self.width, self.descriptor)
        budget = self.budgets[-1] if self.budgets else free_memory(self.device)
        return OutOfMemoryError(needed + self.result_bytes, budget)


def _same_every_time(device: torch.device) -> AbstractContextManager[Any]:
    """Makes cuDNN repeatable, and fp32 mean fp32 (by default it rounds products to 10 bits)."""
    if device.type != "cuda":
        return nullcontext()
    context: AbstractContextManager[Any] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return context
