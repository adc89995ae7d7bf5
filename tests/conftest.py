"""Settings of all tests; the bundled real pair, and small pairs cut from it."""

from __future__ import annotations

import os

# Before PyTorch is imported: tests run in as many processes as there are cores, and threads beside
# these only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from dpdeblur.pair import DualPixelPair, read_pair
from support.pairs import EXAMPLE, write_pair

# No deadline: machines differ. In continuous integration the same examples every time, so that a
# change is never blamed for what a new example finds; elsewhere new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults of whoever runs the tests are not theirs."""
    monkeypatch.setenv("DPDEBLUR_CONFIG", os.devnull)


@pytest.fixture(scope="session")
def example() -> DualPixelPair:
    """The bundled Canon R6 II pair, 768x512."""
    return read_pair(EXAMPLE / "l.png", EXAMPLE / "r.png")


@pytest.fixture(scope="session")
def small_views(example: DualPixelPair) -> DualPixelPair:
    """A textured part of it, 59x50."""
    part = np.s_[300:350, 410:469]
    return DualPixelPair(example.left[part].copy(), example.right[part].copy())


@pytest.fixture
def pair(tmp_path: Path, small_views: DualPixelPair) -> tuple[Path, Path]:
    """That part as 16-bit files, a_L.png and a_R.png."""
    return write_pair(tmp_path, "a", small_views.left, small_views.right)
