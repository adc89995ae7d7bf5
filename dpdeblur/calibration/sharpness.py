"""Whether the shot that is said to be in focus is: how wide the edges of its dots are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.optimize import least_squares
from scipy.stats import ncx2

from dpdeblur.calibration.shots import Shots
from dpdeblur.errors import PatternError

FloatArray32 = NDArray[np.float32]
FloatArray64 = NDArray[np.float64]

_SHARPER = 1.02
"""How much sharper the sharp picture must be than the views, at least."""
_SOFT, _BLURRED = 1.075, 2.0
"""Widths of an edge: a soft lens in focus has up to the first, nothing in focus the second."""
_DOTS = 64
"""Of which the mean is looked at, nearest to the frame's middle, at most."""
_BEYOND = 6
"""Pixels around a dot within which its light falls."""
_BINS = 4
"""Distances that are told apart, per pixel."""


def check_sharp(shots: Shots, spacing: float) -> tuple[str, ...]:
    """Raise PatternError where the sharp picture is not; sentences on where it may not be."""
    blurred = max(_sharpness(view, spacing) for view in (shots.left, shots.right))
    if _sharpness(shots.sharp, spacing) < _SHARPER * blurred:
        raise PatternError(
            "the sharp picture is as blurred as the views; give the shot in focus as the sharp one"
        )
    width = edge_width(shots.sharp, spacing)
    if width > _BLURRED:
        raise PatternError(
            f"the sharp picture is out of focus: a standard deviation of {width:.1f} pixels blurs "
            "its dots' edges; take it again in focus"
        )
    if width <= _SOFT:
        return ()
    return (
        f"The sharp picture may be out of focus: a standard deviation of {width:.1f} pixels blurs "
        "its dots' edges, and in focus even a soft lens has 1. The radius will be too small; take "
        "it again in focus.",
    )


def edge_width(picture: FloatArray32, spacing: float) -> float:
    """The standard deviation, in pixels, of the Gaussian that blurs the edges of dots.

    The dots of `H x W` are `spacing` pixels apart. It is that of a disc, blurred, which is nearest
    to the mean of those in the frame's middle; the disc may be seen from aside. 0 for no whole dot.
    """
    reach = int(spacing / 2)
    axis = np.arange(-reach, reach + 1)
    distance = np.hypot(axis[:, None], axis)
    dots = _dots(picture, spacing, reach)
    if not len(dots):
        return 0.0
    dots -= np.median(dots[:, distance > reach - 1], 1)[:, None, None]
    soft = gaussian_filter(dots.mean(0), 1.0)
    radius = math.sqrt(np.count_nonzero(soft > soft.max() / 2) / math.pi)
    around = min(radius + _BEYOND, reach)
    dots *= distance < around
    dots /= dots.sum((1, 2), keepdims=True)
    middles = [(dots.sum(side) @ axis)[:, None, None] for side in (1, 2)]
    along, down = np.broadcast_arrays(axis - middles[0], axis[:, None] - middles[1])
    apart = _seen_straight(along, down, dots)
    bins = np.rint(_BINS * apart).astype(int).ravel()
    count = np.bincount(bins)
    some = count > 0
    apart, light = (np.bincount(bins, each.ravel())[some] / count[some] for each in (apart, dots))
    inner = apart < around - 1
    apart, light, weight = apart[inner], light[inner], np.sqrt(count[some][inner])

    def off(disc: FloatArray64) -> FloatArray64:
        """How far the nearest multiple of a blurred disc of that (radius, width), and a black, is.

        What falls on a disc of a Gaussian around a point beside it is a distribution of chi-square.
        """
        shape = ncx2.cdf((disc[0] / disc[1]) ** 2, 2, (apart / disc[1]) ** 2)
        design = np.stack([shape * weight, weight], 1)
        found = np.linalg.lstsq(design, light * weight)[0]
        return np.asarray(design @ found - light * weight)

    start, bounds = (np.clip(radius, 1, reach), 0.7), ((1, 0.2), (reach, reach))
    return float(least_squares(off, start, bounds=bounds, diff_step=1e-3).x[1])


def _dots(picture: FloatArray32, spacing: float, reach: int) -> FloatArray64:
    """What lies up to `reach` pixels around the dots in the frame's middle: `N x side x side`."""
    soft = gaussian_filter(picture, spacing / 8)
    middles = np.argwhere((soft == maximum_filter(soft, reach)) & (soft > soft.mean()))
    middles = middles[((middles >= reach) & (middles + reach < picture.shape)).all(1)]
    off = np.square(middles - np.array(picture.shape) / 2).sum(1)
    near = [
        picture[row - reach : row + reach + 1, column - reach : column + reach + 1]
        for row, column in middles[off.argsort()][:_DOTS]
    ]
    return np.array(near, np.float64)


def _seen_straight(along: FloatArray64, down: FloatArray64, light: FloatArray64) -> FloatArray64:
    """Distances from the dots' middles as they would be if these were circles, not ellipses."""
    across, both, upright = (
        float((light * moment).sum()) / len(light)
        for moment in (along * along, along * down, down * down)
    )
    square = upright * along**2 - 2 * both * along * down + across * down**2
    area = math.sqrt(max(across * upright - both**2, 1e-6))
    return np.sqrt(np.maximum(square / area, 0))


def _sharpness(picture: FloatArray32, spacing: float) -> float:
    """How steep the dots' rims are beside their contrast, in one unit for pictures of one grid."""
    soft = gaussian_filter(picture, max(1.0, spacing / 40))  # noise has rims everywhere
    down, along = np.gradient(soft)
    return float(np.sqrt((np.square(down) + np.square(along)).mean()) / soft.std())
