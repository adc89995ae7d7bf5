"""Kernels and vignetting from photographs whose kernels and vignetting are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from scipy.ndimage import shift
from scipy.signal import fftconvolve

from dpdeblur.calibration import (
    Shots,
    blur_radius,
    centroids,
    disparity,
    dot_grid,
    read_shots,
    solve,
)
from dpdeblur.calibration.kernels import without_outskirts
from dpdeblur.errors import (
    IdenticalViewsError,
    InvalidPictureError,
    OptionError,
    PatternError,
    PictureTooSmallError,
    ShapeMismatchError,
)
from dpdeblur.optics import Calibration, DiskPSF
from support.dot_shots import COLUMNS, HEIGHT, ROWS, SPACING, WIDTH, Taken, take

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
    @pytest.mark.slow
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
        assert steps == [(done, 8) for done in range(9)]

    @pytest.mark.slow
    def test_focus_may_breathe_by_more_than_half_the_spacing(self) -> None:
        """The pattern at the blurred views' borders lies beyond those of the sharp picture."""
        breath = 0.91
        solved = solve(shots_of(take(6.0, breath)), (1, 1), 15)
        down, along = HEIGHT / 2 + 1.3, WIDTH / 2 + 0.8
        moved = np.hypot(down / breath - HEIGHT / 2, along / breath - WIDTH / 2)
        assert moved > 1.8 * SPACING / 2
        assert solved.drift == pytest.approx(moved, abs=0.3)

    @pytest.mark.slow
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

    def test_raw_numbers_are_those_stored_and_srgb_heeds_the_profile(self, tmp_path: Path) -> None:
        numbers = np.random.default_rng(0).integers(1024, 16000, (3, 80, 90), np.uint16)
        numbers[0, 0, 0] = 8000
        linear = bytes(imagecodecs.cms_profile("gray", gamma=1.0))
        paths = [tmp_path / f"{number}.tif" for number in range(3)]
        for path, each in zip(paths, numbers, strict=True):
            tifffile.imwrite(path, each, iccprofile=linear, metadata=None)
        raw = read_shots(*paths, levels=(1024.0, 16383.0))
        np.testing.assert_allclose(raw.left, (numbers[0] - 1024.0) / 16383, rtol=1e-6)
        np.testing.assert_allclose(read_shots(*paths).left, numbers[0] / 65535.0, atol=1e-4)

    def test_portraits_are_read_in_the_sensors_rows(self, tmp_path: Path) -> None:
        numbers = np.random.default_rng(0).integers(0, 60000, (3, 80, 90), np.uint16)
        paths = [tmp_path / f"{number}.tif" for number in range(3)]
        for path, each in zip(paths, numbers, strict=True):
            tifffile.imwrite(path, each, extratags=[(274, 3, 1, 6, True)], metadata=None)
        raw = read_shots(*paths, levels=(0.0, 65535.0))
        np.testing.assert_allclose(raw.sharp, numbers[2] / 65535, rtol=1e-6)

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
        for sharp, reason in ((flat, "the same brightness everywhere"), (noise, "no regular grid")):
            with pytest.raises(
                PatternError, match=f"{reason}.*; give the shot of the dots in focus"
            ):
                solve(dataclasses.replace(good, sharp=sharp), GRID)
        with pytest.raises(PatternError, match="white dots on black"):
            solve(dataclasses.replace(good, sharp=0.8 - good.sharp), GRID)
        other = dataclasses.replace(good, left=noise, right=noise[::-1].copy())
        with pytest.raises(PatternError, match="what the blurred ones show; take both from"):
            solve(other, GRID)
        part = good.sharp.copy()
        part[:, 212:] = 0
        with pytest.raises(PatternError, match="no dots in row 1, column 3"):
            solve(dataclasses.replace(good, sharp=part), GRID)

    @pytest.mark.slow
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


def rendered(noise: float, radius: float = 8.0, side: int = 222, spacing: float = 64) -> Shots:
    """A grid photographed through the disk of that radius, with shot noise; nothing else is off."""
    dots = 0.8 * dot_grid(side + 60, side + 60, spacing, spacing / 6)
    pair = DiskPSF(0.86, 20)(torch.tensor([[radius]], dtype=torch.float64))
    views = [fftconvolve(dots, kernel[0, 0].numpy(), mode="same") for kernel in pair]
    rng = np.random.default_rng(0)
    shots = []
    for light in (*views, dots):
        inner = light[30:-30, 30:-30].clip(0)
        spread = noise * np.sqrt(0.25**2 + 0.9375 * inner)
        shots.append((inner + spread * rng.normal(size=inner.shape)).clip(0).astype(np.float32))
    return Shots(*shots)


@pytest.mark.slow
def test_noise_does_not_widen_the_blur() -> None:
    for noise in (0.0, 0.005):
        found = solve(rendered(noise), (1, 1)).calibration
        assert found.radius == pytest.approx(8, rel=0.006)


def test_a_blurred_shot_is_not_taken_for_a_sharp_one() -> None:
    shots, other = rendered(0.001), rendered(0.002)
    for blurred in (shots.left, other.right, shots.left + shots.right):
        with pytest.raises(PatternError, match="as blurred as the views"):
            solve(dataclasses.replace(shots, sharp=blurred), (1, 1))
    for less in (4.0, -6.0):
        with pytest.raises(PatternError, match="out of focus"):
            solve(dataclasses.replace(shots, sharp=rendered(0.001, less).left), (1, 1))
    (warning,) = solve(dataclasses.replace(shots, sharp=rendered(0.001, 2.0).left), (1, 1)).warnings
    assert "may be out of focus: a standard deviation of 1.1 pixels" in warning


def test_views_of_opposite_brightness_have_a_next_step() -> None:
    shots = rendered(0.0)
    falling = np.linspace(1, -0.2, shots.sharp.shape[1], dtype=np.float32)
    with pytest.raises(PatternError, match="in brightness; take all with the same lighting"):
        solve(dataclasses.replace(shots, left=shots.left * falling), (1, 1))


class TestOutskirts:
    def test_what_is_faint_far_outside_goes(self) -> None:
        disk = (np.hypot(*np.ogrid[-20:21, -20:21]) < 6).astype(np.float32)
        kernels = np.broadcast_to(disk + np.float32(1e-4), (2, 2, 3, 41, 41))
        kernels = kernels / kernels.sum((-2, -1), keepdims=True)
        kept, share = without_outskirts(kernels)
        assert 0 < share < 0.002
        assert kept[..., 0, :].max() == 0
        np.testing.assert_allclose(kept.sum((-2, -1)), 1, rtol=1e-5)

    def test_a_kernel_that_fills_its_frame_stays(self) -> None:
        kernels = np.full((2, 1, 1, 9, 9), 1 / 81, np.float32)
        kept, share = without_outskirts(kernels)
        np.testing.assert_array_equal(kept, kernels)
        assert share == 0

    def test_a_ring_stays_whole(self) -> None:
        distance = np.hypot(*np.ogrid[-15:16, -15:16])
        ring = ((distance > 6) & (distance < 10)).astype(np.float32)
        kernels = np.broadcast_to(ring / ring.sum(), (2, 1, 1, 31, 31))
        np.testing.assert_allclose(without_outskirts(kernels)[0], kernels, rtol=1e-6)
