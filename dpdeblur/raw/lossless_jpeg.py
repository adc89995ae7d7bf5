"""Whether a CR2's lossless JPEGs are whole: LibRaw decodes many damaged ones without a word.

There is no checksum, but the code's length is one: the pixels tell how many bits they took, and a
decoder that lost its place, or read by a damaged table, took another number than there are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_START, _END = b"\xff\xd8", b"\xff\xd9"
_TABLES, _FRAME, _SCAN = 0xC4, 0xC3, 0xDA
_TO_THE_LEFT = 1  # the predictor of every CR2; a row's first pixel is predicted from above
_DEEPEST = 15  # bits per sample, so that differences need no wrapping at 16 bits
_CATEGORIES = _DEEPEST + 1  # bit lengths of a difference
# The standard puts the end marker right behind the last byte. What a camera may add is unknown:
# so many bytes of any kind, or any number of zeros.
_SLACK = 16
_ROWS = 128  # looked at together, so that memory stays small

_BIT_LENGTH = np.frexp(np.arange(1 << _DEEPEST))[1].astype(np.uint8)

_CodeLengths = NDArray[np.int64]  # bits of the code of each category; 0 where there is none


class _DamagedError(ValueError):
    """The JPEG is not as a camera writes it."""


class _Header(NamedTuple):
    precision: int
    rows: int
    columns: int
    codes: list[_CodeLengths]  # one per component
    length: int  # of the header; behind it are the entropy-coded data


def count_samples(strip: bytes) -> int:
    """The samples that a lossless JPEG, as CR2's raw frames are, says to hold; 0 for another file.

    Raises ValueError if it is too short for them: a decoder would go on for minutes.
    """
    frame: tuple[int, ...] = ()
    with suppress(_DamagedError):
        for marker, segment, _ in _segments(strip):
            if marker == _FRAME and len(segment) >= 6:
                frame = struct.unpack_from(">HHB", segment, 1)
    samples = prod(frame) if frame else 0
    if samples > 8 * len(strip):  # a code takes a bit at least
        raise ValueError("a JPEG of more samples than bits")
    return samples


def make_up(slices: Sequence[int], columns: int) -> bool:
    """Tell whether slices, as `is_whole` takes them, are those of a mosaic of so many columns."""
    if len(slices) != 3:
        return False
    number, width, last = slices
    return number > 0 and number * width + last == columns


def is_whole(strip: bytes, mosaic: NDArray[np.uint16], slices: Sequence[int] = ()) -> bool:
    """Tell whether `mosaic` (H x W) took all that `strip` holds, but for what fills it up.

    Args:
        strip: The frame's JPEG.
        mosaic: What was decoded of it, in the sensor's rows and columns.
        slices: The file's (n, width, last): the JPEG holds n slices of `width` columns and one of
            `last` columns one after the other. Empty if it holds the rows as they are.

    Damage that changes the difference of two neighbours, but not the place of the next code, is
    not seen: the pixels behind it differ in brightness, as if taken so.
    """
    try:
        header = _read_header(strip)
        samples = _as_coded(mosaic, header, slices)
    except _DamagedError:
        return False
    end = strip.rfind(_END, header.length)
    data = strip[header.length : end].rstrip(b"\xff")  # such bytes may fill up before a marker
    stuffed = data.count(b"\xff\0")
    if end < 0 or data.count(b"\xff") != stuffed:  # any other marker
        return False
    bits = 0
    for component, code in enumerate(header.codes):
        counts = _count_categories(samples[..., component], 1 << (header.precision - 1))
        if np.any(counts[code == 0]):
            return False
        bits += int(counts @ (code + np.arange(_CATEGORIES)))
    taken = -(-bits // 8) + stuffed
    # Zeros that took the place of lost code are code, too, to a decoder: it takes some of them.
    filling = len(data) - taken, abs(len(data.rstrip(b"\0")) - taken)
    return taken <= len(data) and min(filling) <= _SLACK


def _count_categories(samples: NDArray[np.uint16], start: int) -> NDArray[np.int64]:
    """How many differences of each bit length there are; the first is the one from `start`."""
    first = np.diff(samples[:, 0].astype(np.int32), prepend=start)
    counts = np.bincount(_BIT_LENGTH[np.abs(first)], minlength=_CATEGORIES)
    for row in range(0, len(samples), _ROWS):
        differences = np.diff(samples[row : row + _ROWS].astype(np.int32))
        lengths = _BIT_LENGTH[np.abs(differences)]
        counts += np.bincount(lengths.ravel(), minlength=_CATEGORIES)
    return counts


def _as_coded(
    mosaic: NDArray[np.uint16], header: _Header, slices: Sequence[int]
) -> NDArray[np.uint16]:
    """The mosaic's pixels as samples of the JPEG: rows x columns x components."""
    if slices:
        if not make_up(slices, mosaic.shape[1]):
            raise _DamagedError("the slices do not make up the width")
        number, width, _ = slices
        edges = [*range(0, number * width + 1, width), mosaic.shape[1]]
        mosaic = np.concatenate([mosaic[:, begin:end].ravel() for begin, end in pairwise(edges)])
    shape = header.rows, header.columns, len(header.codes)
    if mosaic.size != np.prod(shape) or mosaic.max() >> header.precision:
        raise _DamagedError("the frame is of another size or depth")
    return mosaic.reshape(shape)


def _read_header(strip: bytes) -> _Header:
    tables: dict[int, _CodeLengths] = {}
    frame: tuple[int, ...] = ()
    components = predictor = shift = length = 0
    for marker, segment, end in _segments(strip):
        if marker == _TABLES:
            tables |= _read_tables(segment)
        elif marker == _FRAME and len(segment) >= 6:
            frame = struct.unpack_from(">BHHB", segment)
        elif marker == _SCAN and len(segment) >= 4:
            components, predictor, shift = segment[0], segment[-3], segment[-1]
            length = end
    if not frame or 0 not in tables or (predictor, shift) != (_TO_THE_LEFT, 0):
        raise _DamagedError("no frame, no table, or differences of another kind")
    precision, rows, columns, count = frame
    if not 2 <= precision <= _DEEPEST or not count or components != count:
        raise _DamagedError("samples of another kind")
    # As LibRaw does, whatever the scan says: a component has the table of its number, or else
    # that of the one before.
    codes = [tables[max(n for n in tables if n <= component)] for component in range(count)]
    return _Header(precision, rows, columns, codes, length)


def _segments(strip: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and end of each segment of the header; the last is the scan's."""
    at, marker = len(_START), 0
    if not strip.startswith(_START):
        raise _DamagedError("no start")
    while marker != _SCAN:
        if len(strip) < at + 4:
            raise _DamagedError("no end of the header")
        begin, marker, length = struct.unpack_from(">BBH", strip, at)
        end = at + 2 + length
        if begin != 0xFF or length < 2 or end > len(strip):
            raise _DamagedError("no marker")
        yield marker, strip[at + 4 : end], end
        at = end


def _read_tables(segment: bytes) -> dict[int, _CodeLengths]:
    tables = {}
    while segment:
        number, counts = segment[0], segment[1:17]
        categories = list(segment[17 : 17 + sum(counts)])
        segment = segment[17 + sum(counts) :]
        lengths = np.repeat(np.arange(1, 1 + len(counts)), list(counts))
        if len(categories) != lengths.size or len(set(categories)) != len(categories):
            raise _DamagedError("a table of codes is incomplete or ambiguous")
        if number > 3 or max(categories, default=0) >= _CATEGORIES or np.sum(0.5**lengths) > 1:
            raise _DamagedError("a table of codes is impossible")
        tables[number] = np.zeros(_CATEGORIES, np.int64)
        tables[number][categories] = lengths
    return tables
