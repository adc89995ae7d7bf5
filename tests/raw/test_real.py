"""Acceptance on real files, which are too large and too rare to be kept here.

Set DPDEBLUR_DPRAW_DIR to a folder of Canon raw files (CR2, CR3) taken with Dual Pixel RAW on; some
with it off may lie among them. raw.pixls.us has such files, free of rights.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dpdeblur.errors import SingleFrameError
from dpdeblur.io import read_picture
from dpdeblur.raw import RawOptions, RawPhoto, develop, examine_raw, imbalance
from support.command import run

FOLDER = os.environ.get("DPDEBLUR_DPRAW_DIR")
pytestmark = [
    pytest.mark.skipif(not FOLDER, reason="DPDEBLUR_DPRAW_DIR names no folder of real files"),
    pytest.mark.slow,
]

# What Canon's own software makes of them: width, height.
SIZES = {
    "Canon EOS 5D Mark IV": (6720, 4480),
    "Canon EOS R": (6720, 4480),
    "Canon EOS R5": (8192, 5464),
    "Canon EOS R6m2": (6000, 4000),
    "Canon EOS R7": (6960, 4640),
    "Canon EOS R8": (6000, 4000),
}


def raws() -> list[Path]:
    folder = Path(FOLDER or ".")
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".cr2", ".cr3"})


@pytest.fixture(scope="module")
def photos() -> list[RawPhoto]:
    """The usable ones; the others must have had the camera's switch off."""
    found = [examine_raw(path) for path in raws()]
    for photo in found:
        assert photo.problem is None or isinstance(photo.problem, SingleFrameError), photo.problem
    usable = [photo for photo in found if photo.problem is None]
    assert usable, "none of the files is a Dual Pixel RAW"
    return usable


def test_frames_are_both_photodiodes_and_one(photos: list[RawPhoto]) -> None:
    for photo in photos:
        assert photo.agreement is not None
        share = photo.agreement.share
        # Shown with -rP: what a single real file settles.
        blacks = [frame.black.ravel().tolist() for frame in photo.frames]
        print(photo.path.name, photo.header.model, blacks, photo.clip, share, imbalance(photo))  # noqa: T201
        assert share == pytest.approx(0.5, abs=0.05)
        assert photo.agreement.impossible < 1e-3


def test_sizes(photos: list[RawPhoto]) -> None:
    for photo in photos:
        expected = SIZES.get(photo.header.model)
        assert expected in {None, (photo.crop.width, photo.crop.height)}


def test_views_are_two_halves_of_one_picture(photos: list[RawPhoto]) -> None:
    for photo in photos:
        pictures, warnings = develop(photo, RawOptions(half=True), combined=True)
        assert warnings == ()
        left, right, combined = (
            pictures[name].astype(np.float32) for name in ("left", "right", "combined")
        )
        assert not np.array_equal(left, right)
        middle = (combined > 2000) & (combined < 40000)
        difference = ((left + right) / 2 - combined)[middle]
        assert abs(np.median(difference)) < 0.01 * np.median(combined[middle])
        assert np.corrcoef(left[::7, ::7, 1].ravel(), right[::7, ::7, 1].ravel())[0, 1] > 0.9


def test_fix(photos: list[RawPhoto], tmp_path: Path) -> None:
    output = tmp_path / "out.jpg"
    result = run("fix", photos[0].path, "--size", "840", "-o", output)
    assert result.exit_code == 0, result.stderr
    assert max(read_picture(output).srgb().shape) == 840
