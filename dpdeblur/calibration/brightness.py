"""How much brighter one picture is than another over the frame."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter

from dpdeblur.calibration import surface

FloatArray32 = NDArray[np.float32]

CELL = 8
"""Pixels along which a stored ratio has one value."""
_BOX = 101
"""Pixels along the window that a white sheet is averaged over."""
_NEAR = 21
"""The same before its views are compared."""
_DEGREE = 3
"""Total degree of the polynomial."""


def pattern_ratio(first: FloatArray32, second: FloatArray32, spacing: float) -> FloatArray32:
    """Brightness of `first` over `second`, `H x W`: both show dots `spacing` apart, in one place.

    A polynomial of degree 3 that brings their local means together; however blurred they are.
    """
    sigma = spacing / 2
    # Within it, the means miss what lies beyond the frame.
    border = math.ceil(2 * sigma)
    step = max(math.ceil(spacing / 4), 1)
    height, width = first.shape
    rows, columns = (np.arange(border, side - border, step) for side in (height, width))
    centres = np.ix_(rows, columns)
    means = [
        gaussian_filter(view, sigma)[centres].ravel().astype(float) for view in (first, second)
    ]
    down, along = (
        axis.ravel()
        for axis in np.meshgrid((rows + 0.5) / height, (columns + 0.5) / width, indexing="ij")
    )
    degree = min(_DEGREE, len(rows) // 2, len(columns) // 2)
    return surface.fit(down, along, means[0], degree, (height, width), means[1])


def white_ratio(left: FloatArray32, right: FloatArray32) -> FloatArray32:
    """Brightness of left over right of a white sheet, `H x W`, averaged over 101 x 101 pixels.

    Beyond the frame it goes on as steeply as within. Both must be positive.
    """
    # Means first: noise at the border must not count twice, nor a dead pixel as a large ratio.
    light, other = (uniform_filter(sheet.astype(np.float32), _NEAR) for sheet in (left, right))
    ratio = np.pad(light / other, _BOX // 2, "reflect", reflect_type="odd")
    inner = slice(_BOX // 2, -(_BOX // 2))
    smooth: FloatArray32 = uniform_filter(ratio, _BOX)[inner, inner]
    return smooth


def in_cells(ratio: FloatArray32) -> FloatArray32:
    """A smooth `H x W` at the middles of an even grid of cells of about 8 x 8 pixels."""
    centres = []
    for side in ratio.shape:
        cells = max(round(side / CELL), 1)
        centres.append((np.arange(cells) + 0.5) * side / cells - 0.5)
    grid: FloatArray32 = map_coordinates(
        ratio, np.meshgrid(*centres, indexing="ij"), order=1, mode="nearest"
    )
    return grid
