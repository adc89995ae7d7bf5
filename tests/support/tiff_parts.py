"""TIFF files put together part by part, to leave some out."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import tifffile

from dpdeblur.io.exif import Entry, serialise_directory

WIDTH, HEIGHT = 32, 16
_SHORT, _LONG = 3, 4


def tiff_of(
    strips: Sequence[bytes],
    *,
    rows: int = HEIGHT,
    height: int = HEIGHT,
    planes: int = 1,
    compression: int = 1,
    bits: int = 8,
    floating: bool = False,
) -> bytes:
    """A gray file of 32 pixels a row, or RGB in `planes`, with `strips` of `rows` rows each."""

    def entry(kind: int, *values: int) -> Entry:
        letter = "H" if kind == _SHORT else "I"
        return Entry(kind, len(values), struct.pack(f"<{len(values)}{letter}", *values))

    body, starts = bytes(8), []
    for strip in strips:
        starts.append(len(body))
        body += strip + bytes(len(strip) % 2)
    tags = {
        256: entry(_LONG, WIDTH),
        257: entry(_LONG, height),
        258: entry(_SHORT, *[bits] * planes),
        259: entry(_SHORT, compression),
        262: entry(_SHORT, 2 if planes == 3 else 1),
        273: entry(_LONG, *starts),
        277: entry(_SHORT, planes),
        278: entry(_LONG, rows),
        279: entry(_LONG, *map(len, strips)),
        284: entry(_SHORT, 2 if planes == 3 else 1),
        339: entry(_SHORT, *[3 if floating else 1] * planes),
    }
    header = b"II*\0" + struct.pack("<I", len(body))
    return header + body[8:] + serialise_directory(tags, len(body))


def repacked(data: bytes, part: bytes, compression: int) -> bytes:
    """A TIFF of one strip or tile with `part`, packed in another way, in its place."""
    buffer = io.BytesIO(data)
    end = buffer.seek(0, io.SEEK_END)
    buffer.write(part)
    buffer.seek(0)
    with tifffile.TiffFile(buffer, mode="r+b") as file:
        tags: Any = file.pages[0].tags
        kind = "Tile" if "TileOffsets" in tags else "Strip"
        tags["Compression"].overwrite(compression)
        tags[f"{kind}Offsets"].overwrite(end)
        tags[f"{kind}ByteCounts"].overwrite(len(part))
    return buffer.getvalue()
