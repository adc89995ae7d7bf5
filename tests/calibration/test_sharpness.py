"""Dots in focus, by a soft lens or through noise, are told from dots out of focus."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, gaussian_filter
from scipy.signal import fftconvolve

from dpdeblur.calibration import dot_grid
from dpdeblur.calibration.sharpness import edge_width
from dpdeblur.optics import DiskPSF

SOFT = 1.075
"""Beyond this a warning is due."""
DOTS = [(24.0, 4.0), (36.0, 6.0), (64.3, 10.7), (120.0, 20.0)]


def sheet(
    spacing: float, diameter: float, lens: float, noise: float, radius: float = 0
) -> NDArray[np.float32]:
    """Dots by a lens of that standard deviation; the view of a disk of `radius`, if any."""
    side = int(max(4 * spacing, 200))
    light = 0.8 * dot_grid(side + 40, side + 40, spacing, diameter)
    if radius:
        kernel = DiskPSF(0.86, 8)(torch.tensor([[radius]], dtype=torch.float64))[0][0, 0]
        light = fftconvolve(light, kernel.numpy(), mode="same")
    light = (gaussian_filter(light, lens) if lens else light)[20:-20, 20:-20].clip(0)
    spread = noise * np.sqrt(0.25**2 + 0.9375 * light)
    rough = np.random.default_rng(0).normal(size=light.shape) * spread
    return (light + rough).clip(0).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize(("spacing", "diameter"), DOTS)
def test_two_pixels_out_of_focus_are_told_from_a_soft_lens(
    spacing: float, diameter: float, noise: float
) -> None:
    for lens in (0.0, 0.4, 0.7, 1.0):
        width = edge_width(sheet(spacing, diameter, lens, noise), spacing)
        assert width == pytest.approx(max(lens, 0.3), abs=0.08)
        assert width < SOFT
    for radius in (2.0, -2.0, 2.5, 3.5):
        for lens in (0.0, 0.6):
            assert edge_width(sheet(spacing, diameter, lens, noise, radius), spacing) > SOFT


@pytest.mark.parametrize("turned", [0.0, 0.5])
def test_dots_seen_from_aside_are_no_blurred_dots(turned: float) -> None:
    fine = 0.8 * dot_grid(960, 960, 240, 40)
    turn = np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]])
    view = turn @ np.diag([1.2, 1]) @ turn.T
    middle = np.array([480.0, 480.0])
    seen = affine_transform(fine, view, middle - view @ middle, order=1)
    light = gaussian_filter(seen.reshape(240, 4, 240, 4).mean((1, 3)), 0.6)
    assert edge_width(light.astype(np.float32), 60.0) == pytest.approx(0.65, abs=0.1)


def test_no_dot_no_width() -> None:
    assert edge_width(np.zeros((64, 64), np.float32), 30.0) == 0


def test_what_is_no_dot_has_a_finite_width() -> None:
    assert np.isfinite(edge_width(1 - sheet(24.0, 4.0, 0.5, 0.02), 24.0))
