"""How a raw file is to be made into views."""

from __future__ import annotations

from dataclasses import dataclass

from dpdeblur.errors import OptionError
from dpdeblur.pair import MINIMUM_SIZE

DEFAULT_SIZE = 3360
"""Width at which the network works on raw files unless told otherwise: the best of five in the mean
of blurs up to 10, 20, 40 and 80 pixels of the sensor (`benchmarks/raw_sizes.py`)."""


@dataclass(frozen=True)
class RawOptions:
    """What is left to choose in making views.

    `size` is the width in pixels, along the sensor's rows, to which pictures are reduced; None is
    the sensor's own. `half` develops 2 x 2 sensor pixels to one, which is fast. `balance` evens
    out the sides' brightness. `swap_views` takes frame 1 for the right view. Raises OptionError.
    """

    size: int | None = None
    half: bool = False
    balance: bool = True
    swap_views: bool = False

    def __post_init__(self) -> None:
        if self.size is not None and self.size < MINIMUM_SIZE:
            raise OptionError("size", f"{self.size} must be at least {MINIMUM_SIZE}")

    @property
    def side_of_frame_1(self) -> str:
        """The view that frame 1 is assumed to be; no file confirms it."""
        return "right" if self.swap_views else "left"


def parse_size(text: str | None) -> int | None:
    """A working width: "full" is None, nothing is DEFAULT_SIZE. Raises OptionError."""
    if text is None:
        return DEFAULT_SIZE
    if text == "full":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise OptionError("size", f"'{text}' is not a width; give full or a number like 3360")
    return int(text)
