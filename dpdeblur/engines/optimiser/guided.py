"""The guided filter of He, Sun and Tang: means over windows that stop at a picture's edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

_WINDOW = 4
"""Pixels to each side."""
_EDGE = 0.03
"""Step of the guide, a fraction of white, that is an edge."""


def guided(
    values: NDArray[np.float32], guide: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Slope and offset, each `H x W`: slope * guide + offset is `values` within the guide's edges.

    In each window they are the line through all its pixels, fitted by least squares, and means of
    these lines where windows overlap. They may be enlarged before they meet a larger guide (He and
    Sun 2015). Where `values` are constant within two windows, so is the result. `guide` is a gray
    picture in [0, 1], encoded as for display.
    """
    middle, level = _mean(guide), _mean(values)
    spread = _mean(guide**2) - middle**2 + np.float32(_EDGE**2)
    slope = (_mean(guide * values) - middle * level) / spread
    return _mean(slope), _mean(level - slope * middle)


def _mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = uniform_filter(values, 2 * _WINDOW + 1, mode="nearest")
    return mean
