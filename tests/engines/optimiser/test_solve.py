"""From two views to map and picture, on two planes with a step between them."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from dpdeblur.engines.optimiser import OptimiserOptions, Solution, solve
from dpdeblur.engines.optimiser.full import FullOptions
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.engines.optimiser.paper import PaperOptions
from dpdeblur.errors import CalibrationError, OptionError
from dpdeblur.optics import Calibration
from support.optimiser_reference import (
    FloatArray64,
    asymmetric_calibration,
    psnr,
    texture,
    two_planes,
)

HEIGHT, WIDTH = 64, 96
CALIBRATION = asymmetric_calibration(frame=(HEIGHT, WIDTH))
BRIGHTEST = 40.0
"""Light comes in any unit."""
AWAY = np.r_[0:32, 64:WIDTH]
"""Columns that the step in the middle does not reach."""
OPTIONS = OptimiserOptions(full=FullOptions(rounds=2, steps=5))


class Views(NamedTuple):
    """Linear light, H x W x C."""

    left: FloatArray64
    right: FloatArray64


def scene(
    calibration: Calibration | None, radii: tuple[float, float], channels: int
) -> tuple[Views, FloatArray64, FloatArray64]:
    """Views, the sharp picture and the map: the front (`radii[1]`) is the right half."""
    cover = np.zeros((HEIGHT, WIDTH))
    cover[:, WIDTH // 2 :] = 1
    sharp, views = [], []
    for channel in range(channels):
        planes = texture(3 + channel, HEIGHT, WIDTH), texture(13 + channel, HEIGHT, WIDTH)
        sharp.append(np.where(cover, planes[1], planes[0]))
        views.append(two_planes(*planes, cover, Lens(calibration), radii))
    pair = np.stack(views, -1) + np.random.default_rng(0).normal(
        0, 1e-3, (2, HEIGHT, WIDTH, channels)
    )
    left, right = (BRIGHTEST * pair).clip(min=0).astype(np.float32)
    truth = np.where(cover, radii[1], radii[0]).astype(np.float64)
    return Views(left, right), np.stack(sharp, -1), truth


@functools.cache
def solved(
    calibrated: bool, channels: int, method: str
) -> tuple[Solution, Views, FloatArray64, FloatArray64]:
    """Both planes behind focus."""
    calibration = CALIBRATION if calibrated else None
    radii = (5.0, 1.5) if calibrated else (2.7, 0.8)
    views, sharp, truth = scene(calibration, radii, channels)
    options = replace(OPTIONS, method=method)
    return solve(*views, calibration, options), views, sharp, truth


def part_of(views: Views) -> Views:
    """48x32 pixels of it."""
    part = np.s_[:32, 24:72]
    return Views(views.left[part], views.right[part])


cases = pytest.mark.parametrize(("calibrated", "channels"), [(True, 1), (True, 3), (False, 3)])


@cases
@pytest.mark.slow
def test_the_map_is_near_the_truth_off_the_step(calibrated: bool, channels: int) -> None:
    result, _, _, truth = solved(calibrated, channels, "full")
    assert (result.defocus.dtype, result.defocus.shape) == (np.float32, (HEIGHT, WIDTH))
    error = np.abs(result.defocus - truth)
    assert np.median(error) < 0.1 * truth.max()
    assert np.quantile(error[:, AWAY], 0.95) < 0.25 * truth.max()


@cases
@pytest.mark.slow
def test_the_picture_is_sharper_than_the_views(calibrated: bool, channels: int) -> None:
    full, views, sharp, _ = solved(calibrated, channels, "full")
    fast = solved(calibrated, channels, "fast")[0]
    assert (full.sharp.dtype, full.sharp.shape) == (np.float32, (HEIGHT, WIDTH, channels))
    assert full.sharp.min() >= 0
    before, filtered, optimised = (
        psnr(picture[:, AWAY] / BRIGHTEST, sharp[:, AWAY])
        for picture in ((views.left + views.right) / 2, fast.sharp, full.sharp)
    )
    assert filtered > before + 3
    # How much optimising adds is measured where the map is known (test_optimise).
    assert optimised > before + 3


@cases
def test_layers_span_the_map_back_to_front(calibrated: bool, channels: int) -> None:
    result = solved(calibrated, channels, "full")[0]
    assert len(result.layers) == 12
    start = solved(calibrated, channels, "fast")[0]
    assert result.layers == start.layers
    assert result.layers[0] == pytest.approx(float(start.defocus.max()), abs=1e-5)
    assert result.layers[-1] == pytest.approx(float(start.defocus.min()), abs=1e-5)
    assert result.defocus.max() <= result.layers[0]
    assert result.defocus.min() >= result.layers[-1]
    np.testing.assert_allclose(np.diff(result.layers, 2), 0, atol=1e-5)
    assert result.layers[0] > result.layers[-1]


@pytest.mark.parametrize("calibration", [None, CALIBRATION], ids=["generic", "calibrated"])
def test_swapped_views_are_in_front_of_focus(calibration: Calibration | None) -> None:
    radii = (-1.0, -2.6) if calibration is None else (-1.5, -4.0)
    views, _, truth = scene(calibration, radii, 1)
    result = solve(*views, calibration, OptimiserOptions(method="fast"))
    assert (result.defocus < 0.2).all()
    assert np.median(np.abs(result.defocus - truth)) < 0.12 * abs(radii[1])


@cases
def test_full_moves_the_map_a_little(calibrated: bool, channels: int) -> None:
    fast, full = (solved(calibrated, channels, method)[0] for method in ("fast", "full"))
    moved = np.abs(full.defocus - fast.defocus)
    assert 0 < moved.mean() < 0.05 * full.layers[0]


def test_the_step_is_in_its_place() -> None:
    """Within the edges of the views alone, which blur spreads, the mean error is 0.53."""
    result, _, _, truth = solved(True, 3, "fast")
    assert np.abs(result.defocus - truth).mean() < 0.5


@pytest.mark.parametrize("calibration", [None, CALIBRATION], ids=["generic", "calibrated"])
def test_what_lies_beyond_the_range_is_taken_to_its_end(calibration: Calibration | None) -> None:
    views, _, _ = scene(calibration, (2.5, 2.5), 1)
    result = solve(*views, calibration, replace(OPTIONS, radii=(-16.0, 1.0)))
    assert result.defocus.max() <= 1
    assert np.median(result.defocus) > 0.8
    assert np.isfinite(result.sharp).all()


@pytest.mark.parametrize("calibration", [None, CALIBRATION], ids=["generic", "calibrated"])
def test_radii_that_would_spread_light_over_the_picture(calibration: Calibration | None) -> None:
    views, _, _ = scene(calibration, (2.5, 2.5), 1)
    with pytest.raises(OptionError, match=r"^radii: 33 would .* 96x64"):
        solve(*views, calibration, replace(OPTIONS, radii=(-33.0, 1.0)))


def test_equal_input_gives_equal_bits() -> None:
    first, views, _, _ = solved(True, 1, "full")
    left, right = views.left.copy(), views.right.copy()
    again = solve(*views, CALIBRATION, OPTIONS)
    assert np.array_equal(first.defocus, again.defocus)
    assert np.array_equal(first.sharp, again.sharp)
    assert first.layers == again.layers
    np.testing.assert_array_equal(views.left, left)
    np.testing.assert_array_equal(views.right, right)


def test_the_unit_of_light_does_not_matter() -> None:
    first, views, _, _ = solved(True, 1, "fast")
    dimmer = Views(views.left / 64, views.right / 64)
    again = solve(*dimmer, CALIBRATION, OptimiserOptions(method="fast"))
    np.testing.assert_array_equal(first.defocus, again.defocus)
    np.testing.assert_allclose(first.sharp, again.sharp * 64, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.slow
def test_paper_runs(channels: int) -> None:
    views = part_of(solved(True, channels, "fast")[1])
    steps: list[tuple[int, int]] = []
    options = OptimiserOptions(method="paper", paper=PaperOptions(steps=3))
    result = solve(*views, asymmetric_calibration(), options, progress=lambda *at: steps.append(at))
    assert steps == sorted(set(steps))
    assert steps[-1] == (1000, 1000)
    assert result.sharp.shape == (32, 48, channels)
    assert np.isfinite(result.sharp).all()
    assert result.layers[-1] <= result.defocus.min()
    assert result.defocus.max() <= result.layers[0]


def test_a_range_can_be_given() -> None:
    views = solved(True, 1, "fast")[1]
    options = OptimiserOptions(method="fast", radii=(0.5, 2.5))
    result = solve(*views, CALIBRATION, options)
    assert (result.layers[0], result.layers[-1]) == (2.5, 0.5)
    assert result.defocus.min() >= 0.5 - 1e-5
    assert result.defocus.max() <= 2.5 + 1e-5


@pytest.mark.parametrize("method", ["fast", "full", "paper"])
def test_one_radius_makes_one_layer(method: str) -> None:
    views, sharp, _ = scene(CALIBRATION, (4.0, 4.0), 1)
    options = OptimiserOptions(
        method=method,
        radii=(4.0, 4.0),
        full=FullOptions(rounds=1),
        paper=PaperOptions(steps=2),
    )
    result = solve(*views, CALIBRATION, options)
    assert result.layers == (4.0,)
    np.testing.assert_allclose(result.defocus, 4, rtol=1e-6)
    assert np.isfinite(result.sharp).all()
    if method != "paper":  # which cannot in two steps
        blurred = psnr((views.left + views.right) / 2 / BRIGHTEST, sharp)
        assert psnr(result.sharp / BRIGHTEST, sharp) > blurred + 2


def test_progress_rises() -> None:
    _, views, _, _ = solved(True, 1, "full")
    seen: list[tuple[int, int]] = []
    options = OptimiserOptions(full=FullOptions(rounds=2, steps=2, tolerance=0))
    solve(*part_of(views), asymmetric_calibration(), options, progress=lambda *at: seen.append(at))
    assert seen == sorted(set(seen))
    assert {total for _, total in seen} == {seen[-1][0]}


def test_the_fast_method_tells_of_progress_too() -> None:
    _, views, _, _ = solved(True, 1, "full")
    seen: list[tuple[int, int]] = []
    options = OptimiserOptions("fast")
    solve(*part_of(views), asymmetric_calibration(), options, progress=lambda *at: seen.append(at))
    assert len(seen) > 50
    assert seen == sorted(set(seen))
    assert seen[-1] == (1000, 1000)


@pytest.mark.parametrize(("height", "width"), [(33, 32), (32, 700), (97, 35)])
@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.slow
def test_any_size_is_taken(height: int, width: int, calibrated: bool) -> None:
    rng = np.random.default_rng(1)
    left, right = rng.uniform(0, 1, (2, height, width, 1)).astype(np.float32)
    calibration = asymmetric_calibration(3, 5) if calibrated else None
    options = OptimiserOptions(full=FullOptions(rounds=1, steps=1))
    result = solve(left, right, calibration, options)
    assert result.defocus.shape == (height, width)
    assert np.isfinite(result.defocus).all()
    assert np.isfinite(result.sharp).all()


def test_a_calibration_for_another_size_is_refused() -> None:
    views = solved(True, 1, "fast")[1]
    with pytest.raises(CalibrationError, match="96x64"):
        solve(*views, replace(CALIBRATION, frame=(64, 90)))


def test_vignetting_of_the_right_view_is_undone() -> None:
    expected, views, _, _ = solved(True, 1, "fast")
    calibration = replace(CALIBRATION, ratio=np.array([[1.0, 1.6]], np.float32))
    dimmer = (views.right / calibration.match_right(HEIGHT, WIDTH)[..., None]).astype(np.float32)
    dimmed = Views(views.left, dimmer)
    result = solve(*dimmed, calibration, OptimiserOptions(method="fast"))
    np.testing.assert_allclose(result.defocus, expected.defocus, atol=0.02)
    np.testing.assert_allclose(result.sharp, expected.sharp, atol=0.02 * BRIGHTEST)
