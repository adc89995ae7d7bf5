"""Joint Wiener inverses against dense algebra, theory and loops, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import convolve2d, fftconvolve
from torch import Tensor

from dpdeblur.models.config import RADII
from dpdeblur.optics import DiskPSF, InverseDesign, design_inverses, filter_views, mismatch_filters

Array = NDArray[np.float64]
DESIGN = InverseDesign()


def filtered(left: Tensor, right: Tensor, filters: Tensor) -> Tensor:
    """All results, `N x K x C x H x W`."""
    return filter_views(left, right, filters).transpose(0, 1)


GRID = 256


def spectrum(kernel: Tensor, side: int = GRID) -> Tensor:
    """Transform of a kernel S x S around the origin of a periodic picture."""
    half = kernel.shape[-1] // 2
    whole = torch.zeros(side, side, dtype=torch.float64)
    whole[: kernel.shape[-2], : kernel.shape[-1]] = kernel
    return torch.fft.fft2(whole.roll((-half, -half), (0, 1)))


def picture_power(side: int = GRID) -> Tensor:
    f = torch.fft.fftfreq(side, dtype=torch.float64)
    return 1 / (1 + (f[:, None] ** 2 + f**2) / 0.05**2)


def kernels(radius: float, slope: float = 0.85) -> tuple[Tensor, Tensor]:
    left, right = DiskPSF(slope, 20)(torch.tensor([[radius]], dtype=torch.float64))
    return left[0, 0], right[0, 0]


def errors(radius: float, filters: Tensor | None) -> tuple[float, float]:
    """Expected squared error of the mean of the views and of the restored picture; None: the
    Wiener filter of unlimited support."""
    left, right = (spectrum(kernel) for kernel in kernels(radius))
    power, noise = picture_power(), DESIGN.noise
    if filters is None:
        strength = (left.abs() ** 2 + right.abs() ** 2) * power / noise
        best = (power / (1 + strength)).mean()
    else:
        first, second = (spectrum(each) for each in filters)
        rest = (1 - left * first - right * second).abs() ** 2 * power
        best = (rest + noise * (first.abs() ** 2 + second.abs() ** 2)).mean()
    mean = ((1 - (left + right) / 2).abs() ** 2 * power).mean() + noise / 2
    return mean.item(), best.item()


def gain(radius: float, filters: Tensor | None) -> float:
    before, after = errors(radius, filters)
    return 10 * math.log10(before / after)


@pytest.mark.parametrize("radius", RADII)
def test_finite_filters_come_close_to_the_best_there_is(radius: float) -> None:
    (filters,) = design_inverses([radius])
    assert gain(radius, None) - 0.08 < gain(radius, filters) < gain(radius, None) + 1e-6


@pytest.mark.slow
def test_the_right_inverse_gains_what_theory_says_on_rendered_planes() -> None:
    side = 200
    rng = torch.Generator().manual_seed(4)
    white = torch.randn(64, GRID, GRID, generator=rng, dtype=torch.float64)
    scenes = torch.fft.ifft2(torch.fft.fft2(white) * picture_power().sqrt()).real
    for radius in (-4.5, 1.3, 6.3, 12.0):
        views = []
        for kernel in kernels(radius):
            blurred = torch.fft.ifft2(torch.fft.fft2(scenes) * spectrum(kernel)).real
            noise = torch.randn(scenes.shape, generator=rng, dtype=torch.float64)
            views.append(blurred + DESIGN.noise**0.5 * noise)
        filters = design_inverses([radius])
        restored = filtered(views[0][:, None], views[1][:, None], filters)[:, 0, 0]
        inner = slice((GRID - side) // 2, (GRID + side) // 2)
        before, after = (
            (each - scenes)[:, inner, inner].square().mean().item()
            for each in ((views[0] + views[1]) / 2, restored)
        )
        assert 10 * math.log10(before / after) == pytest.approx(gain(radius, filters[0]), abs=0.05)


@pytest.mark.parametrize("radius", RADII)
def test_noise_grows_as_stated(radius: float) -> None:
    (filters,) = design_inverses([radius])
    assert 1.0 <= filters.square().sum().sqrt() <= 1.2
    rng = torch.Generator().manual_seed(5)
    left, right = torch.randn(2, 1, 1, 400, 400, generator=rng, dtype=torch.float64)
    found = filtered(left, right, filters[None]).std()
    assert found.item() == pytest.approx(filters.square().sum().sqrt().item(), rel=0.03)


@pytest.mark.parametrize("radius", [0.8, -1.5])
def test_design_solves_the_normal_equations(radius: float) -> None:
    design = InverseDesign(slope=0.6, noise=0.01, reach=3)
    (found,) = design_inverses([radius], design)
    side, reach = 128, design.reach
    power = picture_power(side)
    power[0, 0] = 100  # what the mean of a picture is worth
    left, right = DiskPSF(design.slope, reach)(torch.tensor([[radius]], dtype=torch.float64))
    f = torch.fft.fftfreq(side, dtype=torch.float64)
    place = torch.arange(-reach, reach + 1, dtype=torch.float64)
    wave = torch.exp(-2j * math.pi * f[:, None] * place)  # frequency x place
    columns = [
        (spectrum(kernel[0, 0], side)[:, :, None, None] * wave[:, None, :, None] * wave[:, None])
        .flatten(0, 1)
        .flatten(1)
        for kernel in (left, right)
    ]
    matrix = torch.cat(columns, 1) * power.flatten().sqrt()[:, None]
    target = power.flatten().sqrt().to(matrix.dtype)
    normal = (matrix.mH @ matrix).real / side**2 + design.noise * torch.eye(matrix.shape[1])
    exact = torch.linalg.solve(normal, (matrix.mH @ target).real / side**2)
    exact = (exact / exact.sum()).view(2, 2 * reach + 1, 2 * reach + 1)
    torch.testing.assert_close(found, exact, atol=1e-5, rtol=0)


def test_even_areas_keep_their_light() -> None:
    filters = design_inverses(RADII)
    assert filters.shape == (len(RADII), 2, 49, 49)
    torch.testing.assert_close(filters.sum((1, 2, 3)), torch.ones(len(RADII), dtype=torch.float64))


def test_the_other_side_of_focus_swaps_the_views() -> None:
    behind, front = design_inverses([4.2, -4.2])
    torch.testing.assert_close(behind, front.flip(0), atol=1e-6, rtol=0)


def test_filtering_against_loops() -> None:
    rng = np.random.default_rng(6)
    left, right = rng.random((2, 2, 3, 11, 14))
    filters = rng.normal(size=(4, 2, 7, 7))
    found = filtered(*(torch.from_numpy(x) for x in (left, right, filters)))
    assert found.shape == (2, 4, 3, 11, 14)
    for n, k, c in np.ndindex(2, 4, 3):
        expected = sum(
            convolve2d(np.pad(view[n, c], 3, mode="edge"), filters[k, i], mode="valid")
            for i, view in enumerate((left, right))
        )
        np.testing.assert_allclose(found[n, k, c], expected, atol=1e-12)


@pytest.mark.parametrize("channels", [1, 3])
def test_blocks_and_strips_join(channels: int) -> None:
    rng = np.random.default_rng(9)
    left, right = rng.random((2, 1, channels, 431, 230))
    filters = rng.normal(size=(4, 2, 49, 49))
    found = filtered(*(torch.from_numpy(x) for x in (left, right, filters)))
    for k, c in np.ndindex(4, channels):
        expected = sum(
            fftconvolve(np.pad(view[0, c], 24, mode="edge"), filters[k, i], mode="valid")
            for i, view in enumerate((left, right))
        )
        np.testing.assert_allclose(found[0, k, c], expected, atol=1e-10)


def test_filters_have_a_gradient() -> None:
    views = torch.rand(2, 1, 2, 9, 12, dtype=torch.float64)
    filters = torch.rand(3, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    filter_views(*views, filters).sum().backward()
    # Of the sum of all results, each tap's is the light of the views that it meets.
    padded = np.pad(views[0], ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    expected = [
        [padded[..., 4 - y : 13 - y, 4 - x : 16 - x].sum() for x in range(5)] for y in range(5)
    ]
    assert filters.grad is not None
    np.testing.assert_allclose(filters.grad[1, 0], expected, rtol=1e-9)


def test_filtering_in_float32_is_near_float64() -> None:
    rng = torch.Generator().manual_seed(7)
    left, right = torch.rand(2, 1, 3, 300, 500, generator=rng, dtype=torch.float64)
    filters = design_inverses(RADII)
    exact = filtered(left, right, filters)
    found = filtered(left.float(), right.float(), filters)
    assert found.dtype == torch.float32
    assert (found - exact).abs().max() < 5e-6


def test_a_pixel_sees_no_farther_than_the_filters_reach() -> None:
    left, right = torch.rand(2, 1, 1, 120, 120, dtype=torch.float64)
    filters = design_inverses([9.0])
    before = filtered(left, right, filters)
    left[..., 60, 60] += 1
    changed = (filtered(left, right, filters) - before)[0, 0, 0].abs() > 1e-12
    rows, columns = changed.nonzero().T
    assert rows.min() == columns.min() == 60 - 24
    assert rows.max() == columns.max() == 60 + 24


@pytest.mark.parametrize("radius", [-4.0, 2.2])
def test_mismatch_vanishes_at_the_true_radius(radius: float) -> None:
    scene = torch.rand(1, 1, 80, 80, generator=torch.Generator().manual_seed(8)).double()
    views = [torch.fft.ifft2(torch.fft.fft2(scene) * spectrum(k, 80)).real for k in kernels(radius)]
    rest = filtered(*views, mismatch_filters([radius, -radius, 1.3 * radius], 24))
    inner = rest[0, :, 0, 30:-30, 30:-30].square().mean((1, 2))
    assert inner[0] < 1e-20
    assert inner[1:].min() > 1e-5


def test_a_part_is_that_of_the_whole() -> None:
    left, right = torch.rand(2, 2, 3, 70, 90, dtype=torch.float64)
    filters = design_inverses((-2.0, 3.0), InverseDesign(reach=8))
    whole = filtered(left, right, filters)
    for part in ((slice(0, 33), slice(20, 90)), (slice(5, 70), slice(2, 87))):
        found = filter_views(left, right, filters, part).transpose(0, 1)
        torch.testing.assert_close(found, whole[(..., *part)], atol=1e-12, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees() -> None:
    left, right = torch.rand(2, 2, 3, 200, 301)
    filters = design_inverses(RADII)
    found = filtered(left.cuda(), right.cuda(), filters.cuda()).cpu()
    torch.testing.assert_close(found, filtered(left, right, filters), atol=1e-5, rtol=0)
