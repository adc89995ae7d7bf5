"""Settings of all tests; the bundled real pair, and small pairs cut from it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from dpdeblur.io import read_views, write_picture
from dpdeblur.pair import DPViews

# No deadline: machines differ. In continuous integration the same examples every time, so that a
# change is never blamed for what a new example finds; elsewhere new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

EXAMPLE = Path(__file__).parents[1] / "examples" / "canon_r6ii"


@pytest.fixture(scope="session")
def example() -> DPViews:
    """The bundled Canon R6 II pair, 768x512."""
    return read_views(EXAMPLE / "l.png", EXAMPLE / "r.png")


@pytest.fixture(scope="session")
def small_views(example: DPViews) -> DPViews:
    """A textured part of it, 59x50."""
    part = np.s_[300:350, 410:469]
    return DPViews(example.left[part].copy(), example.right[part].copy())


@pytest.fixture
def pair(tmp_path: Path, small_views: DPViews) -> tuple[Path, Path]:
    """That part as 16-bit files, a_L.png and a_R.png."""
    return write_pair(tmp_path, "a", small_views.left, small_views.right)


def write_pair(
    folder: Path, stem: str, left: NDArray[np.float32], right: NDArray[np.float32]
) -> tuple[Path, Path]:
    """Write two views as 16-bit PNG."""
    paths = folder / f"{stem}_L.png", folder / f"{stem}_R.png"
    for path, pixels in zip(paths, (left, right), strict=True):
        write_picture(path, pixels, bit_depth=16)
    return paths
