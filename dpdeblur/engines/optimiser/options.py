"""What the optimiser is to do; checked without PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from dpdeblur.checked import Amount, Count, Positive, Whole, checked
from dpdeblur.errors import OptionError

Method = Literal["fast", "full", "paper"]


@checked
class FullOptions:
    """Constants of `optimise`, chosen on the development scenes of the Pixel 4 data set.

    `smoothness` weighs the picture's prior, whose penalty turns linear at gradients of `edge`; the
    data term's turns linear at residuals of `outlier`: light, 1 being the brightest.
    `map_smoothness` weighs the map's, whose steps cost less across edges of the picture, by
    exp(-step / `map_edge`), encoded as for display. Each of the `rounds` has `steps` for the
    picture and, but for the first, `map_steps` for the map before them.
    """

    smoothness: Positive = 4e-4
    edge: Positive = 3e-3
    outlier: Positive = 0.01
    map_smoothness: Positive = 3.2
    map_edge: Positive = 0.03
    rounds: Whole = 3
    steps: Whole = 8
    map_steps: Whole = 10
    tolerance: Amount = 2e-3


@checked
class PaperOptions:
    """Weights of the terms and the schedule; the defaults are the authors'.

    Adam's rate falls exponentially from the first to the last of `rates`. It stops before `steps`
    when the mean loss of the last `patience` steps is less than `tolerance` (relative) below that
    of the ones before; None, as the authors have it: never.
    """

    data: Amount = 2.5e4
    auxiliary: Amount = 2.5e4
    intensity: Amount = 30.0
    alpha: Amount = 1.5e4
    entropy: Amount = 20.0
    steps: Whole = 10_000
    rates: tuple[Positive, Positive] = (0.3, 0.1)
    patience: Count = 100
    tolerance: Amount | None = None


@dataclass(frozen=True)
class OptimiserOptions:
    """What to do: `fast` in closed form; `full` then optimises both; `paper` as published.

    `radii` (least, largest; pixels) overrides the range of defocus found automatically. Raises
    OptionError if it is none. `device` is auto, cpu, cuda or cuda:n.
    """

    method: str = "full"
    radii: tuple[float, float] | None = None
    device: str = "auto"
    full: FullOptions = field(default_factory=FullOptions)
    paper: PaperOptions = field(default_factory=PaperOptions)

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            known = ", ".join(get_args(Method))
            raise OptionError("method", f"'{self.method}' is unknown; use one of {known}")
        if self.radii is not None:
            low, high = self.radii
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise OptionError(
                    "radii", f"{low:g} to {high:g} is not a range; give the lower radius first"
                )


def parse_radii(text: str) -> tuple[float, float]:
    """Two radii in pixels written as "LOW,HIGH"; raises OptionError if these are not two numbers.

    OptimiserOptions finds out whether they are a range.
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise OptionError(
            "radii", f"{text!r} is not two numbers, the lower first; write them like -3,8.5"
        ) from error
    return low, high
