"""EXIF blocks entry by entry, so that what is kept stays as the camera wrote it.

An EXIF block and a TIFF file have one structure (a header, then directories of tagged entries),
so the same reader serves both. Values are held little-endian, and written so.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import NamedTuple, TypeAlias

import numpy as np

ORIENTATION, SOFTWARE = 274, 305
_DESCRIPTION = 270
_RESOLUTION = frozenset({282, 283, 296})
_EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 34665, 34853, 40965
POINTERS = frozenset({_EXIF_IFD, _GPS_IFD, _INTEROP_IFD})

# In the main directory only what describes the photograph is carried: the other tags there
# (strips, compression, sub-files, ...) describe the file it came from.
_DESCRIPTIVE = frozenset(
    {269, _DESCRIPTION, 271, 272, 306, 315, 316}  # document, make, model, date, artist, computer
    | {18246, 18249, 33432, 36867, 50708, *range(40091, 40096)}  # rating, copyright, ..., XP*
    | {*_RESOLUTION, _EXIF_IFD, _GPS_IFD}
)
# ComponentsConfiguration, CompressedBitsPerPixel, MakerNote, pixel dimensions.
_OF_THE_OLD_FILE = frozenset({37121, 37122, 37500, 40962, 40963})
# Descriptions by which scientific programs note the array's layout.
_LAYOUTS = (b'{"shape"', b"ImageJ=", b"<?xml")

_ASCII, _SHORT, _LONG = 2, 3, 4
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_WORDS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}  # what byte order applies to
_DEEPEST = 3


class Entry(NamedTuple):
    """One tag's value: TIFF type, number of values, and their bytes (little-endian)."""

    kind: int
    number: int
    data: bytes


Directory: TypeAlias = dict[int, "Entry | Directory"]


def parse(block: bytes) -> Directory:
    """Read the main directory and the EXIF, GPS and interoperability ones below it.

    `block` is an EXIF block from its TIFF header on, or a whole (classic) TIFF file. Entries that
    point outside the block are left out. Raises ValueError where it has no such structure.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        raise ValueError("no TIFF header")
    return _read(block, order, struct.unpack_from(order + "I", block, 4)[0], _DEEPEST)


def serialise(directory: Directory) -> bytes:
    """Write an EXIF block: TIFF header, then `directory` and all below it."""
    return b"II*\0" + struct.pack("<I", 8) + serialise_directory(directory, 8)


def serialise_directory(directory: Directory, offset: int) -> bytes:
    """Write a directory and all below it, as bytes to be put at `offset` (even) of a file."""
    table = struct.pack("<H", len(directory))
    at = offset + 2 + 12 * len(directory) + 4
    values = b""
    for tag, entry in sorted(directory.items()):
        if isinstance(entry, dict):
            content = serialise_directory(entry, at)
            table += struct.pack("<HHII", tag, _LONG, 1, at)
        elif len(entry.data) <= 4:
            content = b""
            table += struct.pack("<HHI4s", tag, entry.kind, entry.number, entry.data)
        else:
            content = entry.data
            table += struct.pack("<HHII", tag, entry.kind, entry.number, at)
        content += bytes(len(content) % 2)
        values += content
        at += len(content)
    return table + bytes(4) + values


def orientation(directory: Directory) -> int:
    """The orientation tag, 1 where there is none. Raises ValueError where it is not 1 to 8."""
    entry = directory.get(ORIENTATION)
    if not isinstance(entry, Entry):
        return 1
    value = int.from_bytes(entry.data, "little")
    if not 1 <= value <= 8:
        raise ValueError(f"orientation {value}")
    return value


def orientation_block(value: int) -> bytes:
    """An EXIF block that says nothing but the orientation."""
    return serialise({ORIENTATION: _short(value)})


def cleaned(directory: Directory, software: str) -> Directory:
    """What is still true of a picture made from this one; empty where nothing was there.

    Drops thumbnail, MakerNote and pixel dimensions, sets orientation to 1 and Software.
    """
    kept: Directory = {}
    for tag in _DESCRIPTIVE & directory.keys():
        entry = directory[tag]
        if isinstance(entry, dict):
            entry = {t: e for t, e in entry.items() if t not in _OF_THE_OLD_FILE}
        elif tag == _DESCRIPTION and entry.data.startswith(_LAYOUTS):
            continue
        if entry:
            kept[tag] = entry
    if kept.keys() <= _RESOLUTION:
        return {}
    text = software.encode("ascii") + b"\0"
    return kept | {ORIENTATION: _short(1), SOFTWARE: Entry(_ASCII, len(text), text)}


def _short(value: int) -> Entry:
    return Entry(_SHORT, 1, struct.pack("<H", value))


def _read(block: bytes, order: str, offset: int, depth: int) -> Directory:
    if depth == 0 or offset + 2 > len(block):
        raise ValueError("a directory is missing")
    (count,) = struct.unpack_from(order + "H", block, offset)
    if offset + 2 + 12 * count > len(block):
        raise ValueError("a directory is cut short")
    directory: Directory = {}
    for at in range(offset + 2, offset + 2 + 12 * count, 12):
        tag, kind, number, start = struct.unpack_from(order + "HHII", block, at)
        if tag in directory:
            continue
        if tag in POINTERS:
            with suppress(ValueError):  # a lost sub-directory takes nothing else with it
                directory[tag] = _read(block, order, start, depth - 1)
            continue
        size = _SIZES.get(kind, 0) * number
        start = at + 8 if size <= 4 else start
        if size and start + size <= len(block):
            value = block[start : start + size]
            if order == ">" and kind in _WORDS:
                value = np.frombuffer(value, f">u{_WORDS[kind]}").byteswap().tobytes()
            directory[tag] = Entry(kind, number, value)
    return directory
