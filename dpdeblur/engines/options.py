"""How the network is to run, and on what size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dpdeblur.errors import OptionError
from dpdeblur.pair import MINIMUM_SIZE

if TYPE_CHECKING:
    from dpdeblur.device import Setup


@dataclass(frozen=True)
class NetworkOptions:
    """How to run. `max_memory` in bytes, on top of what is in use (None: what
    speed needs, at most 60 % of what is free).

    `device` is auto, cpu, cuda, cuda:n or mps; `precision` auto, fp32, bf16 or fp16.
    `tile_size` in pixels, rounded up to a multiple of 8, is the most rows and columns computed at
    once (for weights of the paper's form, rows only), and up to a margin more at the picture's
    borders, which have none to read; it overrides the default for `max_memory`,
    but not a `max_memory` that is given. `ensemble` averages what the network makes
    of the picture and its three mirror images, in four times the time. `at_once` is how many
    engines restore pictures at the same time: each takes its share of the free memory. Raises
    OptionError on sizes below 1.
    """

    device: str = "auto"
    precision: str = "auto"
    max_memory: int | None = None
    tile_size: int | None = None
    ensemble: bool = False
    at_once: int = 1

    def __post_init__(self) -> None:
        for key in ("max_memory", "tile_size", "at_once"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise OptionError(key, f"{value} must be at least 1")

    @cached_property
    def setup(self) -> Setup:
        """The device and precision that are meant, tried out once; raises what `choose` does."""
        from dpdeblur.device import choose

        return choose(self.device, self.precision)


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) of a size written WIDTHxHEIGHT; raises OptionError."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < 6 for part in parts):
        raise OptionError("size", f"{text!r} is not two whole numbers; write them like 1680x1120")
    width, height = map(int, parts)
    if min(width, height) < MINIMUM_SIZE:
        least = f"{MINIMUM_SIZE}x{MINIMUM_SIZE}"
        raise OptionError("size", f"{text} is too small; give at least {least}")
    return height, width
