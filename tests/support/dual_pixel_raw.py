"""Dual Pixel RAW files of known scenes, as a Canon camera would have written them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.cr2_writer import dual_pixel_frames, to_mosaic, write_cr2

BLACK, WHITE = 512, 16383
NEUTRAL = (1024, 1024, 1024, 1024)
# Adobe's numbers for this camera (D65), and IEC 61966-2-1.
CAMERA_OF_XYZ = np.array(
    [[0.6446, -0.0366, -0.0864], [-0.4436, 1.2204, 0.2513], [-0.0952, 0.2496, 0.6348]]
)
XYZ_OF_SRGB = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
Picture = NDArray[Any]


def write_scene(
    path: Path,
    left: Picture,
    right: Picture,
    *,
    scale: float = WHITE - BLACK,
    black: int = BLACK,
    white_balance: tuple[int, int, int, int] = NEUTRAL,
    border: tuple[int, int] = (4, 6),
    **settings: Any,
) -> tuple[Picture, Picture]:
    """Write what the sensor sees of two views (H x W x 3, linear, in the camera's own colours).

    `black` is that of both frames: the 5D Mark IV has 2048 instead at some sensitivities. H and W
    are even; the sensor is `border` (left, top) larger on both sides, as cameras' are.
    Gives back the mosaics of the visible part: both photodiodes, and the one of `left`.
    """
    left_border, top = border
    height, width = left.shape[:2]
    around = ((top, top), (left_border, left_border), (0, 0))
    mosaics = [to_mosaic(np.pad(view, around, mode="edge")) for view in (left, right)]
    frames = dual_pixel_frames(*mosaics, blacks=(black, black), scale=scale)
    # LibRaw takes the columns from left to right - 1.
    sensor_info = (left_border, top, left_border + width, top + height)
    settings = {"sensor_info": sensor_info, "black": black, "white": WHITE} | settings
    write_cr2(path, frames, white_balance=white_balance, **settings)
    window = np.s_[top : top + height, left_border : left_border + width]
    return frames[0][window], frames[1][window]


def camera_colours(picture: Picture) -> Picture:
    """Linear sRGB (H x W x 3) as an EOS 5D Mark IV sees it, white being (1, 1, 1) in both."""
    camera_of_srgb = CAMERA_OF_XYZ @ XYZ_OF_SRGB
    return picture @ (camera_of_srgb / camera_of_srgb.sum(1, keepdims=True)).T


def smooth_scene(height: int = 96, width: int = 128, seed: int = 0) -> tuple[Picture, Picture]:
    """Two smooth views that differ a little, in [0.1, 0.8], of every colour."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 40
    phases = rng.uniform(0, 6, (2, 3))
    wave = [np.sin(x[..., None] + p) * np.cos(y[..., None] + p[::-1]) for p in phases]
    scene = 0.45 + 0.25 * wave[0]
    return scene + 0.05 * wave[1], scene - 0.05 * wave[1]
