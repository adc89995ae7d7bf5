"""JPEG: pixels by libjpeg (imagecodecs to read, Pillow to write); metadata read by hand.

libjpeg sees no metadata on reading, so damaged EXIF can neither stop it nor make it warn. Pillow
would refuse large pictures, and its limit is one global to all threads.
"""

from __future__ import annotations

import re
import struct
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from dpdeblur.io import exif
from dpdeblur.io.stored import Stored, Unusable, with_channels, without_single_channel

SIGNATURE = b"\xff\xd8\xff"
_EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_STANDALONE = {0x01, *range(0xD0, 0xD8)}  # TEM and restart markers have no length
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ARITHMETIC = 0xC9  # and above: such scans may end early, zeros being understood
_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_FILL = bytes((37 * n + 90) % 255 for n in range(64))
_APPLICATION = range(0xE1, 0xF0)
_JFIF = b"JFIF\0"
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_QUALITY = 95


def decode(data: bytes) -> Stored:
    """Decode the bytes of a JPEG file, the first picture where it holds several.

    Raises Unusable for a file that is cut short, has fewer scan data than pixels, or is neither
    gray nor RGB in 8 bits, and imagecodecs.Jpeg8Error for one that is damaged.
    """
    frame, head, segments, at = _take_apart(data)
    bits, parts = data[frame + 4], data[frame + 9]
    if bits != 8 or parts not in {1, 3}:
        kind = "a CMYK" if parts == 4 else f"a {bits}-bit"
        raise Unusable(f"it is {kind} JPEG; convert it to RGB in 8 bits first")
    scans = _scans(data, at)
    samples = imagecodecs.jpeg8_decode(head + b"".join(scans))
    # libjpeg fills up with gray what is missing and says nothing. The pixels of a whole picture
    # do not depend on what follows their scan, whereas a short one takes the filling for its own.
    if data[frame + 1] < _ARITHMETIC and not np.array_equal(
        samples, imagecodecs.jpeg8_decode(head + _FILL.join(scans))
    ):
        raise Unusable("it is damaged or cut short")
    block = next((s[len(_EXIF) :] for s in segments if s.startswith(_EXIF)), None)
    xmp = next((s[len(_XMP) :] for s in segments if s.startswith(_XMP)), None)
    # A profile longer than a segment is split: number and count are the two bytes after the name.
    profile = sorted(s[len(_ICC) :] for s in segments if s.startswith(_ICC))
    icc, notes = b"".join(part[2:] for part in profile), list[str]()
    if [part[:1] for part in profile] != [bytes([n + 1]) for n in range(len(profile))]:
        icc, notes = b"", ["The colour profile is incomplete."]
    tags = _resolution(next((s for s in segments if s.startswith(_JFIF)), b""))
    return Stored(with_channels(samples), bits, block, xmp, icc or None, tags, tuple(notes))


def encode(stored: Stored) -> bytes:
    """Encode as baseline JPEG, quality 95, chroma at full resolution (4:4:4).

    `stored.samples` is uint8, H x W x 1 or 3. Raises ValueError where a block is too long.
    """
    carried: dict[str, Any] = {}
    if stored.exif:
        carried["exif"] = _EXIF + stored.exif
    if stored.xmp:
        carried["xmp"] = stored.xmp
    if stored.icc:
        carried["icc_profile"] = stored.icc
    buffer = BytesIO()
    Image.fromarray(without_single_channel(stored.samples)).save(
        buffer, "JPEG", quality=_QUALITY, subsampling=0, **carried
    )
    return buffer.getvalue()


def _take_apart(data: bytes) -> tuple[int, bytes, list[bytes], int]:
    """Where the frame header is; all before the first scan, without metadata; the contents of
    APP0, APP1 and APP2; where the first scan is."""
    kept, segments, frame, at = [data[:2]], [], 0, 2
    while True:
        if at + 4 > len(data):
            raise Unusable("it is cut short")
        if data[at] != 0xFF:
            raise Unusable("it is damaged")
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:  # fill byte
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _SOS:
            break
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker in _FRAMES:
            frame = at
        if marker in {_APP0, _APP1, _APP2}:
            segments.append(data[at + 4 : end])
        if marker not in _APPLICATION or marker == _APP14:  # Adobe's APP14 names the colour space
            kept.append(data[at:end])
        at = end
    if not frame:
        raise Unusable("it is damaged")
    return frame, b"".join(kept), segments, at


def _scans(data: bytes, at: int) -> list[bytes]:
    """The file from its first scan, at `at`, to its end, parted before each further marker."""
    pieces, marker = [], data[at + 1]
    begin, at = at, at + 2
    while marker != _EOI:
        if marker not in _STANDALONE:
            if at + 2 > len(data):
                raise Unusable("it is cut short")
            at += struct.unpack_from(">H", data, at)[0]
        match = _MARKER.search(data, at)
        if match is None:
            raise Unusable("it is cut short")
        pieces.append(data[begin : match.start()])
        begin, at, marker = match.start(), match.end(), match[1][0]
    return [*pieces, data[begin:at]]


def _resolution(jfif: bytes) -> exif.Directory:
    """JFIF's density; nothing where it is a mere aspect ratio."""
    if len(jfif) < 12 or jfif[7] not in {1, 2}:
        return {}
    across, down = struct.unpack_from(">HH", jfif, 8)
    unit = exif.PER_INCH if jfif[7] == 1 else exif.PER_CENTIMETRE
    return exif.resolution((across, 1), (down, 1), unit)
