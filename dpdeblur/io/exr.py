"""OpenEXR, written only: linear light in 32-bit floating point, deflated.

No library here writes it. The layout is that of the OpenEXR file format, version 2, for one part
of scan lines.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from dpdeblur.io.stored import Stored

SIGNATURE = b"\x76\x2f\x31\x01"
_VERSION = struct.pack("<I", 2)
_ZIP, _ROWS = 3, 16  # rows that are compressed together
_FLOAT = 2
_SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_NAMES = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}


def encode(stored: Stored) -> bytes:
    """Encode float32 samples of linear light in sRGB's primaries; alpha is multiplied in.

    There is no customary place for EXIF, XMP and ICC blocks, so they are left out.
    """
    samples = np.asarray(stored.samples, np.float32)
    height, width, number = samples.shape
    if number in {2, 4}:
        samples = samples.copy()
        samples[..., :-1] *= samples[..., -1:]
    names = _NAMES[number]
    order = sorted(range(number), key=lambda channel: names[channel])
    head = SIGNATURE + _VERSION + _header([names[channel] for channel in order], width, height)
    # Row after row, and in a row channel after channel.
    rows = np.ascontiguousarray(samples[..., order].swapaxes(1, 2), "<f4")
    blocks = [
        struct.pack("<iI", top, len(packed)) + packed
        for top in range(0, height, _ROWS)
        for packed in (_packed(rows[top : top + _ROWS].tobytes()),)
    ]
    start = len(head) + 8 * len(blocks)
    offsets = start + np.cumsum([0, *map(len, blocks[:-1])], dtype=np.uint64)
    return head + offsets.astype("<u8").tobytes() + b"".join(blocks)


def _header(names: list[str], width: int, height: int) -> bytes:
    channels = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", _FLOAT, 0, 1, 1) for name in names
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    return (
        _attribute("channels", "chlist", channels + b"\0")
        + _attribute("chromaticities", "chromaticities", struct.pack("<8f", *_SRGB))
        + _attribute("compression", "compression", bytes([_ZIP]))
        + _attribute("dataWindow", "box2i", window)
        + _attribute("displayWindow", "box2i", window)
        + _attribute("lineOrder", "lineOrder", b"\0")
        + _attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
        + _attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0))
        + _attribute("screenWindowWidth", "float", struct.pack("<f", 1))
        + b"\0"
    )


def _attribute(name: str, kind: str, value: bytes) -> bytes:
    return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value


def _packed(raw: bytes) -> bytes:
    """Every other byte, then the rest, as differences, deflated; as they are if that is shorter."""
    numbers: NDArray[np.uint8] = np.frombuffer(raw, np.uint8)
    parted = np.concatenate([numbers[::2], numbers[1::2]])
    differences = parted.copy()
    differences[1:] = parted[1:] - parted[:-1] + np.uint8(128)
    packed = zlib.compress(differences.tobytes(), 4)
    return packed if len(packed) < len(raw) else raw
