"""JPEG: pixels by libjpeg-turbo (simplejpeg to read, Pillow to write); metadata read by hand.

simplejpeg tells where scan data are missing, which other wrappers fill up with gray. Pillow would
stop or warn at damaged EXIF, and does not see that a part of a colour profile is lost.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.io import exif, limits
from dpdeblur.io.stored import (
    EXTENDED_XMP,
    IPTC,
    IPTC_RESOURCE,
    Broken,
    Stored,
    Unusable,
    carried_blocks,
    without_single_channel,
)

SIGNATURE = b"\xff\xd8\xff"
BEGIN, END = b"\xff\xd8", b"\xff\xd9"
"""Markers around every JPEG, also around tables alone."""
_EOI, _SOS, _APPLICATION = 0xD9, 0xDA, range(0xE0, 0xEE)
_SCAN, _SCANS = b"\xff\xda", 100
_STANDALONE = {0x01, *range(0xD0, 0xD8)}  # TEM and restart markers have no length
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_LAST_BYTES = re.compile(rb"\xff[\x01-\xfe]")  # of a marker: found in linear time
_JFIF = b"JFIF\0"
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_ICC = b"ICC_PROFILE\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_QUALITY = 95
# What libjpeg says where a scan is short of data; its other warnings may be of whole pictures.
_LOST = re.compile(
    r"premature end|instead of RST|bad \w+ code|before marker 0xd[0-7]", re.IGNORECASE
)
_FILL = bytes((37 * n + 90) % 255 for n in range(64))


def decode(data: bytes) -> Stored:
    """Decode the bytes of a JPEG file, the first picture where it holds several.

    Raises Unusable for a file that is cut short, has fewer scan data than pixels, or is neither
    gray nor RGB in 8 bits, and imagecodecs.Jpeg8Error for one that is damaged.
    """
    frame, blocks, scan = _header(data)
    bits, parts = frame[0], frame[5]
    if bits != 8 or parts not in {1, 3}:
        kind = "a CMYK" if parts == 4 else f"a {bits}-bit"
        raise Unusable(f"it is {kind} JPEG; convert it to RGB in 8 bits first")
    height, width = struct.unpack_from(">HH", frame, 1)
    limits.check_blocks(height, width, _packed(data, scan))
    samples = pixels(data, "GRAY" if parts == 1 else "RGB")
    jfif, block, xmp = (next(iter(blocks[name]), None) for name in (_JFIF, _EXIF, _XMP))
    # A profile longer than a segment is split: number and count are the two bytes after the name.
    profile = sorted(blocks[_ICC])
    icc, notes = b"".join(part[2:] for part in profile), list[str]()
    count = len(profile)
    if [tuple(part[:2]) for part in profile] != [(n, count) for n in range(1, count + 1)]:
        icc, notes = b"", ["The colour profile is incomplete and was left out."]
    iptc = any(IPTC_RESOURCE in part for part in blocks[_PHOTOSHOP])
    left_out = (IPTC,) * iptc + (EXTENDED_XMP,) * bool(blocks[_MORE_XMP])
    return Stored(
        samples, bits, block, xmp, icc or None, _resolution(jfif or b""), tuple(notes), left_out
    )


def encode(stored: Stored, quality: int | None = None) -> bytes:
    """Encode as baseline JPEG, quality 95 unless given, chroma at full resolution (4:4:4).

    `stored.samples` is uint8, H x W x 1 or 3. Raises ValueError where a block is too long.
    """
    carried = carried_blocks(stored)
    if stored.exif:
        carried["exif"] = _EXIF + stored.exif
    buffer = BytesIO()
    Image.fromarray(without_single_channel(stored.samples)).save(
        buffer, "JPEG", quality=quality or _QUALITY, subsampling=0, **carried
    )
    return buffer.getvalue()


def size(data: bytes) -> tuple[int, int]:
    """Height and width, as the frame header has them. Raises Broken where there is none."""
    height, width = struct.unpack_from(">HH", _header(data)[0], 1)
    return height, width


def pixels(data: bytes, colours: str) -> NDArray[np.unsignedinteger[Any]]:
    """Decode to H x W x C, C being 1 ("GRAY") or 3 ("RGB"), or what a rare kind has.

    Raises Broken where scan data are missing, Unusable for more scans than programs write, each of
    which takes the time of the whole picture, and imagecodecs.Jpeg8Error for other damage.
    """
    if data.count(_SCAN) > _SCANS and _scans(data) > _SCANS:  # the first also counts what is none
        raise Unusable(f"it has more than {_SCANS} scans; save it again")
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colours))
    except ValueError as error:
        if _LOST.search(str(error)):
            raise Broken("it is damaged or cut short") from error
    # Something unusual, such as bytes between scans, a rare reduction of the colours or more than 8
    # bits, which simplejpeg does not know; imagecodecs does, but fills up what is missing with
    # gray. What follows a whole scan makes no difference; a short one takes it for its own.
    frame, _, scan = _header(data)
    samples = imagecodecs.jpeg_decode(data)
    whole = samples.shape[:2] == struct.unpack_from(">HH", frame, 1)  # not so with damaged tables
    if not whole or not np.array_equal(samples, imagecodecs.jpeg_decode(_padded(data, scan))):
        raise Broken("it is damaged or cut short")
    return np.atleast_3d(samples)


def _scans(data: bytes) -> int:
    found = _markers(data, _header(data)[2])
    return sum(data[start:end].lstrip(b"\xff")[:1] == _SCAN[1:] for start, end in found)


def _header(data: bytes) -> tuple[bytes, dict[bytes, list[bytes]], int]:
    """The frame header, the blocks of each name, and where the first scan begins."""
    names = (_JFIF, _EXIF, _XMP, _MORE_XMP, _ICC, _PHOTOSHOP)
    frame, blocks, at = b"", {name: list[bytes]() for name in names}, 2
    while (match := _MARKER.match(data, at)) and (marker := match[1][0]) != _SOS:
        at = match.end()
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        content = data[at + 2 : at + length]
        at += length
        if marker in _FRAMES:
            frame = content
        for name, found in blocks.items():
            if marker in _APPLICATION and content.startswith(name):
                found.append(content.removeprefix(name))
    if match is None or len(frame) < 6:
        raise Broken("it is damaged or cut short")
    return frame, blocks, match.start()


def _padded(data: bytes, at: int) -> bytes:
    """The file with more bytes before each of its markers, from the first scan (at `at`) on."""
    pieces, begin = [], 0
    for start, _ in _markers(data, at):
        pieces.append(data[begin:start])
        begin = start
    return _FILL.join([*pieces, data[begin:]])


def _packed(data: bytes, at: int) -> int:
    """How many bytes hold pixels: no markers, and nothing that follows the end of the picture."""
    total = 0
    for start, end in _markers(data, at):
        total, at = total + start - at, end
    return total


def _markers(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Where each marker from `at` on begins, and where what belongs to it ends.

    The last is the end of the picture; Broken where there is none.
    """
    while match := _LAST_BYTES.search(data, at):
        start = at + len(data[at : match.start()].rstrip(b"\xff"))  # more such bytes may precede
        at, marker = match.end(), match[0][1]
        if marker not in {*_STANDALONE, _EOI}:
            at += int.from_bytes(data[at : at + 2], "big")
        yield start, at
        if marker == _EOI:
            return
    raise Broken("it is damaged or cut short")


def _resolution(jfif: bytes) -> exif.Directory:
    """JFIF's density; nothing where it is a mere aspect ratio."""
    if len(jfif) < 7 or jfif[2] not in {1, 2}:
        return {}
    across, down = struct.unpack_from(">HH", jfif, 3)
    unit = exif.PER_INCH if jfif[2] == 1 else exif.PER_CENTIMETRE
    return exif.resolution((across, 1), (down, 1), unit)
