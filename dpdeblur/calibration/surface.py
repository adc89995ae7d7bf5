"""Smooth surfaces over the frame: Legendre polynomials of low total degree."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

FloatArray64 = NDArray[np.float64]
FloatArray32 = NDArray[np.float32]


def fit(
    rows: FloatArray64,
    columns: FloatArray64,
    values: FloatArray64,
    degree: int,
    frame: tuple[int, int],
    scale: FloatArray64 | float = 1.0,
) -> FloatArray32:
    """At each pixel of `frame`, the surface that times `scale` is nearest to `N` `values`.

    `rows` and `columns` are places in the frame in [0, 1] from top to bottom, left to right. One
    round of refitting leaves out what lies far from the rest.
    """
    terms = legendre.legvander2d(2 * rows - 1, 2 * columns - 1, [degree, degree])
    powers = np.add.outer(np.arange(degree + 1), np.arange(degree + 1)).ravel()
    low = powers <= degree
    design = terms[:, low] * np.broadcast_to(scale, rows.shape)[:, None]
    found = np.linalg.lstsq(design, values)[0]
    off = np.abs(design @ found - values)
    good = off <= 5 * np.median(off) + 1e-9
    if good.sum() >= 2 * low.sum():
        found = np.linalg.lstsq(design[good], values[good])[0]
    coefficients = np.zeros(len(powers))
    coefficients[low] = found
    down, along = (2 * (np.arange(side) + 0.5) / side - 1 for side in frame)
    surface = legendre.leggrid2d(down, along, coefficients.reshape(degree + 1, degree + 1))
    return np.asarray(surface, np.float32)
