"""The lens: its kernels are the optics', cropped to 99.5 % of their light, with the right sign."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.optics import Blur, DiskPSF
from dpdeblur.optics.tiles import Tiling
from support.optimiser_reference import asymmetric_calibration

CALIBRATED = Lens(asymmetric_calibration())
GENERIC = Lens()
both = pytest.mark.parametrize("lens", [GENERIC, CALIBRATED], ids=["generic", "calibrated"])
radii = pytest.mark.parametrize("radius", [-5.3, -0.7, 0.0, 0.4, 3.0, 6.1])


def uncropped(lens: Lens, radius: float) -> NDArray[np.float64]:
    """`2 x T x K x K`, from the optics room."""
    if lens.calibration is None:
        left, right = DiskPSF(0.86, 12)(torch.tensor([[radius]]))
    else:
        rows = torch.tensor([0.25] * 3 + [0.75] * 3)
        columns = torch.tensor([1, 3, 5] * 2) / 6
        left, right = lens.calibration.psf(rows, columns, 16)(torch.full((6, 1), radius))
    return torch.stack((left[:, 0], right[:, 0])).numpy().astype(np.float64)


def middle(kernels: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    centre = kernels.shape[-1] // 2
    inner = slice(centre - reach, centre + reach + 1)
    return kernels[..., inner, inner]


@both
@radii
def test_kernels_are_the_optics_kernels(lens: Lens, radius: float) -> None:
    whole, kernels = uncropped(lens, radius), lens.kernels(radius).numpy()
    cropped = middle(whole, kernels.shape[-1] // 2)
    expected = cropped / cropped.sum((-2, -1), keepdims=True)
    np.testing.assert_allclose(kernels, expected, rtol=0, atol=2e-6)


@both
@radii
def test_kernels_are_as_small_as_holds_the_light(lens: Lens, radius: float) -> None:
    whole, reach = uncropped(lens, radius), lens.kernels(radius).shape[-1] // 2
    assert middle(whole, reach).sum((-2, -1)).min() >= 0.995 - 1e-6
    if reach:
        assert middle(whole, reach - 1).sum((-2, -1)).min() < 0.995


@both
@radii
def test_kernels_sum_to_one(lens: Lens, radius: float) -> None:
    np.testing.assert_allclose(lens.kernels(radius).sum((-2, -1)), 1, atol=1e-5)


@both
def test_in_focus_is_sharp(lens: Lens) -> None:
    assert (lens.kernels(0.0).shape[-1], lens.kernels(0.0).min()) == (1, 1)


@both
@pytest.mark.parametrize("radius", [2.0, 5.0])
def test_what_is_behind_focus_lies_further_right_in_the_right_view(
    lens: Lens, radius: float
) -> None:
    for sign in (1, -1):
        kernels = lens.kernels(sign * radius).numpy()
        place = np.arange(kernels.shape[-1]) - kernels.shape[-1] // 2
        left, right = (kernels.sum(-2) * place).sum(-1)
        assert (sign * (right - left) > 0.3 * radius).all()
        # Recentred: the mean of both views does not move with defocus (but for the crop).
        np.testing.assert_allclose((left + right) / 2, 0, atol=0.05)


@both
def test_reduction_divides_radii(lens: Lens) -> None:
    reduced = Lens(lens.calibration, 3)
    torch.testing.assert_close(reduced.kernels(4.5), lens.kernels(1.5))


@both
def test_blurs_lie_on_the_grid_and_hold_their_kernels(lens: Lens) -> None:
    for radius in (-3.0, 0.0, 4.0):
        kernels = lens.kernels(radius)
        blur = lens.blur(radius, (50, 300), margin=5)
        grid = (2, 3) if lens.calibration else (1, 2)
        assert blur.tiling == Tiling(50, 300, *grid, kernels.shape[-1] // 2 + 5)
        frame = torch.rand(1, 50, 300)
        expected = Blur((50, 300), grid, [kernels]).forward(frame)
        torch.testing.assert_close(blur.forward(frame), expected)
