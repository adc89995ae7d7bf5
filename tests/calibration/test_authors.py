"""The authors' calibration folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter

from dpdeblur.calibration import disparity, import_folder
from dpdeblur.errors import (
    CalibrationError,
    MissingFileError,
    ShapeMismatchError,
    UnreadableFileError,
)
from support.authors_folder import authors_folder


class TestImport:
    @pytest.mark.parametrize("margin", [(0, 0), (64, 64), (10, 90)])
    def test_the_authors_folder(self, tmp_path: Path, margin: tuple[int, int]) -> None:
        written = authors_folder(tmp_path, margin)
        found = import_folder(tmp_path)
        assert found.frame == (336, 504)
        assert found.levels == (1024.0, 16383.0)
        for side in ("left", "right"):
            kernels = written[f"kernels_{side}"].reshape(2, 3, 9, 9)
            kernels = kernels / kernels.sum((2, 3), keepdims=True)
            np.testing.assert_allclose(getattr(found, side), kernels, rtol=1e-5)
        left, right = (written[f"sheet_{side}"].astype(float) - 1024 for side in ("left", "right"))
        down, along = margin
        ratio = uniform_filter(left / right, 101)[down : down + 336, along : along + 504]
        assert found.ratio is not None
        assert found.ratio.shape == (42, 63)
        matched = found.match_right(336, 504)
        inner = np.s_[50:-50, 50:-50]
        np.testing.assert_allclose(matched[inner], ratio[inner], rtol=1e-3)
        light = 3000 + 600 * np.linspace(0, 1, 504 + 2 * along)[along : along + 504]
        np.testing.assert_allclose(matched, np.broadcast_to(light / 3000, (336, 504)), rtol=5e-3)

    def test_a_dead_pixel_of_a_white_sheet_is_no_vignetting(self, tmp_path: Path) -> None:
        written = authors_folder(tmp_path)
        clean = import_folder(tmp_path).ratio
        sheet = written["sheet_right"].copy()
        sheet[200, 300] = 1025
        Image.fromarray(sheet).save(tmp_path / "white_sheet_right_crop.png")
        found = import_folder(tmp_path).ratio
        assert clean is not None
        assert found is not None
        np.testing.assert_allclose(found, clean, rtol=1e-3)

    def test_the_radius_is_that_of_a_disk_as_wide(self, tmp_path: Path) -> None:
        written = authors_folder(tmp_path)
        squares, apart = [], []
        y, x = np.mgrid[-4:5, -4:5]
        for left, right in zip(written["kernels_left"], written["kernels_right"], strict=True):
            left, right = left / left.sum(), right / right.sum()
            both = (left + right) / 2
            cy, cx = (both * y).sum(), (both * x).sum()
            squares.append((both * ((y - cy) ** 2 + (x - cx) ** 2)).sum())
            apart.append((right * x).sum() - (left * x).sum())
        found = import_folder(tmp_path)
        assert found.radius == pytest.approx(np.sqrt(2 * np.mean(squares)), rel=1e-5)
        np.testing.assert_allclose(disparity(found.left, found.right).ravel(), apart, rtol=1e-4)

    def test_views_in_front_of_focus_have_a_negative_radius(self, tmp_path: Path) -> None:
        written = authors_folder(tmp_path)
        behind = import_folder(tmp_path).radius
        np.save(tmp_path / "blur_kernels_left.npy", written["kernels_right"])
        np.save(tmp_path / "blur_kernels_right.npy", written["kernels_left"])
        assert import_folder(tmp_path).radius == pytest.approx(-behind)

    def test_what_is_wrong_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError):
            import_folder(tmp_path / "none")
        with pytest.raises(MissingFileError, match="blur_kernels_left"):
            import_folder(tmp_path)
        written = authors_folder(tmp_path)
        right = tmp_path / "blur_kernels_right.npy"
        kernels = written["kernels_right"]
        for content, reason in (
            (b"text", "not an .npy file"),
            (b"", "not an .npy file"),
            (b"\x93NUMPY\x01\0\x10\0{'descr': '<f4', ", "not an .npy file"),
            (b"\x93NUMPY\x01\0\x08\0(((((((\n", "not an .npy file"),
            (np.ones((6, 9)), "not N x K x K"),
            (np.ones((6, 9, 9), int), "floating-point"),
            (kernels[:4], r"shape is \(4, 9, 9\)"),
        ):
            if isinstance(content, bytes):
                right.write_bytes(content)
            else:
                np.save(right, content)
            with pytest.raises(UnreadableFileError, match=reason):
                import_folder(tmp_path)
        for values in (kernels * np.nan, -kernels):
            np.save(right, values)
            with pytest.raises(CalibrationError, match="right has values"):
                import_folder(tmp_path)
        for side in ("left", "right"):
            np.save(tmp_path / f"blur_kernels_{side}.npy", np.ones((7, 9, 9)))
        with pytest.raises(UnreadableFileError, match="7 tiles of 168x168 pixels do not fit"):
            import_folder(tmp_path)
        authors_folder(tmp_path)
        with pytest.raises(UnreadableFileError, match="at or below 5000"):
            import_folder(tmp_path, (5000.0, 16383.0))
        sheet = tmp_path / "white_sheet_left_crop.png"
        Image.fromarray(written["sheet_left"][:-2]).save(sheet)
        with pytest.raises(ShapeMismatchError, match="white sheets"):
            import_folder(tmp_path)
        sheet.rename(tmp_path / "other.png")
        with pytest.raises(UnreadableFileError, match="0 files white_sheet_left"):
            import_folder(tmp_path)

    def test_names_of_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for name, reason in (("file", "not a folder"), ("n" * 300, "too long")):
            with pytest.raises(UnreadableFileError, match=reason):
                import_folder(tmp_path / name)
        with pytest.raises(MissingFileError):
            import_folder(tmp_path / "none")
