"""A disk in front of a wall, photographed with known depth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.io import read_picture
from dpdeblur.optics import DiskPSF, photograph
from dpdeblur.pair import DualPixelPair
from support.pairs import EXAMPLE

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
    """Both made of the bundled picture, `in_front` and `behind` being their signed radii."""
    picture = read_picture(EXAMPLE / "l.png").srgb()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    disk = np.hypot(columns - DISK[0], rows - DISK[1]) < 90
    back, front = picture[-HEIGHT:, -WIDTH:], picture[-HEIGHT:, :WIDTH][:, ::-1]
    sharp = np.where(disk[..., None], front, back).astype(np.float32)
    radius = np.where(disk, in_front, behind).astype(np.float32)
    light = srgb_to_linear(torch.from_numpy(sharp)).movedim(-1, 0)[None]
    left, right = (
        linear_to_srgb(view.clamp(0, 1))[0].movedim(0, -1).contiguous().numpy()
        for view in photograph(light, torch.from_numpy(radius)[None, None], DiskPSF(0.86, 12))
    )
    return Planes(DualPixelPair(left, right), sharp, radius, disk)
