"""The bundled real pair, and views as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dpdeblur.io import write_picture

EXAMPLE = Path(__file__).parents[2] / "examples" / "canon_r6ii"


def write_pair(
    folder: Path, stem: str, left: NDArray[np.float32], right: NDArray[np.float32]
) -> tuple[Path, Path]:
    """Write two views as 16-bit PNG."""
    paths = folder / f"{stem}_L.png", folder / f"{stem}_R.png"
    for path, pixels in zip(paths, (left, right), strict=True):
        write_picture(path, pixels, bit_depth=16)
    return paths
