"""Evening out what lens and sensor do to the brightness of the two sides.

Towards the picture's borders one photodiode sees more of the lens than the other. The views of
Canon's own software, which the network's training imitates, are equally bright all over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dpdeblur.raw.frames import Frame
from dpdeblur.raw.light import light_of

_BLOCKS = (16, 24)  # rows and columns of blocks in which brightness is compared
# Mean light, in sensor numbers, below which a block says nothing: a black level that is off by 1
# makes a difference of 1 in 128 there, and in the dark as much as one likes.
_LIT = 256.0
_ENOUGH = 4  # lit blocks for each number that is fitted
_TYPICAL = 0.01  # differences beyond which a block counts less: its content has moved
_LARGEST = 0.5

Plane = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Balance:
    """The relative difference (A - B) / (A + B) of the sides, a smooth surface for each colour.

    `coefficients` (3 x 6: red, green, blue) belong to 1, x, y, xy, x^2, y^2, with x and y from -1
    to 1 across the picture. A surface keeps within its colour's `limits` (3 x 2: low, high).
    """

    coefficients: Plane
    limits: Plane

    def at(self, colour: int, x: Plane, y: Plane) -> Plane:
        """The difference of a colour at positions `x` (a row) and `y` (a column)."""
        mean, across, down, skew, across_2, down_2 = self.coefficients[colour]
        rows = mean + down * y + down_2 * y**2
        surface: Plane = rows + (across * x + across_2 * x**2) + skew * y * x
        return surface.clip(*self.limits[colour])

    @property
    def strongest(self) -> float:
        """The largest difference at the picture's corners, its sides' middles and its centre."""
        grid = np.linspace(-1, 1, 3)
        return max(float(abs(self.at(c, grid[None], grid[:, None])).max()) for c in range(3))


NO_BALANCE = Balance(np.zeros((3, 6)), np.zeros((3, 2)))


def measure_balance(first: Frame, second: Frame, clip: int) -> Balance:
    """Fit the sides' difference over the blocks that are lit and not clipped.

    The scene's disparity moves light between neighbouring blocks; the fit is robust to that. A
    picture with few such blocks gets a constant for each colour, or nothing. Elsewhere nothing is
    known, so the difference is not larger than it is there, nor than a half.
    """
    sums = np.zeros((3, 3, *_BLOCKS))  # colour; both, one, number of pixels; blocks
    for light in light_of(first, second, clip):
        values = (light.both, light.one, np.ones_like(light.both))
        colour = first.colours[light.row, light.column]
        for kind, value in enumerate(values):
            sums[colour, kind] += _in_blocks(value * light.unclipped)
    y, x = (2 * (np.arange(count) + 0.5) / count - 1 for count in _BLOCKS)
    fits = [_fit(both, one, count, x[None], y[:, None]) for both, one, count in sums]
    coefficients, limits = (np.array(part) for part in zip(*fits, strict=True))
    return Balance(coefficients, limits)


def positions(row: int, column: int, shape: tuple[int, int]) -> tuple[Plane, Plane]:
    """x (1 x W) and y (H x 1) of a site's pixels in a mosaic of `shape`."""
    y, x = (
        (2 * np.arange(start, size, 2) + 1) / size - 1
        for start, size in zip((row, column), shape, strict=True)
    )
    return x[None], y[:, None]


def _in_blocks(plane: NDArray[np.float32]) -> Plane:
    """Sums over blocks; in pictures of fewer pixels than blocks some are counted twice."""
    for axis, count in enumerate(_BLOCKS):
        starts = np.arange(count) * plane.shape[axis] // count
        plane = np.add.reduceat(plane, starts, axis=axis, dtype=np.float64)
    return np.asarray(plane, np.float64)


def _fit(both: Plane, one: Plane, count: Plane, x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """The coefficients of one colour, and its limits."""
    lit = both > _LIT * np.maximum(count, 1)
    difference = 2 * one[lit] / both[lit] - 1
    terms = _terms(x, y)[:, lit]
    fitted = np.zeros(len(terms))
    from scipy.optimize import least_squares  # 24 MB that only raw files are worth

    for number in (len(terms), 1):
        if difference.size >= _ENOUGH * number:
            used = terms[:number]
            fit = least_squares(
                lambda factors, used=used: factors @ used - difference,
                np.zeros(number),
                loss="soft_l1",
                f_scale=_TYPICAL,
            )
            fitted[:number] = fit.x
            break
    # As far out as the blocks' own rims, so that the picture's corners count if they are lit.
    within = fitted @ _terms(x / x.max(), y / y.max())[:, lit]
    limits = np.array([within.min(initial=0.0), within.max(initial=0.0)])
    return fitted, limits.clip(-_LARGEST, _LARGEST)


def _terms(x: Plane, y: Plane) -> Plane:
    """What the coefficients belong to, `6 x H x W`, at `x` (a row) and `y` (a column)."""
    return np.stack(np.broadcast_arrays(1.0, x, y, x * y, x**2, y**2))
