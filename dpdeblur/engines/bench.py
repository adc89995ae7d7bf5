"""What this machine can do at most, and what share of it the network makes use of."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dpdeblur.device import PRECISIONS, Setup, choose, try_out
from dpdeblur.engines.base import ProgressCallback, RunInfo
from dpdeblur.engines.ceilings import Ceiling, CeilingMeter, Timing, timed
from dpdeblur.engines.network import Network
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.memory import peak_memory, release_unused
from dpdeblur.models import LoadedModel, count_cost, load_model
from dpdeblur.optics.fourier import fast_size
from dpdeblur.pair import DualPixelPair

_MATRIX = {"cpu": 1536, "mps": 3072, "cuda": 8192}
"""Sides of the matrices by kind of device: large enough for its full speed."""
_QUICK_MATRIX = 512
_SIZE, _QUICK_SIZE = (1120, 1680), (560, 840)


@dataclass(frozen=True)
class Forward:
    """One network on one picture: what it took, and what the ceilings would let it take.

    `operations` are two for each multiply-add of convolutions and attention, `fft_operations` those
    of the Fourier transforms by the usual 2.5 n log2(n). Halos count as time, not as operations.
    `share` is `predicted` over `measured.fair`. `peak_memory`, `memory_before` in bytes, as
    `RunInfo` has them, None where unknown.
    """

    weights: str
    height: int
    width: int
    operations: int
    fft_operations: int
    measured: Timing
    predicted: float
    peak_memory: int | None
    memory_before: int | None
    run: RunInfo

    @property
    def share(self) -> float:
        """How near the network comes to the machine's limit, 1 being at it."""
        return self.predicted / self.measured.fair


@dataclass(frozen=True)
class Bench:
    """All figures of one run on `device`, the networks' in `precision`."""

    device: str
    precision: str
    threads: int
    repeats: int
    ceilings: tuple[Ceiling, ...]
    forwards: tuple[Forward, ...]
    notes: tuple[str, ...] = ()


def bench(
    weights: Sequence[str | Path | None] = (None,),
    sizes: Sequence[tuple[int, int]] | None = None,
    *,
    device: str = "auto",
    precision: str = "auto",
    repeats: int = 3,
    quick: bool = False,
    progress: ProgressCallback | None = None,
) -> Bench:
    """Time networks and the machine's ceilings, taking turns, after a warm-up of each.

    A machine's speed drifts, and other work takes from it: so each repeat measures everything once,
    and medians count.

    Args:
        weights: files or shipped names; None is the default.
        sizes: (height, width) of the pictures, which are noise; None is 1120 x 1680, or 560 x 840
            if quick.
        device: as `device.choose` takes it.
        precision: of the networks, likewise.
        repeats: how often everything is measured.
        quick: measure once, on small matrices and a small picture: a first impression.
        progress: called with rows done and rows in all, of all pictures as often as they run.

    Raises:
        WeightsError, DeviceError, OptionError, OutOfMemoryError: as an engine does.
    """
    setup = choose(device, precision)
    where, repeats = setup.device, 1 if quick else repeats
    sizes = sizes or [_QUICK_SIZE if quick else _SIZE]
    models = [load_model(each) for each in weights]
    forwards = [_Forward(model, size, setup) for model in models for size in sizes]
    matrix = _QUICK_MATRIX if quick else _MATRIX[where.type]
    products = [
        CeilingMeter("gemm", name, (matrix, matrix, matrix), where)
        for name in PRECISIONS
        if try_out(where, name) is None
    ]
    done, parts = 0, (1 + repeats) * sum(forward.size[0] for forward in forwards)

    def tell(rows: int) -> None:
        if progress is not None and rows:
            progress(done + rows, parts)

    with ExitStack() as warm:  # from picture to picture, as in a batch
        for forward in forwards:
            warm.enter_context(forward.engine.warm())
        for forward in forwards:
            forward.warm_up(lambda rows, _: tell(rows))
            done += forward.size[0]
        shapes = dict.fromkeys(forward.transform for forward in forwards if forward.transform)
        transforms = {shape: CeilingMeter("rfft2", "fp32", shape, where) for shape in shapes}
        ceilings = [*products, *transforms.values()]
        for _ in range(repeats):
            for ceiling in ceilings:
                ceiling.measure()
            for forward in forwards:
                forward.measure()
                tell(forward.size[0])
                done += forward.size[0]
    speed = next(each for each in products if each.precision == setup.precision).rate
    return Bench(
        device=str(where),
        precision=setup.precision,
        threads=torch.get_num_threads(),
        repeats=repeats,
        ceilings=tuple(each.result() for each in ceilings),
        forwards=tuple(
            each.result(speed, transforms[each.transform].rate if each.transform else None)
            for each in forwards
        ),
        notes=setup.notes,
    )


class _Forward:
    """One network on one picture."""

    transform: tuple[int, ...] | None = None
    """The largest Fourier transform it makes; None if it makes none."""

    def __init__(self, model: LoadedModel, size: tuple[int, int], setup: Setup) -> None:
        self.model, self.size, self.device = model, size, setup.device
        height, width = size
        self.cost = count_cost(model.network.config, height=height, width=width)
        self.engine = Network(model, NetworkOptions(str(setup.device), setup.precision))
        left, right = np.random.default_rng(0).random((2, *size, 3), dtype=np.float32)
        self.pair = DualPixelPair(left, right)
        self.times: list[Timing] = []

    def warm_up(self, progress: ProgressCallback) -> None:
        """Run once, and see how much memory that takes and what it transforms."""
        release_unused(self.device)
        self.before = _forget_peak(self.device)
        watch = _Transforms()  # type: ignore[no-untyped-call]
        with watch:
            self.run = self.engine.run(self.pair, progress).run
        self.peak = peak_memory(self.device)
        if self.device.type == "cuda":
            self.engine.run(self.pair)  # recorded, as the second of a batch is
        self.transform = watch.largest
        if self.transform is None and self.cost.transforms:
            self.transform = (3, *self.size)

    def measure(self) -> None:
        """Run once more."""
        self.times.append(timed(lambda: self.engine.run(self.pair), self.device))

    def result(self, speed: float, transform_speed: float | None) -> Forward:
        operations = 2 * (self.cost.convolution + self.cost.attention)
        fft_operations = 2 * self.cost.transforms
        predicted = operations / speed
        if transform_speed is not None:
            predicted += fft_operations / transform_speed
        cpu = [each.cpu for each in self.times if each.cpu is not None]
        return Forward(
            self.model.name,
            *self.size,
            operations,
            fft_operations,
            Timing(
                statistics.median(each.wall for each in self.times),
                statistics.median(cpu) if cpu else None,
            ),
            predicted,
            self.peak,
            self.before,
            self.run,
        )


class _Transforms(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers the shape of the largest transform of real numbers."""

    largest: tuple[int, ...] | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if str(func) in {"aten._fft_r2c.default", "aten.fft_rfft.default"}:
            shape = tuple(args[0].shape)  # the network transforms the rows, then the columns
            if "rfft" in str(func) and len(args) > 1 and args[1] is not None:
                shape = (*shape[:-1], args[1])  # padded
            shape = (*shape[:-2], *fast_size(*shape[-2:]))  # as the columns are later
            if self.largest is None or _size(shape) > _size(self.largest):
                self.largest = shape
        return func(*args, **(kwargs or {}))


def _size(shape: tuple[int, ...]) -> tuple[int, int]:
    # The bank is one transform of many short filters: a view's block counts, all of it.
    return math.prod(shape[-2:]), math.prod(shape)


def _forget_peak(device: torch.device) -> int | None:
    """Begin `peak_memory` anew, on Linux also that of the process; what is in use now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with suppress(OSError):  # the peak then is that of the process so far
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory(device)
