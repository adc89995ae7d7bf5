"""Cutting a picture into full-width strips. Pure arithmetic on rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Strip:
    """Rows `start` to `stop` of the result, computed from rows `read_start` to `read_stop`.

    The rows read beyond the rows kept are the halo; it ends early at the picture's borders,
    where the network then meets the same padding as in the whole picture.
    """

    start: int
    stop: int
    read_start: int
    read_stop: int

    @property
    def rows(self) -> int:
        """Rows kept."""
        return self.stop - self.start

    @property
    def rows_read(self) -> int:
        """Rows that pass through the network."""
        return self.read_stop - self.read_start


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `value`."""
    return -(-value // multiple) * multiple


def plan_strips(
    height: int, strip_height: int, halo: int, multiple_of: int, start: int = 0
) -> list[Strip]:
    """Cut rows `start` to `height` into the fewest strips of at most `strip_height` rows.

    The strips are of equal height as far as `multiple_of` allows, so that none is a leftover
    whose halo costs more than its rows. `height` and `start` (below it) must be multiples of
    `multiple_of` (pad the picture first); `strip_height` and `halo` are rounded up to one, as
    strips that begin elsewhere would meet the network's pooling out of step.

    >>> [(strip.start, strip.stop, strip.rows_read) for strip in plan_strips(64, 40, 8, 8)]
    [(0, 32, 40), (32, 64, 40)]
    """
    halo = round_up(halo, multiple_of)
    units = (height - start) // multiple_of
    count = -(-units // -(-strip_height // multiple_of))
    edges = [start + units * index // count * multiple_of for index in range(count + 1)]
    return [
        Strip(top, bottom, max(0, top - halo), min(height, bottom + halo))
        for top, bottom in pairwise(edges)
    ]
