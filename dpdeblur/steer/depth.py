"""The defocus map as wishes use it: small, upright, looked up at points, and brought to full size.

A map is float32 `h x w`: signed blur radii in pixels of the full-size picture, positive behind
focus, found at a smaller size.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from torch.nn import functional

from dpdeblur.errors import OptionError

Point = tuple[float, float]
"""Column and row of the upright picture in pixels, from its upper left corner."""
Array = NDArray[np.float32]

_LONGEST = 800
"""Side in pixels to which maps are reduced."""
_AROUND = 2
"""Pixels of the small map to each side of a point that its depth is the median of."""
_WINDOW = 4
"""Pixels of the small map to each side within which values follow the picture's edges."""
_EDGE = 0.03
"""Step of the picture, a fraction of white, that is an edge."""
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


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


def edge_reach(size: tuple[int, ...]) -> int:
    """How far around a pixel `follow_edges` looks, in a picture of this size."""
    # Two means over windows, and the pixels that enlarging and reducing mix.
    return math.ceil((2 * _WINDOW + 3) * max(1.0, max(size) / _LONGEST))


def shrink(field: Array) -> Array:
    """A map, `H x W`, reduced to at most 800 pixels along the longer side; values stay."""
    factor = min(1.0, _LONGEST / max(field.shape))
    return _area(field, (round(field.shape[0] * factor), round(field.shape[1] * factor)))


def depth_at(defocus: Array, point: Point, size: tuple[int, ...]) -> float:
    """The signed radius, in pixels, around a point of the upright picture of (height, width)."""
    column, row = (
        math.floor(at * small / full)
        for at, small, full in zip(point, defocus.shape[::-1], size[::-1], strict=True)
    )
    rows, columns = (slice(max(0, at - _AROUND), at + _AROUND + 1) for at in (row, column))
    return float(np.median(defocus[rows, columns]))


def follow_edges(field: Array, picture: Array) -> Array:
    """A small field `h x w` at the size of `picture`, its steps drawn to the picture's edges.

    He and Sun's fast guided filter (2015): in each window the result is a linear function of the
    picture's luma, fitted at the small size. Time and memory grow with the pixels alone. Where the
    field is constant within a window, so is the result.

    Args:
        field: any numbers, float32.
        picture: sharp, float32 `H x W x 3` in [0, 1], sRGB-encoded.

    Returns:
        The field, float32 `H x W`.
    """
    luma: Array = picture @ _LUMA
    small = _area(luma, field.shape)
    middle, level = _mean(small), _mean(field)
    slope = (_mean(small * field) - middle * level) / (_mean(small**2) - middle**2 + _EDGE**2)
    offset = _mean(level - slope * middle)
    return _enlarge(_mean(slope), luma.shape) * luma + _enlarge(offset, luma.shape)


def _mean(field: Array) -> Array:
    mean: Array = uniform_filter(field, 2 * _WINDOW + 1, mode="nearest")
    return mean


def _area(field: Array, size: tuple[int, ...]) -> Array:
    height, width = size
    tensor = torch.from_numpy(np.ascontiguousarray(field))[None, None]
    reduced: Array = functional.adaptive_avg_pool2d(tensor, (height, width))[0, 0].numpy()
    return reduced


def _enlarge(field: Array, size: tuple[int, ...]) -> Array:
    tensor = torch.from_numpy(np.ascontiguousarray(field))[None, None]
    enlarged: Array = functional.interpolate(tensor, size, mode="bilinear")[0, 0].numpy()
    return enlarged
