"""Grids and levels as people give them."""

from __future__ import annotations

import pytest

from dpdeblur.calibration import check_levels, parse_grid, parse_sides
from dpdeblur.errors import OptionError


@pytest.mark.parametrize(
    ("text", "sides"), [("6x8", (6, 8)), (" 2X3 ", (2, 3)), ("3840x2160", (3840, 2160))]
)
def test_two_sides(text: str, sides: tuple[int, int]) -> None:
    assert parse_sides(text, "size") == sides


@pytest.mark.parametrize("text", ["", "6", "0x3", "3x0", "6x8x2", "-1x2", "1.5x2", "1000000x1"])
def test_what_is_no_two_sides(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_sides(text, "size")
    assert caught.value.key == "size"
    assert "is not two whole numbers" in caught.value.reason


def test_a_grid_has_64_tiles_at_most_along_a_side() -> None:
    assert parse_grid("64x1") == (64, 1)
    for text in ("65x1", "1x65"):
        with pytest.raises(OptionError, match="more than 64 tiles"):
            parse_grid(text)


@pytest.mark.parametrize("levels", [(0, 1), (1024, 16383), (0.5, 65535)])
def test_levels(levels: tuple[float, float]) -> None:
    assert check_levels(*levels) == levels


@pytest.mark.parametrize("levels", [(3, 2), (3, 3), (-1, 5), (0, 65536), (0, float("nan"))])
def test_levels_that_cannot_be(levels: tuple[float, float]) -> None:
    with pytest.raises(OptionError, match="0 <= black < white <= 65535") as caught:
        check_levels(*levels)
    assert caught.value.key == "levels"
