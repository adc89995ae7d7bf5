"""Canon's maker note: whether Dual Pixel RAW was on, and the black level that the camera states."""

from __future__ import annotations

import struct
from typing import NamedTuple

from dpdeblur.io import exif

_MAKER_NOTE = 37500
_DUAL_PIXEL, _COLOUR_DATA = 0x4031, 0x4001
_SHORT = 3
_COUNT, _BLACK = 1592, 0x30A  # of the colour data of this length, as the 5D Mark IV has them


class MakerNote(NamedTuple):
    """`black` are the levels of the four sites of the Bayer pattern; None where it is not known."""

    dual_pixel: bool = False
    black: tuple[int, ...] | None = None


NO_NOTE = MakerNote()


def read_makernote(data: bytes, directory: exif.Directory) -> MakerNote:
    """The maker note in the `directory` of a CR2 file's bytes; an empty one if it has none."""
    photo = directory.get(exif.EXIF_IFD)
    note = photo.get(_MAKER_NOTE) if isinstance(photo, dict) else None
    if not isinstance(note, exif.Entry) or len(note.data) < 2:
        return NO_NOTE
    count = int.from_bytes(note.data[:2], "little")
    table = note.data[2 : 2 + 12 * count]
    entries = struct.iter_unpack("<HHII", table[: len(table) // 12 * 12])
    found = {tag: rest for tag, *rest in entries}
    black = None
    kind, number, start = found.get(_COLOUR_DATA, (0, 0, 0))
    begin = start + 2 * _BLACK  # offsets count from the file's start
    levels = data[begin : begin + 8]
    if (kind, number) == (_SHORT, _COUNT) and len(levels) == 8:
        black = struct.unpack("<4H", levels)
    return MakerNote(_DUAL_PIXEL in found, black)
