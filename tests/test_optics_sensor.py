"""Noise, encoding and the sRGB curve."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.optics import add_sensor_noise, encode


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


def test_srgb_curve_against_the_standard() -> None:
    encoded = np.linspace(0, 1, 4001)
    expected = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(srgb_to_linear(encoded), expected, atol=1e-15)
    np.testing.assert_allclose(linear_to_srgb(expected), encoded, atol=1e-7)
    assert srgb_to_linear(encoded.astype(np.float32)).dtype == np.float32
    black, white = np.zeros(1), np.ones(1)
    assert combine(black, white)[0] == pytest.approx(0.735357, abs=1e-6)
