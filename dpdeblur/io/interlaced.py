"""Interlaced PNG: seven small pictures in one, each decoded as a picture of its own.

imagecodecs decodes them too, but lets libpng print a warning for each file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from dpdeblur.io.stored import Broken, Samples

_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
_LAST = (1, 0, 2, 1)


def decode(
    header: bytes, packed: bytes, pixel_bits: int, decode_plain: Callable[[bytes, bytes], Any]
) -> Samples:
    """Samples H x W x C of an interlaced PNG.

    `header` is the content of its IHDR chunk, `packed` that of all IDAT chunks. `decode_plain`
    decodes a picture that is not interlaced, of the same two. Raises Broken where it is cut
    short, zlib.error where it is damaged.
    """
    width, height = struct.unpack_from(">II", header)
    shapes = [
        (-(-(height - top) // down), -(-(width - left) // along))
        for top, left, down, along in (*_PASSES, _LAST)
    ]
    sizes = [
        rows * (1 + -(-columns * pixel_bits // 8)) if rows > 0 < columns else 0
        for rows, columns in shapes
    ]
    lines = zlib.decompressobj().decompress(packed, sum(sizes))
    if len(lines) < sum(sizes):
        raise Broken("it is cut short")
    samples: Any = None
    at = 0
    for (top, left, down, along), shape, size in zip((*_PASSES, _LAST), shapes, sizes, strict=True):
        if not size:
            continue
        own = struct.pack(">II", *shape[::-1]) + header[8:12] + b"\0"
        part = np.atleast_3d(decode_plain(own, zlib.compress(lines[at : at + size], 0)))
        at += size
        if samples is None:
            samples = np.empty((height, width, part.shape[-1]), part.dtype)
        samples[top::down, left::along] = part
    result: Samples = samples
    return result
