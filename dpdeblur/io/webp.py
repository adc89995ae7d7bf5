"""WebP, by Pillow: 8 bits, always in colour."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from dpdeblur.io.stored import (
    Stored,
    Unusable,
    carried_blocks,
    stored_blocks,
    without_single_channel,
)

_HEADER = 12


def begins(data: bytes) -> bool:
    """Whether a file that begins so is WebP."""
    return data[:4] == b"RIFF" and data[8:_HEADER] == b"WEBP"


def decode(data: bytes) -> Stored:
    """Decode the bytes of a WebP file, the first picture of an animation.

    Raises Unusable for a file that is cut short, and what Pillow raises for a damaged one.
    """
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise Unusable("it is cut short")
    # Not by Image.open, which has a limit on the number of pixels.
    with WebPImageFile(BytesIO(data)) as image:
        samples = np.array(image)
        return Stored(samples, 8, **stored_blocks(image.info))


def encode(stored: Stored, quality: int | None = None) -> bytes:
    """Encode `stored.samples` (uint8) without loss, or with a quality of 1 to 100."""
    how: dict[str, Any] = {"lossless": True, "exact": True}
    if quality is not None:
        how = {"quality": quality, "method": 6}
    buffer = BytesIO()
    image = Image.fromarray(without_single_channel(stored.samples))
    image.save(buffer, "WEBP", **how, **carried_blocks(stored))
    return buffer.getvalue()
