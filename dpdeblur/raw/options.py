"""How a raw file is to be made into views."""

from __future__ import annotations

from dataclasses import dataclass

from dpdeblur.errors import OptionError
from dpdeblur.pair import ViewOptions

DEFAULT_SIZE = 3360
"""Width at which the network works on raw files unless told otherwise.

The sensor's own gives better results (`benchmarks/raw_sizes.py`), but takes four times the time,
and maps of the defocus four times the memory.
"""


@dataclass(frozen=True)
class RawOptions(ViewOptions):
    """What is left to choose in making views of a raw file.

    `half` develops 2 x 2 sensor pixels to one, which is fast. `balance` evens out the sides'
    brightness. `swap_views` takes frame 1 for the right view.
    """

    half: bool = False
    balance: bool = True

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
