"""Kernels and vignetting from photographs whose kernels and vignetting are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from dot_shots import COLUMNS, HEIGHT, ROWS, SPACING, WIDTH, Taken, take
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import shift, uniform_filter

from dpdeblur.calibration import (
    Shots,
    blur_radius,
    centroids,
    disparity,
    dot_grid,
    draw_kernels,
    import_folder,
    solve,
)
from dpdeblur.errors import (
    CalibrationError,
    IdenticalViewsError,
    InvalidPictureError,
    MissingFileError,
    OptionError,
    OutputExistsError,
    PatternError,
    PictureTooSmallError,
    ShapeMismatchError,
    UnreadableFileError,
)
from dpdeblur.optics import Calibration

GRID = ROWS, COLUMNS


def shots_of(taken: Taken, *, whites: bool = False) -> Shots:
    left, right, sharp, *sheets = (
        part.astype(np.float32) for part in (taken.left, taken.right, taken.sharp, *taken.whites)
    )
    return Shots(left, right, sharp, (sheets[0], sheets[1]) if whites else None)


def errors(calibration: Calibration, taken: Taken) -> NDArray[np.float64]:
    """Each kernel's distance from the true one over its norm, common centroids made one."""
    found = np.stack([calibration.left, calibration.right])
    rim = (found.shape[-1] - taken.kernels.shape[-1]) // 2
    true = np.pad(taken.kernels, ((0, 0), (0, 0), (0, 0), (rim, rim), (rim, rim)))
    off = centroids(true.mean(0)) - centroids(found.mean(0))
    result = np.empty((2, *GRID))
    for view, row, column in np.ndindex(2, *GRID):
        moved = shift(found[view, row, column], off[row, column, ::-1], order=3)
        kernel = true[view, row, column]
        result[view, row, column] = np.linalg.norm(moved - kernel) / np.linalg.norm(kernel)
    return result


class TestSolve:
    @pytest.mark.parametrize("radius", [6.0, -6.0])
    def test_kernels_and_vignetting_are_recovered(self, radius: float) -> None:
        """The sharp shot is moved, scaled and darker, all are noisy."""
        taken = take(radius)
        steps: list[tuple[int, int]] = []
        solved = solve(shots_of(taken), GRID, progress=lambda *step: steps.append(step))
        found = solved.calibration
        wrong = errors(found, taken)
        assert wrong.mean() < 0.08, wrong
        assert wrong.max() < 0.1, wrong
        apart = disparity(*taken.kernels)
        assert np.sign(apart).mean() == np.sign(radius)
        np.testing.assert_allclose(disparity(found.left, found.right), apart, atol=0.05)
        assert found.radius == pytest.approx(blur_radius(*taken.kernels), rel=0.01)
        ratio = found.match_right(HEIGHT, WIDTH) / taken.ratio
        assert np.abs(ratio - 1).max() < 0.025
        assert np.abs(ratio - 1).mean() < 0.01
        assert found.frame == (HEIGHT, WIDTH)
        assert found.levels is None
        assert solved.spacing == pytest.approx(SPACING, abs=0.5)
        assert solved.residual.shape == (*GRID, 2)
        assert 0 < solved.residual.mean() < 0.05
        np.testing.assert_array_equal(found.extra["residual"], solved.residual)
        assert solved.warnings == ()
        assert steps == [(done, 6) for done in range(1, 7)]

    def test_without_noise_and_drift_little_is_left_unexplained(self) -> None:
        taken = take(6.0, 1.0, noise=False)
        solved = solve(shots_of(taken), GRID, 19)
        assert solved.calibration.left.shape == (*GRID, 19, 19)
        assert errors(solved.calibration, taken).mean() < 0.08
        assert solved.residual.max() < 0.04

    def test_white_sheets_give_the_ratio(self) -> None:
        taken = take()
        found = solve(shots_of(taken, whites=True), (1, 1), 15).calibration
        np.testing.assert_allclose(found.match_right(HEIGHT, WIDTH), taken.ratio, rtol=0.015)

    def test_levels_are_kept(self) -> None:
        shots = dataclasses.replace(shots_of(take()), levels=(64.0, 1023.0))
        assert solve(shots, (1, 1), 15).calibration.levels == (64.0, 1023.0)

    def test_kernels_too_small_for_the_blur_are_doubted(self) -> None:
        (warning,) = solve(shots_of(take()), (1, 1), 9).warnings
        assert "light reaches the border of the 9 pixels" in warning

    @pytest.mark.parametrize("size", [8, 3, 23, 401])
    def test_sizes_that_the_dots_do_not_allow(self, size: int) -> None:
        with pytest.raises(OptionError, match=f"{size} is not an odd number from 5 to 21"):
            solve(shots_of(take()), GRID, size)

    def test_tiles_that_are_too_small(self) -> None:
        with pytest.raises(PatternError, match="fewer tiles"):
            solve(shots_of(take()), (12, 3))

    def test_pictures_that_are_no_pattern(self) -> None:
        good = shots_of(take())
        rng = np.random.default_rng(0)
        flat = np.full_like(good.sharp, 0.2)
        noise = rng.random(good.sharp.shape, np.float32) ** 2
        for sharp, reason in ((flat, "of one brightness"), (noise, "no regular grid")):
            with pytest.raises(PatternError, match=reason):
                solve(dataclasses.replace(good, sharp=sharp), GRID)
        with pytest.raises(PatternError, match="white dots on black"):
            solve(dataclasses.replace(good, sharp=0.8 - good.sharp), GRID)
        other = dataclasses.replace(good, left=noise, right=noise[::-1].copy())
        with pytest.raises(PatternError, match="does not show what the blurred ones show"):
            solve(other, GRID)
        part = good.sharp.copy()
        part[:, 212:] = 0
        with pytest.raises(PatternError, match="no dots in row 1, column 3"):
            solve(dataclasses.replace(good, sharp=part), GRID)

    def test_views_that_are_not_apart(self) -> None:
        good = shots_of(take())
        rng = np.random.default_rng(0)
        noise = rng.normal(0, 1e-4, good.left.shape).astype(np.float32)
        with pytest.raises(PatternError, match=r"only 0\.0\d pixels apart"):
            solve(dataclasses.replace(good, right=(good.left + noise).clip(0)), GRID)

    def test_shots_that_are_none(self) -> None:
        good = shots_of(take())
        with pytest.raises(IdenticalViewsError):
            Shots(good.left, good.left, good.sharp)
        with pytest.raises(ShapeMismatchError, match="left and the sharp"):
            Shots(good.left, good.right, good.sharp[:-1])
        with pytest.raises(PictureTooSmallError):
            Shots(good.left[:50], good.right[:50], good.sharp[:50])
        with pytest.raises(InvalidPictureError, match="right picture"):
            Shots(good.left, good.right * np.float32(np.nan), good.sharp)
        with pytest.raises(InvalidPictureError, match="left white"):
            Shots(good.left, good.right, good.sharp, (good.left.astype(float), good.right))


class TestPattern:
    def test_dots_are_discs_of_that_size_and_place(self) -> None:
        dots = dot_grid(121, 200, 24.0, 7.0)
        assert dots.shape == (121, 200)
        assert dots.dtype == np.float32
        # The frame's middle, (59.5 + 0.5, 99.5) counted in pixels, lies between four dots.
        for row, column in np.ndindex(4, 8):
            y, x = 60 + (row - 1.5) * 24, 99.5 + (column - 3.5) * 24
            down, along = np.mgrid[:121, :200]
            cell = dots * ((abs(down - y) < 12) & (abs(along - x) < 12))
            assert cell.sum() == pytest.approx(np.pi * 3.5**2, rel=0.02)
            assert (cell * down).sum() / cell.sum() == pytest.approx(y, abs=0.02)
            assert (cell * along).sum() / cell.sum() == pytest.approx(x, abs=0.02)
        assert (dots == 0).mean() > 0.85
        np.testing.assert_array_equal(dots, dots[::-1, ::-1])

    @pytest.mark.parametrize(
        "numbers", [(0, 9, 9, 3), (9, 10**6, 9, 3), (9, 9, 9, 1), (9, 9, 9, 5), (9, 9, np.nan, 3)]
    )
    def test_what_is_no_grid(self, numbers: tuple[int, int, float, float]) -> None:
        with pytest.raises(OptionError):
            dot_grid(*numbers)


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
            (b"text", "no .npy file"),
            (b"", "no .npy file"),
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


class TestDraw:
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
