"""What the kernels of a calibration say: how far the views are apart, how wide the blur is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray64 = NDArray[np.float64]

APART = 0.25
"""Disparity in pixels below which kernels tell no side of focus."""


def centroids(kernels: NDArray[np.floating]) -> FloatArray64:
    """Where the light of kernels `... x K x K` falls on the mean, `... x 2` (x, y) in pixels."""
    reach = kernels.shape[-1] // 2
    axis = np.arange(-reach, reach + 1)
    total = kernels.sum((-2, -1), dtype=np.float64)
    sums = (kernels.sum(side, dtype=np.float64) @ axis for side in (-2, -1))
    centroids: FloatArray64 = np.stack([part / total for part in sums], -1)
    return centroids


def disparity(left: NDArray[np.floating], right: NDArray[np.floating]) -> FloatArray64:
    """How much further right light falls in the right view, `...`; positive behind focus."""
    apart: FloatArray64 = (centroids(right) - centroids(left))[..., 0]
    return apart


def blur_radius(left: NDArray[np.floating], right: NDArray[np.floating]) -> float:
    """The signed circle of confusion's radius: that of a disk as wide as both views' mean kernel.

    R = sqrt(2 <|u - centroid|^2>), as the mean of that over a disk is R^2 / 2, averaged over the
    tiles; its sign is that of the mean disparity.
    """
    both = (left + right) / 2
    reach = both.shape[-1] // 2
    axis = np.arange(-reach, reach + 1)
    square = (both.sum(-1, dtype=np.float64) + both.sum(-2, dtype=np.float64)) @ np.square(axis)
    spread = square / both.sum((-2, -1), dtype=np.float64) - np.square(centroids(both)).sum(-1)
    return math.copysign(math.sqrt(2 * spread.mean()), disparity(left, right).mean())
