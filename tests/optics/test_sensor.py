"""Noise, encoding and the sRGB curve."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.optics import add_sensor_noise, encode, spread_light


def test_noise_has_the_variance_it_says() -> None:
    rng = torch.Generator().manual_seed(0)
    flat = torch.full((2, 3, 200, 200), 0.25)
    noisy = add_sensor_noise(flat, torch.tensor([0.0004, 0.0]), torch.tensor([0.01, 0.02]), rng)
    assert noisy.mean().item() == pytest.approx(0.25, abs=1e-3)
    assert noisy[0].var().item() == pytest.approx(0.01**2 + 0.0004 * 0.25, rel=0.03)
    assert noisy[1].var().item() == pytest.approx(0.02**2, rel=0.03)


@pytest.mark.parametrize("bits", [8, 16])
def test_encoding_lands_on_the_codes_of_the_file(bits: int) -> None:
    codes = encode(torch.linspace(-0.1, 1.2, 1000, dtype=torch.float64), bits) * (2**bits - 1)
    torch.testing.assert_close(codes, codes.round(), rtol=0, atol=1e-6)
    assert (codes.min(), codes.max()) == (0, 2**bits - 1)


@pytest.mark.parametrize("bits", [8, 16])
def test_contrast_against_the_formula(bits: int) -> None:
    linear = np.random.default_rng(0).uniform(-0.1, 1.1, (4, 3, 20, 30))
    contrast = np.array([-1.0, -0.3, 0.0, 0.8])
    light = linear.clip(0, 1)
    x = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    c = contrast[:, None, None, None]
    bent = (1 - c) * x + c * (3 * x**2 - 2 * x**3)  # a mix with smoothstep
    found = encode(torch.from_numpy(linear), bits, torch.from_numpy(contrast))
    steps = 2**bits - 1
    np.testing.assert_allclose(found * steps, bent * steps, rtol=0, atol=0.5 + 1e-6)
    np.testing.assert_allclose(found * steps, (found * steps).round(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("contrast", [-1.0, -0.4, 0.0, 0.5, 1.0])
def test_contrast_keeps_order_and_three_values(contrast: float) -> None:
    bend = torch.tensor([contrast], dtype=torch.float64)
    grays = srgb_to_linear(torch.linspace(0, 1, 5001, dtype=torch.float64)).view(1, 1, 1, -1)
    codes = (encode(grays, 16, bend) * 65535).round().flatten()
    assert (codes.diff() >= 0).all()
    assert (codes[0], codes[-1]) == (0, 65535)
    assert codes[2500].item() == pytest.approx(65535 / 2, abs=0.51)
    low, high = codes[1250].item() / 65535, codes[3750].item() / 65535
    assert (0.25 - low, high - 0.75) == pytest.approx((contrast * 0.09375,) * 2, abs=1e-4)


def test_no_contrast_is_a_contrast_of_zero() -> None:
    linear = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for bits in (8, 16):
        assert torch.equal(encode(linear, bits), encode(linear, bits, torch.zeros(2)))


def test_srgb_curve_against_the_standard() -> None:
    encoded = np.linspace(0, 1, 4001)
    expected = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(srgb_to_linear(encoded), expected, atol=1e-15)
    np.testing.assert_allclose(linear_to_srgb(expected), encoded, atol=1e-7)
    assert srgb_to_linear(encoded.astype(np.float32)).dtype == np.float32
    black, white = np.zeros(1), np.ones(1)
    assert combine(black, white)[0] == pytest.approx(0.735357, abs=1e-6)


def test_points_in_focus_spread_as_gaussians() -> None:
    light = torch.rand(4, 3, 20, 30, generator=torch.Generator().manual_seed(0)).double()
    spread = torch.tensor([0.0, 0.4, 0.8, 2.0]).double()
    found = spread_light(light, spread)
    assert torch.equal(found[0], light[0])
    for index, sigma in enumerate(spread.tolist()[1:], 1):
        expected = gaussian_filter(light[index], (0, sigma, sigma), mode="nearest", radius=6)
        np.testing.assert_allclose(found[index], expected, rtol=0, atol=1e-12)
