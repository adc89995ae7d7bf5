"""The light that the two frames hold, and whether they belong together.

Frame 0 is what both photodiodes of each pixel saw, frame 1 what one of them saw.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dpdeblur.raw.frames import Frame

# Cameras clip below the white level, how far depends on sensitivity and aperture, but not below
# this share of it: LibRaw's own rule.
_NEARLY_WHITE = 0.75
_CLIPPED = 0.99
# Clipped numbers lie closely together. Those of one brightness that is not clipped are spread by
# the light's own noise: over three percent or so of what is nearly white.
_CLOSE = 0.01
_PILED = 2
_PIXELS_PER_HOT_ONE = 2**20
# Of 16383: far above the noise of any picture, far below what unrelated frames differ by.
_NOISE = 512
_DARK = 1.0


class Light(NamedTuple):
    """A site of the Bayer pattern and its pixels, half the frame's height and width.

    `site` says which pixels of a mosaic they are. `both` and `one` are the sensor numbers above
    black of both photodiodes and of one (float32), `unclipped` is bool.
    """

    row: int
    column: int
    site: tuple[slice, slice]
    both: NDArray[np.float32]
    one: NDArray[np.float32]
    unclipped: NDArray[np.bool_]


class Agreement(NamedTuple):
    """How two frames go together.

    `share` is the light of one photodiode over that of both (None in the dark); `impossible` the
    share of pixels in which one photodiode saw less than nothing or more than both.
    """

    share: float | None
    impossible: float


def clip_level(first: Frame, white: int) -> int:
    """The number at which frame 0 is clipped; `white` is what the file says.

    It is the highest number but for a few hot pixels, if that is nearly white and numbers pile up
    there: more than twice as many within a percent of it as in the percent below. Else it is
    `white`, so that the exposure of an unclipped picture does not hang on its brightest light.
    """
    numbers, black = first.mosaic, int(first.black.min())
    rank = max(0, numbers.size - 2 - numbers.size // _PIXELS_PER_HOT_ONE)
    highest = int(np.partition(numbers, rank, axis=None)[rank])
    light = highest - black
    if light <= _NEARLY_WHITE * (white - black):
        return white
    step = round(_CLOSE * light)
    near, around = (np.count_nonzero(numbers > highest - steps * step) for steps in (1, 2))
    return highest if near > _PILED * (around - near) else white


def light_of(first: Frame, second: Frame, clip: int) -> Iterator[Light]:
    """The light at each of the four sites of the Bayer pattern."""
    for row, column in np.ndindex(2, 2):
        site = np.s_[row::2, column::2]
        both, one = (
            frame.mosaic[site].astype(np.float32) - np.float32(frame.black[row, column])
            for frame in (first, second)
        )
        unclipped = both < _CLIPPED * (clip - first.black[row, column])
        yield Light(row, column, site, both, one, unclipped)


def agreement(first: Frame, second: Frame, clip: int) -> Agreement:
    """Compare the frames wherever frame 0 is not clipped."""
    both = one = 0.0
    count = impossible = 0
    for light in light_of(first, second, clip):
        lit = light.unclipped
        both += float(light.both.sum(where=lit, dtype=np.float64))
        one += float(light.one.sum(where=lit, dtype=np.float64))
        count += int(lit.sum())
        wrong = (light.one < -_NOISE) | (light.one > light.both + _NOISE)
        # Well below the white level, since the one photodiode goes on where both are clipped.
        impossible += int((wrong & (light.both < clip / 2)).sum())
    if both < _DARK * count or not count:
        return Agreement(None, impossible / first.mosaic.size)
    return Agreement(one / both, impossible / first.mosaic.size)
