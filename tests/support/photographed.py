"""Dual-pixel photographs with a known truth, taken by the optics of this package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.io import write_picture
from dpdeblur.optics import DiskPSF, photograph

Pictures = dict[str, NDArray[np.float32]]


def photographed(
    height: int = 48, width: int = 64, radius: float = 3.0, seed: int = 0, contrast: float = 1.0
) -> Pictures:
    """Left, right, combined and sharp picture of one plane of blocks, `radius` pixels defocused."""
    rng = np.random.default_rng(seed)
    blocks = 0.5 + contrast * (rng.random((height // 4 + 1, width // 4 + 1, 3)) - 0.5)
    sharp = blocks.repeat(4, 0).repeat(4, 1)[:height, :width].astype(np.float32)
    linear = srgb_to_linear(torch.from_numpy(sharp).permute(2, 0, 1)[None])
    views = photograph(linear, torch.full((1, 1, 1, 1), radius), DiskPSF(0.85, 8))
    left, right = (
        linear_to_srgb(view.clamp(0, 1))[0].permute(1, 2, 0).contiguous().numpy() for view in views
    )
    return {"left": left, "right": right, "combined": combine(left, right), "sharp": sharp}


def write_dpdd(root: Path, split: str, pictures: dict[str, Pictures]) -> None:
    """Write a tree as DPDD's: a target has the number after its source's."""
    for number, pixels in pictures.items():
        target = f"1P0A{int(number[-4:]) + 1:04}"
        for place, name, kind in (
            ("l/source", number, "left"),
            ("r/source", number, "right"),
            ("c/source", number, "combined"),
            ("c/target", target, "sharp"),
        ):
            path = root / f"{split}_{place}" / f"{name}.png"
            write_picture(path, pixels[kind], bit_depth=16)
