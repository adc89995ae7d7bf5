"""The defocus map as wishes use it: small, upright, looked up at points, and brought to full size.

A map is float32 `h x w`: signed blur radii in pixels of the full-size picture, positive behind
focus, found at a smaller size.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch.nn import functional

from dpdeblur.colour import srgb_to_linear
from dpdeblur.engines.optimiser import Optimiser, OptimiserOptions, guided, sharpen_jumps
from dpdeblur.optics import Calibration
from dpdeblur.pair import DualPixelPair
from dpdeblur.steer.points import Array, Point

_LONGEST = 800
"""Side in pixels to which maps are reduced."""
_AROUND = 2
"""Pixels of the small map to each side of a point that its depth is the median of."""
_JUMP = 1 / 600
"""Difference of radii between two surfaces, as a share of the picture's longer side."""
_LEVELS = 16
"""Ranges of radii that cover others, one after the other."""
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


def finder(calibration: Calibration | None) -> Optimiser:
    """What finds the maps of wishes and pages: quickly, and on the CPU, whichever the engine."""
    return Optimiser(calibration, OptimiserOptions("fast", device="cpu"))


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


def sharpened(
    defocus: Array, sharp: Array, pair: DualPixelPair, calibration: Calibration | None
) -> Array:
    """A small map with its jumps where the sharp picture puts them; all in the sensor's rows."""
    scale = np.float32(max(defocus.shape) / max(sharp.shape))
    light, left, right = (
        _area(srgb_to_linear(each) @ _LUMA, defocus.shape)
        for each in (sharp, pair.left, pair.right)
    )
    return sharpen_jumps(defocus * scale, light, np.stack((left, right)), calibration) / scale


def cover(defocus: Array, size: tuple[int, ...]) -> Array:
    """A map in which the blur of nearer surfaces covers what it lies over.

    A blurred edge reaches beyond itself by its radius. What is seen there belongs to the nearer
    surface: restored with it, it leaves no halo, and kept with it, no hard rim. `size` is the
    picture's (height, width).
    """
    scale, jump = max(defocus.shape) / max(size), _JUMP * max(size)
    covered = defocus
    borders = np.linspace(defocus.min(), defocus.max(), _LEVELS + 1)[1:-1]
    level_of = np.digitize(defocus, borders)
    for level in np.unique(level_of):
        away, (rows, columns) = distance_transform_edt(level_of != level, return_indices=True)
        nearer = defocus[rows, columns]
        over = (away <= np.abs(nearer) * scale) & (covered - nearer > jump)
        covered = np.where(over, nearer, covered)
    return covered


def follow_edges(field: Array, picture: Array) -> Array:
    """A small field `h x w` at the size of `picture`, its steps drawn to the picture's edges.

    By the guided filter, fitted at the small size: time and memory grow with the pixels alone.

    Args:
        field: any numbers, float32.
        picture: sharp, float32 `H x W x 3` in [0, 1], sRGB-encoded.

    Returns:
        The field, float32 `H x W`.
    """
    luma: Array = picture @ _LUMA
    slope, offset = guided(field, _area(luma, field.shape))
    return _enlarge(slope, luma.shape) * luma + _enlarge(offset, luma.shape)


def _area(field: Array, size: tuple[int, ...]) -> Array:
    height, width = size
    tensor = torch.from_numpy(np.ascontiguousarray(field))[None, None]
    reduced: Array = functional.adaptive_avg_pool2d(tensor, (height, width))[0, 0].numpy()
    return reduced


def _enlarge(field: Array, size: tuple[int, ...]) -> Array:
    tensor = torch.from_numpy(np.ascontiguousarray(field))[None, None]
    enlarged: Array = functional.interpolate(tensor, size, mode="bilinear")[0, 0].numpy()
    return enlarged
