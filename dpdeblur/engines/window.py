"""A part of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dpdeblur.errors import OptionError


class Window(NamedTuple):
    """Rows and columns of a picture."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> Window:
        """All of a picture of this height and width."""
        return cls(slice(0, shape[0]), slice(0, shape[1]))

    @property
    def half(self) -> Window:
        """What there is of it in a picture of half the size."""
        return Window(*(slice(part.start // 2, -(-part.stop // 2)) for part in self))

    def inside(self, outer: Window) -> Window:
        """The same part of the picture, seen from the corner of one that holds it."""
        (rows, columns), (top, left) = self, (part.start for part in outer)
        return Window(
            slice(rows.start - top, rows.stop - top),
            slice(columns.start - left, columns.stop - left),
        )

    def in_rows(self, shape: tuple[int, int], orientation: int) -> Window:
        """The window of a picture in the sensor's rows that `orientation` turns to this one.

        `shape` is the upright picture's height and width.
        """
        rows, columns = self
        height, width = shape
        if orientation in {3, 4, 7, 8}:
            rows = slice(height - rows.stop, height - rows.start)
        if orientation in {2, 3, 6, 7}:
            columns = slice(width - columns.stop, width - columns.start)
        return Window(columns, rows) if orientation in {5, 6, 7, 8} else Window(rows, columns)


@dataclass(frozen=True)
class Crop:
    """A part of the upright picture in pixels, before it is known whether it lies inside.

    Raises OptionError on sizes below 1 or a corner outside.
    """

    left: int
    top: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or min(self.left, self.top) < 0:
            raise OptionError("crop", f"{self}: X and Y must be 0 or more, W and H 1 or more")

    def __str__(self) -> str:
        return f"{self.left},{self.top},{self.width},{self.height}"

    def of(self, shape: tuple[int, int]) -> Window:
        """Its window in a picture of this height and width; raises OptionError if outside."""
        height, width = shape
        if self.left + self.width > width or self.top + self.height > height:
            raise OptionError("crop", f"{self} reaches beyond the picture of {width}x{height}")
        return Window(
            slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        )


def parse_crop(text: str) -> Crop:
    """The part of a picture that X,Y,W,H means; raises OptionError.

    >>> parse_crop("600,400,320,240").of((1120, 1680)).shape
    (240, 320)
    """
    parts = text.split(",")
    if len(parts) != 4 or not all(p.strip().isascii() and p.strip().isdigit() for p in parts):
        raise OptionError(
            "crop", f"'{text}' is not X,Y,W,H in whole pixels, such as 600,400,640,480"
        )
    return Crop(*map(int, parts))
