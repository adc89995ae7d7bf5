"""How fast a device computes at most: products of matrices, and Fourier transforms."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from dpdeblur.device import PRECISIONS

_ENOUGH = 0.1
"""Seconds that a ceiling is measured for at least each time."""


@dataclass(frozen=True)
class Timing:
    """Medians in seconds; `cpu`, of all threads together, is None but on the CPU."""

    wall: float
    cpu: float | None

    @property
    def fair(self) -> float:
        """What to compare by: CPU time where there is one, in which other work does not count."""
        return self.wall if self.cpu is None else self.cpu


@dataclass(frozen=True)
class Ceiling:
    """A rate in operations a second, `rate`, by `Timing.fair`; `shape` is what was computed."""

    name: str
    precision: str
    shape: tuple[int, ...]
    rate: float


class CeilingMeter:
    """Products of square matrices, or Fourier transforms of real pictures."""

    def __init__(
        self, name: str, precision: str, shape: tuple[int, ...], device: torch.device
    ) -> None:
        self.name, self.precision, self.shape, self.device = name, precision, shape, device
        self.rates: list[float] = []
        if name == "gemm":
            first, second = torch.rand(2, *shape[:2], device=device).to(PRECISIONS[precision])
            self.operations: float = 2 * math.prod(shape)
            self.work: Callable[[], Any] = lambda: first @ second
        else:
            picture = torch.rand(shape, device=device)
            self.operations = 2.5 * math.prod(shape) * math.log2(math.prod(shape[-2:]))
            self.work = lambda: torch.fft.rfft2(picture)

    def measure(self) -> None:
        """Find the rate once more, over at least `_ENOUGH` seconds, the first try left out."""
        timed(self.work, self.device)
        spent, count = 0.0, 0
        while spent < _ENOUGH:
            spent += timed(self.work, self.device).fair
            count += 1
        self.rates.append(count * self.operations / spent)

    @property
    def rate(self) -> float:
        """The median, in operations a second."""
        return statistics.median(self.rates)

    def result(self) -> Ceiling:
        """What was found."""
        return Ceiling(self.name, self.precision, self.shape, self.rate)


def timed(work: Callable[[], Any], device: torch.device) -> Timing:
    """Do some work once, all that is queued on the device included."""
    _synchronise(device)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    _synchronise(device)
    cpu = time.process_time() - cpu
    return Timing(time.perf_counter() - wall, cpu if device.type == "cpu" else None)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
