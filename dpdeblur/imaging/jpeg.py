"""JPEG: pixels by Pillow (8 bits is all there is); metadata segments read by hand.

Pillow sees no metadata on reading, so damaged EXIF can neither stop it nor make it warn.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from dpdeblur.imaging.stored import Stored, Unusable, with_channels, without_single_channel

SIGNATURE = b"\xff\xd8\xff"
_SOS, _APP1, _APP2, _APP14 = 0xDA, 0xE1, 0xE2, 0xEE
_STANDALONE = {0x01, *range(0xD0, 0xD8)}  # TEM and restart markers have no length
_APPLICATION = range(0xE1, 0xF0)
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_QUALITY = 95


def decode(data: bytes) -> Stored:
    """Decode the bytes of a JPEG file, the first picture where it holds several.

    Raises Unusable for a file that is cut short or is neither gray nor RGB, and Pillow's OSError
    for one that is damaged.
    """
    bare, segments = _take_apart(data)
    with Image.open(BytesIO(bare), formats=("JPEG",)) as image:
        if image.mode not in {"L", "RGB"}:
            raise Unusable(f"it is a {image.mode} picture; convert it to RGB first")
        samples = with_channels(np.asarray(image))
    exif = next((s[len(_EXIF) :] for s in segments if s.startswith(_EXIF)), None)
    xmp = next((s[len(_XMP) :] for s in segments if s.startswith(_XMP)), None)
    # A profile longer than a segment is split: number and count are the two bytes after the name.
    parts = sorted(s[len(_ICC) :] for s in segments if s.startswith(_ICC))
    if [part[:1] for part in parts] != [bytes([n + 1]) for n in range(len(parts))]:
        return Stored(samples, exif, xmp, notes=("The colour profile is incomplete.",))
    return Stored(samples, exif, xmp, b"".join(part[2:] for part in parts) or None)


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


def _take_apart(data: bytes) -> tuple[bytes, list[bytes]]:
    """The file without its metadata, and the APP1 and APP2 segments' contents."""
    kept, segments, at = [data[:2]], [], 2
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
        if marker in {_APP1, _APP2}:
            segments.append(data[at + 4 : end])
        if marker not in _APPLICATION or marker == _APP14:  # Adobe's APP14 names the colour space
            kept.append(data[at:end])
        at = end
    if data.find(b"\xff\xd9", at) < 0:
        raise Unusable("it is cut short")
    return b"".join([*kept, data[at:]]), segments
