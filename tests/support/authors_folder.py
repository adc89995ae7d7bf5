"""A calibration folder as the authors of the Pixel 4 data set publish theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def authors_folder(folder: Path, margin: tuple[int, int] = (10, 20)) -> dict[str, np.ndarray]:
    """2 x 3 tiles of 168 pixels, kernels of 9, white sheets with a margin."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    written = {}
    for side, place in (("left", 2), ("right", 5)):
        kernels = rng.random((6, 9, 9)).astype(np.float32) * 0.1
        kernels[:, 3:6, place : place + 2] += np.arange(1, 7)[:, None, None]
        np.save(folder / f"blur_kernels_{side}.npy", kernels)
        height, width = 336 + 2 * margin[0], 504 + 2 * margin[1]
        x = np.linspace(0, 1, width)
        light = 3000 + rng.normal(0, 20, (height, width)) + (600 * x if side == "left" else 0)
        sheet = np.rint(light + 1024).astype(np.uint16)
        Image.fromarray(sheet).save(folder / f"white_sheet_{side}_crop.png")
        written |= {f"kernels_{side}": kernels, f"sheet_{side}": sheet}
    return written
