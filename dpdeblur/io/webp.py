"""WebP, by Pillow: 8 bits, always in colour."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from dpdeblur.io import limits
from dpdeblur.io.stored import (
    Broken,
    Stored,
    carried_blocks,
    further_frames,
    stored_blocks,
    without_single_channel,
)

_HEADER = 12
_SIDE = 2**14 - 1


def begins(data: bytes) -> bool:
    """Whether a file that begins so is WebP."""
    return data[:4] == b"RIFF" and data[8:_HEADER] == b"WEBP"


def decode(data: bytes) -> Stored:
    """Decode the bytes of a WebP file, the first picture of an animation.

    Raises Unusable for a file that is cut short or too large, and what Pillow raises for a damaged
    one.
    """
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise Broken("it is cut short")
    for height, width, packed in _frames(data):
        if packed is None:
            limits.check_pixels(height, width)
        else:
            limits.check_blocks(height, width, packed)
    # Not by Image.open, which has a limit on the number of pixels.
    with WebPImageFile(BytesIO(data)) as image:
        samples = np.array(image)
        notes = further_frames(image.n_frames)
        return Stored(samples, 8, **stored_blocks(image.info), notes=notes)


def encode(stored: Stored, quality: int | None = None) -> bytes:
    """Encode `stored.samples` (uint8) without loss, or with a quality of 1 to 100."""
    how: dict[str, Any] = {"lossless": True, "exact": True}
    if quality is not None:
        how = {"quality": quality, "method": 6}
    buffer = BytesIO()
    image = Image.fromarray(without_single_channel(stored.samples))
    image.save(buffer, "WEBP", **how, **carried_blocks(stored))
    return buffer.getvalue()


def sizes(data: bytes) -> list[tuple[int, int]]:
    """Each height and width that the file states; none where the bytes are no WebP."""
    return [(height, width) for height, width, _ in _frames(data)] if begins(data) else []


def _frames(data: bytes) -> Iterator[tuple[int, int, int | None]]:
    """Each height and width, and the length of a picture with loss; not those of animations."""
    at = _HEADER
    while at + 18 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        content = data[at + 8 : at + 18]
        if kind == b"VP8X":
            width, height = (int.from_bytes(content[i : i + 3], "little") + 1 for i in (4, 7))
            yield height, width, None
        elif kind == b"VP8L":
            packed = int.from_bytes(content[1:5], "little")
            yield (packed >> 14 & _SIDE) + 1, (packed & _SIDE) + 1, None
        elif kind == b"VP8 ":
            width, height = (side & _SIDE for side in struct.unpack_from("<HH", content, 6))
            yield height, width, length
        at += 8 + length + length % 2
