"""How the network is to run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dpdeblur.device import Setup, choose
from dpdeblur.errors import OptionError


@dataclass(frozen=True)
class NetworkOptions:
    """How to run. `max_memory` in bytes, on top of what is in use (None: what
    speed needs, at most 60 % of what is free).

    `device` is auto, cpu, cuda, cuda:n or mps; `precision` auto, fp32, bf16 or fp16.
    `tile_size` in pixels, rounded up to a multiple of 8, is the most rows and columns computed at
    once (for weights of the paper's form, rows only); it overrides the default for `max_memory`,
    but not a `max_memory` that is given. `ensemble` averages what the network makes
    of the picture and its three mirror images, in four times the time. Raises OptionError on sizes
    below 1.
    """

    device: str = "auto"
    precision: str = "auto"
    max_memory: int | None = None
    tile_size: int | None = None
    ensemble: bool = False

    def __post_init__(self) -> None:
        for key in ("max_memory", "tile_size"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise OptionError(key, f"{value} must be at least 1")

    @cached_property
    def setup(self) -> Setup:
        """The device and precision that are meant, tried out once; raises what `choose` does."""
        return choose(self.device, self.precision)
