"""Strips and tiles of a TIFF that are pictures of their own, looked at before they are decoded.

Each says its size itself, and its decoder believes it, whatever the page says.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dpdeblur.io import jpeg, jpegxl, png, webp
from dpdeblur.io.stored import Broken, Unusable

_JPEG = {"JPEG", "ALT_JPEG", "JPEG_LOSSY"}
_BLOCK = 16  # of JPEG, up to whose multiples parts may be filled
# Ahead, so that the end of one that is no header does not hide a true one.
_JPEG_2000 = re.compile(rb"\xff\x4f\xff\x51(?=.{4}(.{34}))", re.DOTALL)
_CHANNELS = 4
_UNCHECKED = {"OJPEG", "JPEGXR", "JPEGXR_NDPI", "LERC", "JETRAW", "EER_V0", "EER_V1", "EER_V2"}


def size(page: Any) -> tuple[int, int]:
    """Height and width of a strip or a tile of tifffile's `page`; it is decoded at once."""
    if page.is_tiled:
        return page.tilelength * page.tiledepth, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def check(page: Any, parts: Iterable[bytes]) -> None:
    """Look at the bytes of each part of tifffile's `page`.

    Raises Broken where a part is larger than the page says or lacks scan data of JPEG, which
    tifffile would fill with gray, and Unusable for rare compressions whose sizes nobody reads here.
    """
    kind = getattr(page.compression, "name", "")
    if kind in _UNCHECKED:
        raise Unusable(f"its pixels are packed as {kind}; save it with deflate or LZW first")
    if kind in _JPEG:
        tables = (page.jpegtables or jpeg.BEGIN).removesuffix(jpeg.END)
        for part in parts:
            whole = tables + part.removeprefix(jpeg.BEGIN)
            _check_sizes(page, [jpeg.size(whole)])
            jpeg.pixels(whole, "GRAY")
    elif kind in _SIZES:
        for part in parts:
            _check_sizes(page, _SIZES[kind](part))


def _check_sizes(page: Any, sizes: Iterable[tuple[int, int]]) -> None:
    most = [-(-side // _BLOCK) * _BLOCK for side in size(page)]
    found = list(sizes)
    if not found:
        raise Broken("it is damaged")
    if any(side > limit for each in found for side, limit in zip(each, most, strict=True)):
        raise Broken("it is damaged: one of its parts is too large")


def _of_jpeg_2000(data: bytes) -> Iterator[tuple[int, int]]:
    """From wherever a codestream may begin, as boxes may surround it; many channels count twice."""
    for numbers in _JPEG_2000.findall(data):
        right, bottom, left, top, channels = struct.unpack(">4I16xH", numbers)
        yield (bottom - top) * -(-channels // _CHANNELS), right - left


_SIZES: Mapping[str, Callable[[bytes], Iterable[tuple[int, int]]]] = {
    "PNG": lambda part: [png.size(part)],
    **dict.fromkeys(("WEBP", "WEBP_DEPRECATED"), webp.sizes),
    **dict.fromkeys(("JPEGXL", "JPEGXL_DNG"), lambda part: [jpegxl.size(part)]),
    **dict.fromkeys(
        ("JPEG2000", "JPEG_2000_LOSSY", "APERIO_JP2000_YCBC", "APERIO_JP2000_RGB"), _of_jpeg_2000
    ),
}
