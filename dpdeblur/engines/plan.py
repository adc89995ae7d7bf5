"""Cutting a picture into tiles. Pure arithmetic on rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dpdeblur.engines.window import Window
from dpdeblur.models.margin import Margin


@dataclass(frozen=True)
class Span:
    """Rows (or columns) `start` to `stop` of the result, computed from `read_start` to `read_stop`.

    What is read beyond what is kept is the halo; it ends early at the picture's borders, where the
    network then meets the same padding as in the whole picture.
    """

    start: int
    stop: int
    read_start: int
    read_stop: int

    @property
    def kept(self) -> int:
        """How many are kept."""
        return self.stop - self.start

    @property
    def read(self) -> int:
        """How many pass through the network."""
        return self.read_stop - self.read_start

    @property
    def halos(self) -> tuple[int, int]:
        """How many are read before and after what is kept."""
        return self.start - self.read_start, self.read_stop - self.stop


@dataclass(frozen=True)
class Tile:
    """A rectangle of the result, with what it is computed from."""

    rows: Span
    columns: Span

    @property
    def margin(self) -> Margin:
        """What is read around what is kept."""
        return Margin(*self.rows.halos, *self.columns.halos)

    def shows(self, window: Window) -> bool:
        """Whether it keeps anything of the window."""
        return all(
            span.start < part.stop and part.start < span.stop
            for span, part in zip((self.rows, self.columns), window, strict=True)
        )


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `value`."""
    return -(-value // multiple) * multiple


def whole(height: int, width: int) -> Tile:
    """The picture as one tile."""
    return Tile(Span(0, height, 0, height), Span(0, width, 0, width))


def plan_spans(
    length: int, most: int, halo: int, multiple_of: int, start: int = 0, stop: int | None = None
) -> list[Span]:
    """Cut rows `start` to `stop` of a picture of `length` rows into spans of about `most` rows.

    There are no more than if all kept `most`. They read equally many as far as `multiple_of`
    allows: so none is a leftover whose halo costs more than its rows, and each finds the memory
    that the one before left. At the picture's borders, where there is no halo to read, spans keep
    up to as many rows more than `most`. Where the halos leave too little between them, and in a
    part of a picture, spans keep equally many instead.

    `length`, `start` and `stop` must be multiples of `multiple_of` (pad the picture first); `most`
    and `halo` are rounded up to one, as spans that begin elsewhere would meet the network's pooling
    out of step.

    >>> [(span.start, span.stop, span.read) for span in plan_spans(96, 32, 8, 8)]
    [(0, 32, 40), (32, 56, 40), (56, 96, 48)]
    """
    stop = length if stop is None else stop
    halo = round_up(halo, multiple_of)
    units = (stop - start) // multiple_of
    count = -(-units // -(-most // multiple_of))
    lead = start
    if (start, stop) == (0, length) and length - 2 * halo >= count * multiple_of:
        lead, units = halo, (length - 2 * halo) // multiple_of
    inner = [lead + units * index // count * multiple_of for index in range(1, count)]
    edges = [start, *inner, stop]
    return [
        Span(first, last, max(0, first - halo), min(length, last + halo))
        for first, last in pairwise(edges)
    ]


def plan_tiles(
    picture: Tile, size: tuple[int, int], halo: int, multiple_of: int, inside: Tile | None = None
) -> list[Tile]:
    """Cut a picture, or what the tile `inside` keeps, into tiles of about `size` (rows, columns).

    Both directions are cut as `plan_spans` does; a size as wide as the picture gives strips.
    """
    inside = inside or picture
    rows, columns = (
        plan_spans(whole.stop, most, halo, multiple_of, part.start, part.stop)
        for whole, most, part in (
            (picture.rows, size[0], inside.rows),
            (picture.columns, size[1], inside.columns),
        )
    )
    return [Tile(row, column) for row in rows for column in columns]


def window_read(tiles: Sequence[Tile]) -> Window:
    """All that the tiles, at least one, are computed from."""
    rows, columns = [tile.rows for tile in tiles], [tile.columns for tile in tiles]
    return Window(
        *(
            slice(min(s.read_start for s in spans), max(s.read_stop for s in spans))
            for spans in (rows, columns)
        )
    )
