"""The target: a regular grid of dots to show on a monitor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dpdeblur.colour import linear_to_srgb
from dpdeblur.errors import OptionError
from dpdeblur.io import check_output, write_picture

FloatArray32 = NDArray[np.float32]

_LARGEST = 32768
"""Pixels along a side, and from dot to dot, at most."""
_BRIGHTNESS = 0.8
"""Of the dots on the monitor, so that a picture taken of them, or rendered, is not overexposed."""
_MOST = 2**26
"""Pixels of the whole picture at most."""


def dot_grid(height: int, width: int, spacing: float, diameter: float) -> FloatArray32:
    """White discs on black, `H x W` in [0, 1] linear light, `spacing` apart, centred in the frame.

    White on black, as a dark surround brings next to no shot noise: the faint blurred dots stand
    out from it, and the blurred shot may be exposed longer than the sharp one. Pixels on a rim
    are as bright as the share that the disc covers. Raises OptionError.
    """
    if not 1 <= min(height, width) <= max(height, width) <= _LARGEST:
        raise OptionError("size", f"{width}x{height} is not between 1x1 and {_LARGEST}x{_LARGEST}")
    if height * width > _MOST:
        raise OptionError("size", f"{width}x{height} is more than {_MOST >> 20} megapixels")
    if not 4 <= spacing <= _LARGEST:
        raise OptionError("spacing", f"{spacing:g} is not between 4 and {_LARGEST} pixels")
    if not 2 <= diameter <= spacing / 2:
        raise OptionError(
            "diameter", f"{diameter:g} is not between 2 and half the spacing of {spacing:g} pixels"
        )
    # Offsets from the nearest dot; the frame's middle lies between four of them.
    down, along = (
        (np.arange(side) + 0.5 - side / 2) % spacing - spacing / 2 for side in (height, width)
    )
    distance = np.hypot(down[:, None], along)
    dots: FloatArray32 = (diameter / 2 + 0.5 - distance).clip(0, 1).astype(np.float32)
    return dots


def write_pattern(
    path: Path,
    size: tuple[int, int],
    spacing: float,
    diameter: float,
    *,
    overwrite: bool = False,
) -> None:
    """Write `dot_grid` of `size` (height, width) as an 8-bit sRGB picture, at 80 % of white.

    Raises OptionError, and what `io.check_output` raises, before the dots are drawn.
    """
    check_output(path, overwrite=overwrite)
    dots = linear_to_srgb(_BRIGHTNESS * dot_grid(*size, spacing, diameter))
    write_picture(path, np.repeat(dots[..., None], 3, -1), bit_depth=8, overwrite=overwrite)
