"""What a restoration is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dpdeblur.device import Setup, choose
from dpdeblur.errors import OptionError

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class RestoreOptions:
    """How to run. `max_memory` in bytes, on top of what is in use (None: 60 % of what is free).

    `device` is auto, cpu, cuda, cuda:n or mps; `precision` auto, fp32, bf16 or fp16.
    `strip_height` in rows, rounded up to a multiple of 8, overrides the default for
    `max_memory`, but not a `max_memory` that is given. `ensemble` averages what the network makes
    of the picture and its three mirror images, in four times the time. Raises OptionError on sizes
    below 1.
    """

    device: str = "auto"
    precision: str = "auto"
    max_memory: int | None = None
    strip_height: int | None = None
    ensemble: bool = False

    def __post_init__(self) -> None:
        for key in ("max_memory", "strip_height"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise OptionError(key, f"{value} must be at least 1")

    @cached_property
    def setup(self) -> Setup:
        """The device and precision that are meant, tried out once; raises what `choose` does."""
        return choose(self.device, self.precision)


@dataclass(frozen=True, eq=False)
class Restored:
    """The all-in-focus picture, float32 `H x W x 3` in [0, 1], sRGB-encoded; and how it was made.

    `precision` is that of the last strip; `strips` and `strip_height`, the rows of the tallest, are
    those of the full size, without the smaller scales; `peak_memory` the most bytes that PyTorch
    held on a CUDA device, or that the whole process has ever held on the CPU (on Linux), else None.
    `notes` are sentences on whatever had to be done otherwise than asked.
    """

    pixels: NDArray[np.float32]
    device: str
    precision: str
    strip_height: int
    strips: int
    seconds: float
    peak_memory: int | None
    notes: tuple[str, ...]
