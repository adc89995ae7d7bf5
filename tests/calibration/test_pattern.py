"""The grid of dots to photograph."""

from __future__ import annotations

import numpy as np
import pytest

from dpdeblur.calibration import dot_grid
from dpdeblur.errors import OptionError


class TestPattern:
    def test_dots_are_discs_of_that_size_and_place(self) -> None:
        dots = dot_grid(121, 200, 24.0, 7.0)
        assert dots.shape == (121, 200)
        assert dots.dtype == np.float32
        # The frame's middle, (59.5 + 0.5, 99.5) counted in pixels, lies between four dots.
        for row, column in np.ndindex(4, 8):
            y, x = 60 + (row - 1.5) * 24, 99.5 + (column - 3.5) * 24
            down, along = np.mgrid[:121, :200]
            cell = dots * ((abs(down - y) < 12) & (abs(along - x) < 12))
            assert cell.sum() == pytest.approx(np.pi * 3.5**2, rel=0.02)
            assert (cell * down).sum() / cell.sum() == pytest.approx(y, abs=0.02)
            assert (cell * along).sum() / cell.sum() == pytest.approx(x, abs=0.02)
        assert (dots == 0).mean() > 0.85
        np.testing.assert_array_equal(dots, dots[::-1, ::-1])

    @pytest.mark.parametrize(
        "numbers", [(0, 9, 9, 3), (9, 10**6, 9, 3), (9, 9, 9, 1), (9, 9, 9, 5), (9, 9, np.nan, 3)]
    )
    def test_what_is_no_grid(self, numbers: tuple[int, int, float, float]) -> None:
        with pytest.raises(OptionError):
            dot_grid(*numbers)
