"""Two frames of sensor numbers in, the two sides out."""

from __future__ import annotations

import numpy as np

from dpdeblur.raw.balance import Balance, positions
from dpdeblur.raw.frames import Frame, Mosaic
from dpdeblur.raw.light import light_of

_HIGHEST = 2**16 - 1


def split(first: Frame, second: Frame, clip: int, balance: Balance) -> tuple[Mosaic, Mosaic]:
    """The photodiode of frame 1 and the other one, each as a frame like frame 0.

    Each side's light is doubled, so that both are exposed as frame 0 is, and has frame 0's black
    level. Where frame 0 is clipped the other side cannot be known: both are set to `clip` there.
    """
    one_side, other_side = (np.empty_like(first.mosaic) for _ in range(2))
    for light in light_of(first, second, clip):
        black = first.black[light.row, light.column]
        x, y = positions(light.row, light.column, first.mosaic.shape)
        colour = int(first.colours[light.row, light.column])
        difference = balance.at(colour, x, y).astype(np.float32)
        for out, values in (
            (one_side, 2 * light.one / (1 + difference)),
            (other_side, 2 * (light.both - light.one) / (1 - difference)),
        ):
            numbers = np.where(light.unclipped, black + values, clip)
            out[light.site] = np.rint(numbers).clip(0, _HIGHEST)
    return one_side, other_side
