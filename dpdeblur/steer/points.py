"""Points of a picture, as a person gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import OptionError

Point = tuple[float, float]
"""Column and row of the upright picture in pixels, from its upper left corner."""
Array = NDArray[np.float32]


def parse_point(text: str, key: str) -> Point:
    """A point written "X,Y"; raises OptionError about `key` if these are not two numbers."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        reason = f"{text!r} is not a point; write its column and row in pixels, like 812,440"
        raise OptionError(key, reason) from error
    return x, y


def check_point(point: Point, size: tuple[int, ...], key: str) -> None:
    """Raise OptionError about `key` unless the point lies in a picture of (height, width)."""
    x, y = point
    height, width = size
    if not (0 <= x < width and 0 <= y < height):
        raise OptionError(
            key, f"{x:g},{y:g} lies outside the picture, which is {width}x{height} pixels upright"
        )
