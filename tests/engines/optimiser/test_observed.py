"""The views as the optimiser works on them: what is refused, and how they are matched."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dpdeblur.engines.optimiser.observed import observe
from dpdeblur.errors import CalibrationError, InvalidPictureError, ShapeMismatchError
from support.optimiser_reference import asymmetric_calibration

Picture = NDArray[np.float32]


def picture(seed: int = 1, *, height: int = 36, width: int = 40, channels: int = 3) -> Picture:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 1, (height, width, channels)).astype(np.float32)


def with_value(value: float) -> Picture:
    changed = picture()
    changed[3, 4, 1] = value
    return changed


def clipped() -> Picture:
    changed = picture()
    changed[:20] = 1
    return changed


@pytest.mark.parametrize("channels", [1, 3])
def test_views_of_one_and_three_channels_are_taken(channels: int) -> None:
    left, right = picture(1, channels=channels), picture(2, channels=channels)
    observed = observe(left, right)
    assert observed.views.shape == (2, channels, 36, 40)
    last = observed.views[1, channels - 1] * observed.brightest
    np.testing.assert_allclose(last, right[..., channels - 1], rtol=1e-6)
    assert observed.views.flags.c_contiguous


@pytest.mark.parametrize(
    ("right", "sentence"),
    [
        (with_value(np.nan), "The right view .*not a number"),
        (with_value(np.inf), "The right view .*infinite"),
        (np.zeros((36, 40, 3), np.float32), "The right view .*black"),
        (-picture(), "The right view .*below 0"),
        (clipped(), "The right view .*clipped"),
        (np.full((36, 40, 3), 0.4, np.float32), "The right view .*of one colour"),
        (picture(channels=1), "gray and the other in colour"),
        (picture(channels=2), r"The right view .*\(36, 40, 2\)"),
        (picture()[..., 0], r"The right view .*\(36, 40\)"),
    ],
)
def test_what_is_no_view_is_refused(right: Picture, sentence: str) -> None:
    with pytest.raises(InvalidPictureError, match=sentence):
        observe(picture(), right)


def test_the_left_view_is_looked_at_as_well() -> None:
    with pytest.raises(InvalidPictureError, match="The left view"):
        observe(with_value(np.nan), picture())


def test_views_of_different_sizes_are_refused() -> None:
    with pytest.raises(ShapeMismatchError) as failure:
        observe(picture(), picture(width=41))
    assert "40" in str(failure.value)
    assert "41" in str(failure.value)


@pytest.mark.parametrize(("height", "width"), [(31, 40), (40, 31), (1, 1)])
def test_small_views_are_refused(height: int, width: int) -> None:
    small = picture(height=height, width=width)
    with pytest.raises(InvalidPictureError, match=f"{width}x{height}"):
        observe(small, small)


def test_the_smallest_views_are_taken() -> None:
    observe(picture(1, height=32, width=32), picture(2, height=32, width=32))


def test_half_clipped_is_taken() -> None:
    half = picture()
    half[:17] = 1
    observe(half, half)


def test_one_is_made_the_brightest_of_both() -> None:
    observed = observe(picture(1) * 3, picture(2) * 8)
    assert observed.views.max() == 1
    assert observed.brightest == pytest.approx(8 * float(picture(2).max()))
    left = observed.views[0].transpose(1, 2, 0) * observed.brightest
    np.testing.assert_allclose(left, picture(1) * 3, rtol=1e-6)
    assert observed.views.dtype == np.float32


def test_a_calibration_matches_the_right_view() -> None:
    ratio = np.array([[1.0, 2.0], [1.5, 3.0]], np.float32)
    calibration = replace(asymmetric_calibration(), ratio=ratio)
    left = picture(1)
    right = left / calibration.match_right(36, 40)[..., None]
    first, second = observe(left, right, calibration).views
    np.testing.assert_allclose(second, first, rtol=1e-5)
    # A corner: nearest beyond the middles of the grid.
    np.testing.assert_allclose(left[0, -1] / right[0, -1], 2, rtol=1e-5)


@pytest.mark.parametrize("frame", [(36, 41), (40, 36), (72, 80)])
def test_a_calibration_for_another_size_is_refused(frame: tuple[int, int]) -> None:
    sentence = re.escape(f"{frame[1]}x{frame[0]}") + ".*40x36"
    with pytest.raises(CalibrationError, match=sentence):
        observe(picture(1), picture(2), asymmetric_calibration(frame=frame))


def test_a_calibration_for_this_size_is_taken() -> None:
    ratio = np.array([[1.0, 2.0]], np.float32)
    plain = replace(asymmetric_calibration(), ratio=ratio)
    framed = replace(plain, frame=(36, 40))
    expected = observe(picture(1), picture(2), plain).views
    np.testing.assert_array_equal(observe(picture(1), picture(2), framed).views, expected)
