"""A disk in front of a wall, photographed with known depth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.optics import DiskPSF, photograph
from dpdeblur.pair import DualPixelPair

HEIGHT, WIDTH = 320, 480
DISK = (240, 160)
"""A point of the disk: column, row."""
WALL = (30, 30)


@dataclass(frozen=True, eq=False)
class Planes:
    """The views, the sharp picture (sRGB), signed radii and where the disk is."""

    pair: DualPixelPair
    sharp: NDArray[np.float32]
    radius: NDArray[np.float32]
    disk: NDArray[np.bool_]


@cache
def planes(in_front: float, behind: float) -> Planes:
    """Both covered with random leaves, `in_front` and `behind` being their signed radii."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    disk = np.hypot(columns - DISK[0], rows - DISK[1]) < 90
    sharp = np.where(disk[..., None], _leaves(rng), _leaves(rng)).astype(np.float32)
    radius = np.where(disk, in_front, behind).astype(np.float32)
    light = srgb_to_linear(torch.from_numpy(sharp)).movedim(-1, 0)[None]
    left, right = (
        linear_to_srgb(view.clamp(0, 1))[0].movedim(0, -1).contiguous().numpy()
        for view in photograph(light, torch.from_numpy(radius)[None, None], DiskPSF(0.86, 12))
    )
    return Planes(DualPixelPair(left, right), sharp, radius, disk)


def _leaves(rng: np.random.Generator) -> NDArray[np.float64]:
    """Squares of all sizes that cover each other, as surfaces in photographs do."""
    picture = np.full((HEIGHT, WIDTH, 3), 0.5)
    for side in (60 / np.arange(1, 3000) ** 0.4).astype(int):
        row, column = rng.integers(-side, (HEIGHT, WIDTH))
        patch = np.s_[max(row, 0) : row + side, max(column, 0) : column + side]
        picture[patch] = 0.5 * rng.random() + 0.4 * rng.random(3)
    return picture
