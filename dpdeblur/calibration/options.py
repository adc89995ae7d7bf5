"""What is left to choose in measuring a camera, from text and numbers that people give."""

from __future__ import annotations

import re

from dpdeblur.errors import OptionError

PIXEL_4_LEVELS = (1024.0, 16383.0)
"""Black and white level, in DN, that the authors of the Pixel 4's data set divide by."""
_MOST_TILES = 64
"""Tiles along a side of the frame."""
_HIGHEST = 65535
"""The largest DN of a 16-bit file."""
_PAIR = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})")


def parse_sides(text: str, name: str) -> tuple[int, int]:
    """Two whole numbers from 1 on, written like 6x8; raises OptionError about `name`."""
    match = _PAIR.fullmatch(text.strip().lower())
    if match is None:
        raise OptionError(name, f"{text!r} is not two whole numbers; write them like 12x16")
    return int(match[1]), int(match[2])


def parse_grid(text: str) -> tuple[int, int]:
    """Rows and columns of tiles, each from 1 to 64, written ROWSxCOLUMNS; raises OptionError."""
    grid = parse_sides(text, "grid")
    if max(grid) > _MOST_TILES:
        reason = f"{text} has more than {_MOST_TILES} tiles along a side; give fewer"
        raise OptionError("grid", reason)
    return grid


def check_levels(black: float, white: float) -> tuple[float, float]:
    """Black and white level of linear raw files, in DN, as a pair; raises OptionError."""
    if not 0 <= black < white <= _HIGHEST:
        reason = f"{black:g} and {white:g} do not satisfy 0 <= black < white <= {_HIGHEST}"
        raise OptionError("levels", reason)
    return black, white
