"""Kernels as a picture."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dpdeblur.calibration import draw_kernels
from dpdeblur.errors import OutputExistsError
from dpdeblur.optics import Calibration
from support.dot_shots import take


class TestDraw:
    def test_each_kernel_is_drawn_in_its_tile(self, tmp_path: Path) -> None:
        """Those of one tile are points, as bright as can be; all others are spread evenly."""
        left, right = np.ones((2, 2, 3, 9, 9), np.float32)
        for part, row, column in ((left, 0, 2), (right, 1, 0)):
            part[row, column] = 0
            part[row, column, 4, 4] = 1
        draw_kernels(tmp_path / "kernels.png", Calibration(left, right, 3.0))
        drawn = np.asarray(Image.open(tmp_path / "kernels.png").convert("L")).astype(int)
        height, width = drawn.shape
        upper = drawn[: height // 2]
        for panel, middle in (
            (upper[:, : width // 2], (1 / 4, 5 / 6)),
            (upper[:, width // 2 :], (3 / 4, 1 / 6)),
        ):
            dark = panel < 100  # figures are white
            rows, columns = (np.flatnonzero(dark.mean(axis) > 0.5) for axis in (1, 0))
            inside = panel[rows[0] : rows[-1], columns[0] : columns[-1]]
            point = np.argwhere(inside > 200).mean(0) / inside.shape
            np.testing.assert_allclose(point, middle, atol=0.02)

    def test_a_column_of_many_tiles_is_no_endless_picture(self, tmp_path: Path) -> None:
        kernels = np.ones((64, 1, 3, 3), np.float32)
        draw_kernels(tmp_path / "kernels.png", Calibration(kernels, kernels, 3.0))
        with Image.open(tmp_path / "kernels.png") as picture:
            assert picture.height < 6000

    def test_many_large_kernels_are_drawn_smaller(self, tmp_path: Path) -> None:
        kernels = np.ones((64, 64, 61, 61), np.float32)
        started = time.process_time()
        draw_kernels(tmp_path / "kernels.png", Calibration(kernels, kernels, 3.0))
        assert time.process_time() - started < 12  # 2 s; full size takes 10 times as long

    @pytest.mark.slow
    def test_left_is_orange_and_right_is_blue(self, tmp_path: Path) -> None:
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
