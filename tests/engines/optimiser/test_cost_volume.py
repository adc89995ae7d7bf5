"""The closed-form map on planes of known defocus, textured and a little noisy."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import Tensor

from dpdeblur.engines.optimiser.cost_volume import cost_volume, radius_range, soft_argmin
from dpdeblur.engines.optimiser.lens import Lens
from support.optimiser_reference import (
    FloatArray64,
    asymmetric_calibration,
    plane,
    texture,
    two_planes,
)

LENSES = {"generic": Lens(), "calibrated": Lens(asymmetric_calibration())}
CANDIDATES = np.linspace(-6.4, 6.4, 33).tolist()
STEP = CANDIDATES[1] - CANDIDATES[0]
lenses = pytest.mark.parametrize("lens", list(LENSES))


def taken(views: FloatArray64) -> Tensor:
    """What a camera records: with noise of 0.2 % of the brightest."""
    noise = np.random.default_rng(0).normal(0, 2e-3, views.shape)
    return torch.from_numpy((views + noise).astype(np.float32))


@functools.cache
def plane_at(lens: str, radius: float) -> tuple[Tensor, Tensor]:
    """Views and costs."""
    views = taken(plane(texture(2, 96, 128), LENSES[lens], radius))
    return views, cost_volume(views, LENSES[lens], CANDIDATES)


@lenses
@pytest.mark.parametrize("radius", [-5.0, -1.7, 1.2, 3.0])
@pytest.mark.slow
def test_a_plane_is_found_on_its_side_of_focus(lens: str, radius: float) -> None:
    _, costs = plane_at(lens, radius)
    assert costs.shape == (len(CANDIDATES), 96, 128)
    mean, variance = soft_argmin(costs, CANDIDATES)
    error = (mean - radius).abs()
    assert float(mean.median()) == pytest.approx(radius, abs=0.55 * STEP)
    assert float(error.quantile(0.9)) < 1.2 * STEP
    assert float((mean * radius <= 0).float().mean()) < 0.001
    assert float(variance.min()) >= 0
    assert float(variance.median()) < STEP**2


@lenses
def test_what_is_in_focus_is_found_sharp(lens: str) -> None:
    _, costs = plane_at(lens, 0.0)
    mean, _ = soft_argmin(costs, CANDIDATES)
    assert float(mean.abs().quantile(0.9)) < 0.5 * STEP


def test_soft_argmin_is_the_mean_of_what_is_probable() -> None:
    costs = torch.tensor([0.0, 0.0, 5.0])[:, None, None]
    mean, variance = soft_argmin(costs, [1.0, 2.0, 9.0])
    assert mean.item() == pytest.approx(1.5)
    assert variance.item() == pytest.approx(0.25)


@lenses
@pytest.mark.parametrize("radius", [-5.0, 3.0])
def test_the_range_holds_a_plane_and_little_else(lens: str, radius: float) -> None:
    views, costs = plane_at(lens, radius)
    low, high = radius_range(costs, CANDIDATES, views)
    assert radius - 2 * STEP < low < radius + STEP
    assert radius - STEP < high < radius + 2 * STEP


@lenses
def test_the_range_holds_both_sides_of_focus(lens: str) -> None:
    cover = np.zeros((96, 128))
    cover[:, 64:] = 1
    scenes = texture(3, 96, 128), texture(4, 96, 128)
    views = taken(two_planes(*scenes, cover, LENSES[lens], (4.0, -3.0)))
    costs = cost_volume(views, LENSES[lens], CANDIDATES)
    low, high = radius_range(costs, CANDIDATES, views)
    assert -5 < low < -3 + STEP
    assert 4 - STEP < high < 5.5
    mean, _ = soft_argmin(costs, CANDIDATES)
    assert float((mean[:, :52] - 4).abs().median()) < STEP
    assert float((mean[:, 76:] + 3).abs().median()) < STEP


def test_the_side_where_hardly_anything_lies_is_left_out() -> None:
    generator = torch.Generator().manual_seed(1)
    views = torch.rand(2, 40, 50, generator=generator)
    costs = torch.ones(3, 40, 50)
    costs[2] = 0
    costs[:, :, :1] = torch.tensor([0.7, 1.0, 1.0])[:, None, None]
    assert radius_range(costs, [-2.0, 0.5, 2.0], views) == (2.0, 2.0)
    costs[:, :, :20] = torch.tensor([0.7, 1.0, 1.0])[:, None, None]
    assert radius_range(costs, [-2.0, 0.5, 2.0], views) == (-2.0, 2.0)


def test_little_counts_where_its_side_is_clear() -> None:
    generator = torch.Generator().manual_seed(1)
    views = torch.rand(2, 40, 50, generator=generator)
    costs = torch.ones(3, 40, 50)
    costs[2] = 0
    costs[:, :, :1] = torch.tensor([0.0, 1.0, 1.0])[:, None, None]
    assert radius_range(costs, [-2.0, 0.5, 2.0], views) == (-2.0, 2.0)


def test_what_has_no_texture_does_not_widen_the_range() -> None:
    generator = torch.Generator().manual_seed(1)
    views = torch.full((2, 40, 50), 0.5)
    views[:, :, 30:] = torch.rand(2, 40, 20, generator=generator)
    costs = torch.ones(3, 40, 50)
    costs[1] = 0
    costs[:, :, :10] = torch.tensor([1.0, 1.0, 0.0])[:, None, None]
    assert radius_range(costs, [0.5, 1.0, 2.0], views) == (1.0, 1.0)


def test_the_reduction_is_the_lens() -> None:
    views = taken(plane(texture(2, 48, 56), Lens(), 2.0))
    wide = cost_volume(views, Lens(reduction=2), [2.0, 4.0])
    torch.testing.assert_close(wide, cost_volume(views, Lens(), [1.0, 2.0]))
