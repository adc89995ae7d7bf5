"""AVIF: pixels by libavif (imagecodecs), which keeps 10 and 12 bits; all else by Pillow.

Pillow writes 8 bits only, but writes the blocks beside them, which imagecodecs does not.
"""

from __future__ import annotations

import struct
from io import BytesIO

import imagecodecs
import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from dpdeblur.io import exif, limits
from dpdeblur.io.stored import (
    Broken,
    Stored,
    carried_blocks,
    further_frames,
    stored_blocks,
    without_single_channel,
)

_BRANDS = {b"avif", b"avis"}
_TWELVE_BITS = 0x20  # of the third byte of the box av1C
_QUALITY = 95


def begins(data: bytes) -> bool:
    """Whether a file that begins so is AVIF."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def decode(data: bytes) -> Stored:
    """Decode the bytes of an AVIF file of 8, 10 or 12 bits; of a sequence the first picture in 8.

    Raises Unusable for a file that is too large or has no description of its samples, and what
    imagecodecs and Pillow raise for damaged ones.
    """
    described = data.find(b"av1C")
    if described < 0:
        raise Broken("it is damaged")
    deep = 12 if data[described + 6] & _TWELVE_BITS else 10
    # Not by Image.open, which has a limit on the number of pixels.
    with AvifImageFile(BytesIO(data)) as image:
        limits.check_pixels(image.height, image.width)
        # The boxes' turns and mirrors count, not what EXIF says; Pillow makes both agree.
        turned = image.getexif().get(exif.ORIENTATION, 1)
        blocks = stored_blocks(image.info)
        frames = image.n_frames
        # imagecodecs writes beyond its memory where it is asked for one of several.
        samples = np.array(image) if frames > 1 else np.atleast_3d(imagecodecs.avif_decode(data))
    if samples.ndim > 3:
        raise Broken("it is damaged")
    bits = 8 if samples.itemsize == 1 else deep
    return Stored(
        samples,
        bits,
        **blocks,
        notes=further_frames(frames),
        cicp=_coding(data),
        orientation=turned,
    )


def _coding(data: bytes) -> bytes | None:
    """The code points of the first box `colr` that has them; the decoder gives the full range.

    Without such a box MIAF (ISO/IEC 23000-22, 7.3.6.4) has it that the picture is sRGB. The AV1
    stream may still say otherwise, which neither library tells.
    """
    at = data.find(b"colrnclx")
    if at < 0:
        return None
    primaries, transfer = struct.unpack_from(">HH", data, at + 8)
    return bytes([min(primaries, 255), min(transfer, 255), 0, 1])


def encode(stored: Stored, quality: int | None = None) -> bytes:
    """Encode `stored.samples` (uint8), chroma at full resolution, quality 95 unless given."""
    blocks = carried_blocks(stored)
    if stored.exif:
        # Where there is an orientation, Pillow writes the block anew, with types of its own guess.
        directory = exif.parse(stored.exif)
        directory.pop(exif.ORIENTATION, None)
        blocks["exif"] = exif.serialise(directory)
    buffer = BytesIO()
    image = Image.fromarray(without_single_channel(stored.samples))
    image.save(
        buffer,
        "AVIF",
        quality=quality or _QUALITY,
        subsampling="4:4:4",
        max_threads=1,  # the bytes depend on their number
        **blocks,
    )
    return buffer.getvalue()
