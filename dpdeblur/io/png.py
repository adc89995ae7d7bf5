"""PNG: pixels by libpng (imagecodecs), which is exact in 16 bits; metadata chunks by hand.

libpng sees no metadata on reading, so damage there can neither stop it nor make it warn.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np

from dpdeblur.io import exif, limits
from dpdeblur.io.stored import (
    IPTC,
    IPTC_RESOURCE,
    Broken,
    Samples,
    Stored,
    Unusable,
    further_frames,
    without_single_channel,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_BESIDE = {b"eXIf", b"iCCP", b"iTXt", b"tEXt", b"zTXt", b"pHYs", b"gAMA", b"sRGB"}
_BESIDE |= {b"cICP", b"acTL"}
_TEXTS = {b"Author": exif.ARTIST, b"Copyright": exif.COPYRIGHT, b"Description": exif.DESCRIPTION}
_GAMMA, _TOLERANCE = 45455, 500  # of sRGB, in the units of the gAMA chunk
_RAW = b"Raw profile type "  # of blocks in hexadecimal digits, as ImageMagick writes them
_RAW_BLOCKS = {b"iptc", b"8bim", b"exif", b"xmp", b"app1"}
_XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_HEADER_END = len(SIGNATURE) + 12 + 13  # IHDR comes first and is always 13 bytes long
_LOOSEST, _SPARE = 8, 2**16  # bytes that deflating may make of one, and of none
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type

# Python would print what libpng warns of, interlacing among it; the library speaks by raising.
logging.getLogger("imagecodecs").addHandler(logging.NullHandler())


def decode(data: bytes) -> Stored:
    """Decode the bytes of a PNG file.

    Palettes become RGB, 1 to 4 bits become 8, transparency of any kind becomes alpha. Raises
    Unusable where the file is cut short and imagecodecs.PngError where it is damaged.
    """
    found: dict[str, Any] = {}
    tags: exif.Directory = {}
    notes: list[str] = []
    kept: list[tuple[bytes, bytes]] = []
    unpacker = _Unpacker()
    for kind, chunk in _chunks(data):
        if kind in _PIXELS:
            kept.append((kind, chunk))
        try:
            found |= _metadata(kind, chunk, unpacker)
            tags |= found.pop("tags", {})
        except (ValueError, IndexError, struct.error, zlib.error):
            notes.append(f"The {kind.decode()} chunk is damaged and was left out.")
    samples = np.atleast_3d(_pixels(kept))
    notes += further_frames(found.pop("frames", 1))
    gamma, better = found.pop("gama", _GAMMA), {"icc", "cicp", "srgb"} & found.keys()
    found.pop("srgb", None)
    if not better and abs(gamma - _GAMMA) > _TOLERANCE:
        notes.append(f"Its gamma of {gamma / 1e5:g} was left out; sRGB is assumed.")
    bits = 8 * samples.dtype.itemsize
    return Stored(samples, bits, **found, tags=tags, notes=tuple(notes))


def size(data: bytes) -> tuple[int, int]:
    """Height and width. Raises Broken where the header does not come first."""
    if not data.startswith(SIGNATURE) or data[12:16] != b"IHDR" or len(data) < _HEADER_END:
        raise Broken("it is damaged")
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def encode(stored: Stored) -> bytes:
    """Encode as PNG with its EXIF, XMP and ICC blocks.

    Run lengths over Paeth differences are several times faster than the
    default, and on 16-bit photographs no larger.
    """
    data = imagecodecs.png_encode(
        without_single_channel(stored.samples),
        level=1,
        strategy=imagecodecs.PNG.STRATEGY.RLE,
        filter=imagecodecs.PNG.FILTER.PAETH,
    )
    chunks = b""
    if stored.icc:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(stored.icc))
    if stored.exif:
        chunks += _chunk(b"eXIf", stored.exif)
    if stored.xmp:
        chunks += _chunk(b"iTXt", _XMP_KEYWORD + bytes(5) + stored.xmp)
    whole = memoryview(data)  # whose parts are no copies
    return b"".join((whole[:_HEADER_END], chunks, whole[_HEADER_END:]))


def _pixels(chunks: list[tuple[bytes, bytes]]) -> Samples:
    """Decode the chunks that hold pixels; Unusable where these are too many or broken."""
    kind, header = chunks[0][0], chunks[0][1][8:-4]
    if kind != b"IHDR" or len(header) != 13:
        raise Broken("it is damaged")
    width, height, bits, colours = struct.unpack_from(">IIBB", header)
    limits.check_pixels(height, width)
    pixel_bits = bits * _CHANNELS.get(colours, 1)
    scans = [chunk for kind, chunk in chunks if kind == b"IDAT"]
    packed = sum(map(len, scans)) - 12 * len(scans)
    unpacked = height * (1 + width * pixel_bits // 8)
    limits.check_packed(unpacked, packed, limits.DEFLATED)
    if packed > _LOOSEST * unpacked + _SPARE:  # libpng unpacks all that follows the pixels, too
        raise Broken("it is damaged: it has more bytes than its pixels can take")
    return imagecodecs.png_decode(SIGNATURE + b"".join(chunk for _, chunk in chunks))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes (length, name, content, checksum) of each chunk up to IEND."""
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise Broken("it is cut short")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise Broken("it is cut short")
        if kind[:1].isupper() and kind not in _PIXELS:
            raise Unusable("it is damaged or of an unknown kind of PNG")
        yield kind, data[at:end]
        at = end


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _metadata(kind: bytes, chunk: bytes, unpack: _Unpacker) -> dict[str, Any]:
    """What a chunk holds: parts of Stored by name, or gama, srgb or frames (numbers)."""
    if kind not in _BESIDE:
        return {}
    body = chunk[8:-4]
    if chunk != _chunk(kind, body):
        raise ValueError("wrong checksum")
    if kind == b"cICP" and len(body) != 4:
        raise ValueError("wrong length")
    if kind in {b"eXIf", b"cICP"}:
        return {kind.decode().lower(): body.removeprefix(b"Exif\0\0")}
    if kind in {b"sRGB", b"gAMA"}:
        return {kind.decode().lower(): int.from_bytes(body, "big")}
    if kind == b"acTL":
        return {"frames": struct.unpack(">II", body)[0]}
    if kind == b"pHYs":
        return {"tags": _resolution(body)}
    name, rest = body.split(b"\0", 1)
    return {"icc": unpack(rest[1:])} if kind == b"iCCP" else _text(kind, name, rest, unpack)


def _text(kind: bytes, name: bytes, rest: bytes, unpack: _Unpacker) -> dict[str, Any]:
    """XMP, or a text for which EXIF has a tag; `rest` is what follows the keyword `name`."""
    raw = name.removeprefix(_RAW).lower() if name.startswith(_RAW) else b""
    if name != _XMP_KEYWORD and name not in _TEXTS and raw not in _RAW_BLOCKS:
        return {}
    text, encoding = rest, "latin-1"
    if kind == b"zTXt":
        text = unpack(rest[1:])
    elif kind == b"iTXt":
        _, _, text = rest[2:].split(b"\0", 2)  # language and translated keyword come first
        text, encoding = unpack(text) if rest[:1] == b"\1" else text, "utf-8"
    if raw:
        return _from_digits(raw, text)
    if name in _TEXTS:
        return {"tags": {_TEXTS[name]: exif.text(text.decode(encoding))}}
    return {"xmp": text} if kind == b"iTXt" else {}


def _from_digits(kind: bytes, text: bytes) -> dict[str, Any]:
    """The block in a line with its name, one with its length, and lines of digits."""
    digits = text.split(b"\n", 3)[3].translate(None, b"\n\r ")
    block = bytes.fromhex(digits.decode("ascii")).removeprefix(_XMP_SEGMENT)
    if kind == b"iptc" or IPTC_RESOURCE in block:
        return {"left_out": (IPTC,)}
    if block.startswith(b"Exif\0\0"):
        return {"exif": block.removeprefix(b"Exif\0\0")}
    return {"xmp": block} if b"rdf:RDF" in block else {}


def _resolution(body: bytes) -> exif.Directory:
    across, down, unit = struct.unpack(">IIB", body)
    # Pixels per metre, or else a mere aspect ratio.
    return exif.resolution((across, 100), (down, 100), exif.PER_CENTIMETRE) if unit == 1 else {}


class _Unpacker:
    """Inflates the metadata of one file, in all no more than its budget."""

    def __init__(self) -> None:
        self._left = limits.METADATA

    def __call__(self, packed: bytes) -> bytes:
        """Raise ValueError for a block that is incomplete or too long."""
        unpacker = zlib.decompressobj()
        # One byte more than allowed, as 0 would mean no limit.
        block = unpacker.decompress(packed, self._left + 1)
        self._left = max(self._left - len(block), 0)
        if not unpacker.eof:
            raise ValueError("incomplete or too long")
        return block
