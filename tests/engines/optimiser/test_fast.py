"""The map in closed form, and the layers that it is cut into."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dpdeblur.engines.optimiser.fast import closed_form, layer_radii
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.optics import Calibration
from support.optimiser_reference import asymmetric_calibration, plane, texture

CALIBRATION = asymmetric_calibration()


def views(calibration: Calibration | None, radius: float, height: int, width: int) -> Tensor:
    """Both views of a plane with noise of 0.2 %, `2 x H x W` in [0, 1]."""
    light = plane(texture(2, height, width), Lens(calibration), radius)
    noise = np.random.default_rng(0).normal(0, 2e-3, light.shape)
    return torch.from_numpy((light + noise).clip(0, 1).astype(np.float32))


@pytest.mark.parametrize("radius", [-1.2, 1.5])
@pytest.mark.parametrize("calibration", [None, CALIBRATION], ids=["generic", "calibrated"])
@pytest.mark.slow
def test_a_plane_is_found(calibration: Calibration | None, radius: float) -> None:
    defocus = closed_form(views(calibration, radius, 64, 96), calibration)
    assert (defocus.shape, defocus.dtype) == ((64, 96), torch.float32)
    assert float((defocus - radius).abs().median()) < 0.25


def test_limits_are_kept() -> None:
    observed = views(None, 1.5, 64, 96)
    defocus = closed_form(observed, None, (0.25, 1.25))
    assert float(defocus.min()) >= 0.25
    assert float(defocus.max()) <= 1.25
    assert float(defocus.median()) > 1.1
    assert (closed_form(observed, None, (2.0, 2.0)) == 2).all()


def test_radii_of_large_pictures_are_in_their_own_pixels() -> None:
    """Found at half the size, upsampled to their own."""
    defocus = closed_form(views(None, 6.0, 100, 672), None)
    assert defocus.shape == (100, 672)
    assert float((defocus - 6).abs().median()) < 1


def test_layers_are_evenly_apart_back_to_front() -> None:
    radii = layer_radii(torch.tensor([[-2.0, 3.0], [0.0, 1.0]]))
    np.testing.assert_allclose(radii, np.linspace(3, -2, 12))
    assert layer_radii(torch.zeros(2, 2), (-1.0, 10.0)) == list(range(10, -2, -1))


def test_a_map_of_one_value_is_one_layer() -> None:
    assert layer_radii(torch.full((2, 2), 1.5)) == [1.5]
    assert layer_radii(torch.zeros(2, 2), (2.0, 2.0)) == [2.0]
