"""Layers that a known map cuts: their shares, the linear model and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dpdeblur.engines.optimiser.blur_model import LayeredBlur, share_slopes, shares
from dpdeblur.engines.optimiser.lens import Lens
from support.optimiser_reference import (
    FloatArray64,
    asymmetric_calibration,
    blur_slowly,
    double,
)

SIZE = (40, 57)
RADII = (3.0, 0.8, 0.0, -2.0)
LENSES = [Lens(), Lens(asymmetric_calibration())]
lenses = pytest.mark.parametrize("lens", LENSES, ids=["generic", "calibrated"])


def some_shares() -> FloatArray64:
    """Of four layers, one of which shows in a corner only."""
    shares = np.random.default_rng(1).uniform(0, 1, (4, *SIZE))
    shares[3, 10:] = 0
    shares[3, :, 10:] = 0
    return shares / shares.sum(0)


SHARES = some_shares()


def random(*shape: int) -> Tensor:
    return double(np.random.default_rng(2).uniform(-1, 1, shape))


@lenses
def test_views_are_the_sum_of_blurred_layers(lens: Lens) -> None:
    blur = LayeredBlur(double(SHARES), RADII, lens)
    pictures = random(2, *SIZE)
    views = blur.forward(pictures).numpy()
    assert views.shape == (2, 2, *SIZE)
    kernels = [lens.kernels(radius).numpy().astype(np.float64) for radius in RADII]
    for side in range(2):
        for picture, view in zip(pictures.numpy(), views[side], strict=True):
            expected = np.zeros(SIZE)
            for share, kernel in zip(SHARES, kernels, strict=True):
                grid, ramp = lens.grid(*SIZE), blur.tiling.ramp
                expected += blur_slowly(share * picture, kernel[side], grid, ramp)
            np.testing.assert_allclose(view, expected, atol=2e-6)


@lenses
def test_the_adjoint_is_the_transpose(lens: Lens) -> None:
    blur = LayeredBlur(double(SHARES), RADII, lens)
    picture, views = random(3, *SIZE), random(2, 3, *SIZE)
    forth = float((blur.forward(picture) * views).sum())
    back = float((picture * blur.adjoint(views.clone())).sum())
    # The spectra are float32: what rounding leaves of their symmetry is lost one way only.
    assert forth == pytest.approx(back, abs=2e-6 * float(views.norm() * picture.norm()))


@lenses
def test_the_preconditioner_is_positive(lens: Lens) -> None:
    blur = LayeredBlur(double(SHARES), RADII, lens)
    picture = random(1, *SIZE)
    assert float((picture * blur.precondition(picture)).sum()) > 0


@pytest.mark.parametrize("radius", [2.4, -3.0, 0.0])
def test_wiener_is_the_formula(radius: float) -> None:
    lens, noise = Lens(), 0.01
    blur = LayeredBlur(torch.ones(1, *SIZE, dtype=torch.float64), [radius], lens)
    views = random(2, 3, *SIZE)
    kernels = lens.kernels(radius)[:, 0].numpy().astype(np.float64)
    tiling, reach = blur.tiling, kernels.shape[-1] // 2
    before = tiling.halo + tiling.ramp // 2
    pads = [(before, whole - side - before) for whole, side in zip(tiling.size, SIZE, strict=True)]
    spectra = []
    for kernel in kernels:
        padded = np.zeros(tiling.size)
        padded[: 2 * reach + 1, : 2 * reach + 1] = kernel
        spectra.append(np.fft.fft2(np.roll(padded, (-reach, -reach), (0, 1))))
    left, right = spectra
    for channel, picture in enumerate(blur.wiener(views, noise)):
        seen = [np.fft.fft2(np.pad(view[channel], pads, mode="edge")) for view in views.numpy()]
        joint = (left.conj() * seen[0] + right.conj() * seen[1]) / (
            np.abs(left) ** 2 + np.abs(right) ** 2 + noise
        )
        expected = np.fft.ifft2(joint).real[before : before + SIZE[0], before : before + SIZE[1]]
        np.testing.assert_allclose(picture, expected, atol=2e-5)


@lenses
def test_wiener_of_equal_layers_is_that_of_one(lens: Lens) -> None:
    views = random(2, 1, *SIZE)
    one = LayeredBlur(torch.ones(1, *SIZE, dtype=torch.float64), [2.0], lens)
    four = LayeredBlur(double(SHARES), [2.0] * 4, lens)
    torch.testing.assert_close(four.wiener(views), one.wiener(views), rtol=0, atol=1e-9)


EVEN = (4.0, 1.5, -1.0, -3.5)
"""Radii of layers, evenly apart."""


def test_shares_give_the_map_back() -> None:
    defocus = double(np.random.default_rng(3).uniform(-3.5, 4, SIZE))
    cut = shares(defocus, EVEN)
    assert cut.shape == (4, *SIZE)
    assert float(cut.min()) >= 0
    assert ((cut > 0).sum(0) <= 2).all()
    torch.testing.assert_close(cut.sum(0), torch.ones_like(defocus))
    torch.testing.assert_close((cut * torch.tensor(EVEN)[:, None, None]).sum(0), defocus)


def test_beyond_the_range_the_last_layer_shows() -> None:
    cut = shares(torch.tensor([[5.0, -9.0]]), EVEN)
    assert cut[:, 0].T.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


def test_slopes_are_finite_differences() -> None:
    defocus = double(np.random.default_rng(4).uniform(-4.5, 5, SIZE))
    step = 1e-6
    expected = (shares(defocus + step, EVEN) - shares(defocus - step, EVEN)) / (2 * step)
    torch.testing.assert_close(share_slopes(defocus, EVEN), expected, rtol=0, atol=1e-8)
    assert not share_slopes(defocus, EVEN)[:, (defocus > 4) | (defocus < -3.5)].any()


def test_slopes_at_the_ends_lead_inwards() -> None:
    ends = torch.tensor([[EVEN[0], EVEN[-1]]], dtype=torch.float64)
    inwards = torch.tensor([[-1e-6, 1e-6]], dtype=torch.float64)
    expected = (shares(ends + inwards, EVEN) - shares(ends, EVEN)) / inwards
    torch.testing.assert_close(share_slopes(ends, EVEN), expected, rtol=0, atol=1e-8)


def test_one_layer_has_all_and_no_slope() -> None:
    defocus = torch.full(SIZE, 2.0)
    assert torch.equal(shares(defocus, (1.0,)), torch.ones(1, *SIZE))
    assert not share_slopes(defocus, (1.0,)).any()


@lenses
def test_showing_other_shares_is_as_if_made_for_them(lens: Lens) -> None:
    """Also of layers that did not show before, and of shares below 0, as slopes are."""
    corner = double(np.zeros((4, *SIZE)))
    corner[0] = 1
    made, picture = LayeredBlur(corner, RADII, lens), random(2, *SIZE)
    before = made.forward(picture)
    for others in (double(SHARES), random(4, *SIZE)):
        torch.testing.assert_close(
            made.showing(others).forward(picture),
            LayeredBlur(others, RADII, lens).forward(picture),
        )
    assert torch.equal(made.forward(picture), before)


@lenses
def test_where_nothing_shows_nothing_is_seen(lens: Lens) -> None:
    blur = LayeredBlur(double(SHARES), RADII, lens).showing(double(np.zeros((4, *SIZE))))
    assert not blur.forward(random(2, *SIZE)).any()
    assert not blur.adjoint(random(2, 2, *SIZE)).any()
