"""EXIF blocks entry by entry, so that what is kept stays as the camera wrote it.

An EXIF block and a TIFF file have one structure (a header, then directories of tagged entries),
so the same reader serves both, with tifffile's tables of that structure. Values are held
little-endian, and written so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from tifffile import TIFF

ORIENTATION, SOFTWARE = 274, 305
DESCRIPTION, ARTIST, COPYRIGHT = 270, 315, 33432
PER_INCH, PER_CENTIMETRE = 2, 3
_ACROSS, _DOWN, _UNIT = 282, 283, 296
_NO_UNIT = 1
_RESOLUTION = frozenset({_ACROSS, _DOWN, _UNIT})
EXIF_IFD, GPS_IFD, INTEROP_IFD = 34665, 34853, 40965
POINTERS = frozenset({EXIF_IFD, GPS_IFD, INTEROP_IFD})

# In the main directory only what describes the photograph is carried: the other tags there
# (strips, compression, sub-files, ...) describe the file it came from.
_DESCRIPTIVE = frozenset(
    {269, DESCRIPTION, 271, 272, 306, ARTIST, 316}  # document, make, model, date, computer
    | {18246, 18249, COPYRIGHT, 36867, 50708, *range(40091, 40096)}  # rating, ..., XP*
    | {*_RESOLUTION, EXIF_IFD, GPS_IFD}
)
# ComponentsConfiguration, CompressedBitsPerPixel, MakerNote, pixel dimensions; and what counts the
# old picture's pixels or places in it: SubjectArea, focal plane resolution, SubjectLocation.
_OF_THE_OLD_FILE = frozenset(
    {37121, 37122, 37500, 40962, 40963, 37396, *range(41486, 41489), 41492}
)
# Descriptions by which scientific programs note the array's layout.
_LAYOUTS = (b'{"shape"', b"ImageJ=", b"<?xml")

_ASCII, _SHORT, _LONG, _RATIONAL, _IFD = 2, 3, 4, 5, 13
_WORDS = TIFF.DATA_FORMATS | {129: "1s"}  # the last is UTF-8, which EXIF 3.0 has and TIFF has not
_DEEPEST = 3
_LONGEST = 256
_FORMATS = {
    b"II*\0": TIFF.CLASSIC_LE,
    b"MM\0*": TIFF.CLASSIC_BE,
    b"II+\0": TIFF.BIG_LE,
    b"MM\0+": TIFF.BIG_BE,
}


class Entry(NamedTuple):
    """One tag's value: TIFF type, number of values, and their bytes (little-endian)."""

    kind: int
    number: int
    data: bytes


Directory: TypeAlias = dict[int, "Entry | Directory"]


def parse(block: bytes) -> Directory:
    """Read the main directory and the EXIF, GPS and interoperability ones below it.

    `block` is an EXIF block from its TIFF header on, or a whole TIFF or BigTIFF file. Entries that
    point outside the block are left out. Raises ValueError where it has no such structure, or where
    so many entries share bytes that it would take far more memory than the block.
    """
    return next(_chain(block))


def parse_chain(block: bytes) -> list[Directory]:
    """Read the main directory, as `parse` does, and those chained to it: a file's other pictures.

    A chain that is broken behind the main directory ends there. Raises ValueError as `parse` does.
    """
    rest = _chain(block)
    chain = [next(rest)]
    with suppress(_LostError):
        for directory in rest:
            chain.append(directory)
    return chain


def serialise(directory: Directory) -> bytes:
    """Write an EXIF block: TIFF header, then `directory` and all below it."""
    return b"II*\0" + struct.pack("<I", 8) + serialise_directory(directory, 8)


def serialise_directory(directory: Directory, offset: int) -> bytes:
    """Write a directory and all below it, as bytes to be put at `offset` (even) of a file."""
    table = bytearray(struct.pack("<H", len(directory)))
    at = offset + 2 + 12 * len(directory) + 4
    values = bytearray()
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
    return bytes(table + bytes(4) + values)


def orientation(directory: Directory) -> int:
    """The orientation tag, 1 where there is none. Raises ValueError where it is not 1 to 8."""
    entry = directory.get(ORIENTATION)
    if not isinstance(entry, Entry):
        return 1
    value = int.from_bytes(entry.data, "little")
    if not 1 <= value <= 8:
        raise ValueError(f"orientation {value}")
    return value


def completed(directory: Directory, tags: Directory) -> Directory:
    """`directory` with what it does not say itself out of `tags`; a resolution goes as one."""
    said = directory.keys() | (_RESOLUTION if _RESOLUTION & directory.keys() else set())
    return directory | {tag: entry for tag, entry in tags.items() if tag not in said}


def text(value: str) -> Entry:
    """A text, in UTF-8 as is customary although EXIF knows only ASCII."""
    data = value.encode() + b"\0"
    return Entry(_ASCII, len(data), data)


def short(value: int) -> Entry:
    """One 16-bit number."""
    return Entry(_SHORT, 1, struct.pack("<H", value))


def resolution(across: tuple[int, int], down: tuple[int, int], unit: int) -> Directory:
    """Pixels per unit (PER_INCH or PER_CENTIMETRE), as fractions; empty where one is zero."""
    if not (across[0] and down[0]):
        return {}
    fractions = (Entry(_RATIONAL, 1, struct.pack("<II", *n)) for n in (across, down))
    return {**dict(zip((_ACROSS, _DOWN), fractions, strict=True)), _UNIT: short(unit)}


def cleaned(directory: Directory, software: str) -> Directory:
    """What is still true of a picture made from this one; empty where nothing was there.

    Drops thumbnail, MakerNote, pixel dimensions and places among the pixels; sets orientation to 1
    and Software.
    """
    kept: Directory = {}
    for tag in _DESCRIPTIVE & directory.keys():
        entry = directory[tag]
        if isinstance(entry, dict):
            entry = {t: e for t, e in entry.items() if t not in _OF_THE_OLD_FILE}
        elif tag == DESCRIPTION and entry.data.startswith(_LAYOUTS):
            continue
        if entry:
            kept[tag] = entry
    if kept.keys() <= _RESOLUTION and kept.get(_UNIT) == short(_NO_UNIT):  # an aspect ratio
        return {}
    return kept and kept | {ORIENTATION: short(1), SOFTWARE: text(software)}


class _LostError(ValueError):
    """A directory is not where it should be."""


class _Budget:
    """Bytes that may still be read: twice a block, since only a few values share their bytes."""

    def __init__(self, block: bytes) -> None:
        self._left = 2 * len(block)

    def spend(self, size: int) -> None:
        """Raise ValueError where it is used up: entries without end share the same bytes."""
        self._left -= size
        if self._left < 0:
            raise ValueError("its entries lie over each other")


def _chain(block: bytes) -> Iterator[Directory]:
    """The main directory and those chained to it; _LostError where the chain ends or breaks."""
    form = _FORMATS.get(block[:4])
    if form is None:
        raise ValueError("no TIFF header")
    link, seen, budget = form.offsetsize, set[int](), _Budget(block)
    while (offset := _number(block, link, form.offsetformat)) not in seen:
        if len(seen) == _LONGEST:
            raise ValueError("too many directories")
        seen.add(offset)
        directory, link = _read(block, form, offset, _DEEPEST, budget)
        yield directory


def _number(block: bytes, at: int, kind: str) -> int:
    if at + struct.calcsize(kind) > len(block):
        raise _LostError("a directory is missing")
    return int(struct.unpack_from(kind, block, at)[0])


def _read(
    block: bytes, form: Any, offset: int, depth: int, budget: _Budget
) -> tuple[Directory, int]:
    """The directory at `offset`, and where the link to the next one lies."""
    if offset == 0 or depth == 0:
        raise _LostError("a directory is missing")
    first = offset + form.tagnosize
    end = first + form.tagsize * _number(block, offset, form.tagnoformat)
    if end > len(block):
        raise _LostError("a directory is cut short")
    budget.spend(end - offset)
    directory: Directory = {}
    for tag, kind, number, value in struct.iter_unpack(form.tagheaderformat, block[first:end]):
        if tag in directory:
            continue
        if tag in POINTERS:
            wide = "I" if kind in {_LONG, _IFD} else form.offsetformat[1:]  # 4 bytes in BigTIFF too
            start = _number(value, 0, form.byteorder + wide)
            with suppress(_LostError):  # a lost sub-directory takes nothing else with it
                directory[tag], _ = _read(block, form, start, depth - 1, budget)
            continue
        words = _WORDS.get(kind, "0s")  # such as 2I: two numbers of four bytes
        size = struct.calcsize("<" + words) * number
        if size > form.tagoffsetthreshold:
            start = _number(value, 0, form.offsetformat)
            if start + size > len(block):
                continue
            budget.spend(size)
            value = block[start : start + size]
        if size and len(value) >= size:
            word = struct.calcsize("<" + words[-1])
            value = value[:size]
            if form.byteorder == ">":
                value = np.frombuffer(value, f">u{word}").byteswap().tobytes()
            directory[tag] = Entry(kind, number, value)
    return directory, end
