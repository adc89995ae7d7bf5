"""A map's jumps, found again with the sharp picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dpdeblur.colour import luminance, srgb_to_linear
from dpdeblur.engines.optimiser import Optimiser, OptimiserOptions, sharpen_jumps
from dpdeblur.pair import DualPixelPair
from support.planes import planes


def light(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    linear = srgb_to_linear(torch.from_numpy(picture)).movedim(-1, 0)
    found: NDArray[np.float32] = luminance(linear)[0].numpy()
    return found


@pytest.mark.parametrize("radii", [(-3.0, 4.0), (1.5, 6.0)])
def test_a_smeared_jump_comes_back(radii: tuple[float, float]) -> None:
    scene = planes(*radii)
    smeared = gaussian_filter(np.roll(scene.radius, 9, axis=1), 6).astype(np.float32)
    views = np.stack([light(scene.pair.left), light(scene.pair.right)])
    found = sharpen_jumps(smeared, light(scene.sharp), views)
    middle = sum(radii) / 2

    def wrong(defocus: NDArray[np.float32]) -> float:
        return float(((defocus > middle) != (scene.radius > middle)).mean())

    assert wrong(found) < 0.6 * wrong(smeared)
    right = np.abs(smeared - scene.radius) < 1e-3
    assert np.abs(found - scene.radius)[right].mean() < 0.1


def test_slopes_stay() -> None:
    slope = np.linspace(-3, 3, 64, dtype=np.float32) * np.ones((48, 1), np.float32)
    slope /= 64
    views = np.random.default_rng(0).random((2, 48, 64), dtype=np.float32)
    assert np.array_equal(sharpen_jumps(slope, views[0], views), slope)


def test_the_map_alone_is_that_of_a_run(small_views: DualPixelPair) -> None:
    optimiser = Optimiser(options=OptimiserOptions("fast", device="cpu"))
    assert np.array_equal(optimiser.find_map(small_views), optimiser.run(small_views).defocus)
