"""Luminance, against the definition by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dpdeblur.colour import luminance


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5)])
def test_luminance_of_colour(shape: tuple[int, ...]) -> None:
    linear = np.random.default_rng(0).uniform(0, 1, shape)
    # ITU-R BT.709-6, item 3.2
    expected = np.tensordot((0.2126, 0.7152, 0.0722), linear, ([0], [len(shape) - 3]))
    found = luminance(torch.from_numpy(linear))
    np.testing.assert_allclose(found.squeeze(-3), expected, rtol=1e-12)
    assert found.shape == (*shape[:-3], 1, *shape[-2:])


def test_gray_is_its_own_luminance() -> None:
    gray = torch.rand(2, 1, 4, 5)
    assert torch.equal(luminance(gray), gray)
    torch.testing.assert_close(luminance(gray.expand(2, 3, 4, 5)), gray)
