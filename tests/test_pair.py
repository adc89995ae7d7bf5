"""The pair of views: what is refused, and the ordinary picture that it makes."""

from __future__ import annotations

import numpy as np
import pytest

from dpdeblur.errors import (
    DPDeblurError,
    IdenticalViewsError,
    InvalidPictureError,
    PictureTooSmallError,
    ShapeMismatchError,
)
from dpdeblur.pair import DualPixelPair


def picture(height: int = 20, width: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def test_combined_is_the_mean_light_of_both_views() -> None:
    left, right = picture(seed=1), picture(seed=2)

    def decode(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    def encode(light: float) -> float:
        return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055

    combined = DualPixelPair(left, right).combined()
    assert combined.dtype == np.float32
    assert combined.shape == left.shape
    for index in [(0, 0, 0), (7, 3, 1), (19, 23, 2), (11, 12, 0)]:
        light = (decode(float(left[index])) + decode(float(right[index]))) / 2
        assert combined[index] == pytest.approx(encode(light), abs=2e-6)


@pytest.mark.parametrize(
    ("left", "right", "error"),
    [
        (picture(20, 24), picture(20, 25), ShapeMismatchError),
        (picture(15, 24), picture(15, 24, 1), PictureTooSmallError),
        (picture(), picture(), IdenticalViewsError),
        (picture().astype(np.float64), picture(seed=1), InvalidPictureError),
        (picture()[..., 0], picture(seed=1), InvalidPictureError),
        (picture(), picture(seed=1)[..., :2], InvalidPictureError),
        (picture() * 255, picture(seed=1), InvalidPictureError),
        (picture(), picture(seed=1) - 1, InvalidPictureError),
        (picture(), np.full((20, 24, 3), np.nan, np.float32), InvalidPictureError),
        (np.full((20, 24, 3), np.inf, np.float32), picture(), InvalidPictureError),
        (np.zeros((0, 24, 3), np.float32), picture(), InvalidPictureError),
        (picture().tolist(), picture(), InvalidPictureError),
    ],
)
def test_bad_views_are_refused_in_one_sentence(
    left: np.ndarray, right: np.ndarray, error: type[DPDeblurError]
) -> None:
    with pytest.raises(error) as caught:
        DualPixelPair(left, right)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_one_nan_among_many_values_is_seen() -> None:
    left = picture(64, 64)
    left[63, 63, 2] = np.nan
    with pytest.raises(InvalidPictureError, match="left view"):
        DualPixelPair(left, picture(64, 64, 1))


def test_smallest_picture_and_rounding_beyond_the_range_are_taken() -> None:
    left, right = picture(16, 16), picture(16, 16, 1)
    left[0, 0, 0], right[0, 0, 0] = np.float32(1.0000002), np.float32(-1e-7)
    assert DualPixelPair(left, right).left.shape == (16, 16, 3)
