"""Defocus maps as wishes use them."""

from __future__ import annotations

import numpy as np
import pytest

from dpdeblur.errors import OptionError
from dpdeblur.steer import depth_at, follow_edges, parse_point


def test_points_as_people_write_them() -> None:
    assert parse_point("812,440", "at") == (812, 440)
    assert parse_point(" 8.5, 4 ", "at") == (8.5, 4)
    for text in ("812", "812x440", "a,b", "1,2,3"):
        with pytest.raises(OptionError, match=r"^at: .* like 812,440"):
            parse_point(text, "at")


def test_depth_is_the_medians_around_a_point() -> None:
    defocus = np.zeros((40, 60), np.float32)
    defocus[:20] = 3
    defocus[10, 30] = 99
    assert depth_at(defocus, (300, 100), (400, 600)) == 3
    assert depth_at(defocus, (599, 399), (400, 600)) == 0


def test_constants_stay_to_the_last_bits() -> None:
    picture = np.random.default_rng(0).random((90, 130, 3), dtype=np.float32)
    drawn = follow_edges(np.full((45, 65), 2.5, np.float32), picture)
    np.testing.assert_allclose(drawn, 2.5, atol=1e-5)
    assert (drawn.shape, drawn.dtype) == ((90, 130), np.float32)


def test_steps_are_drawn_to_edges() -> None:
    picture = np.zeros((80, 120, 3), np.float32)
    picture[:, 64:] = 0.8
    step = np.zeros((40, 60), np.float32)
    step[:, 30:] = 1  # four pixels before the picture's edge
    row = follow_edges(step, picture)[40]
    assert row[62] < 0.5
    assert row[66] > 0.9
