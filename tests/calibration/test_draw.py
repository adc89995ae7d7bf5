"""Kernels as a picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dpdeblur.calibration import draw_kernels
from dpdeblur.errors import OutputExistsError
from dpdeblur.optics import Calibration
from support.dot_shots import COLUMNS, ROWS, take

GRID = ROWS, COLUMNS


class TestDraw:
    @pytest.mark.slow
    def test_kernels_stand_in_their_tiles(self, tmp_path: Path) -> None:
        taken = take()
        path = tmp_path / "kernels.png"
        plain = Calibration(*taken.kernels.astype(np.float32), 6.0)
        draw_kernels(path, plain)
        without = np.asarray(Image.open(path).convert("RGB"))
        with pytest.raises(OutputExistsError):
            draw_kernels(path, plain)
        ratio = np.array([[1.0, 1.4], [1.1, 1.2]], np.float32)
        draw_kernels(path, dataclasses.replace(plain, ratio=ratio), overwrite=True)
        drawn = np.asarray(Image.open(path).convert("RGB")).astype(int)
        height, width, _ = drawn.shape
        # Left kernels are orange, right ones blue, and where light is, it lies apart.
        part = drawn[height // 2 :, : width // 2]
        reddish = part[..., 0] - part[..., 2]
        assert (reddish > 60).sum() > 500
        assert (reddish < -60).sum() > 500
        corner = np.s_[height // 2 :, width // 2 :]
        assert not np.array_equal(drawn[corner], without[corner])
