"""JPEG XL: pixels by libjxl (imagecodecs); header and boxes of metadata by hand.

imagecodecs neither reads nor writes what lies beside the pixels, not even their depth and profile.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import imagecodecs
import numpy as np

from dpdeblur.colour import srgb_to_linear
from dpdeblur.io import colour_profile, limits
from dpdeblur.io.stored import Broken, Samples, Stored, Unusable, without_single_channel

_BARE = b"\xff\x0a"
_BOXED = b"\0\0\0\x0cJXL \r\n\x87\n"
SIGNATURES = (_BARE, _BOXED)
_TYPE = b"jxl \0\0\0\0jxl "
_SIZES = ((1, 9), (1, 13), (1, 18), (1, 30))
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_GRAY, _XYB, _CUSTOM = 1, 2, 2  # the first two of colour spaces, the last of points
_HDR = {16, 18}  # PQ and HLG, numbered as in H.273
_SRGB, _LINEAR = 13, 8  # transfer functions, both written as what is beyond 2, in 4 bits
_BITS = 4


def decode(data: bytes) -> Stored:
    """Decode the bytes of a JPEG XL file of whole numbers.

    Raises Unusable for floating point, animations and files that are too large or cut short, and
    imagecodecs.JpegxlError for damaged ones.
    """
    stream, boxes = _unboxed(data)
    header = _Header.of(stream)
    limits.check_pixels(header.height, header.width)
    samples = np.atleast_3d(imagecodecs.jpegxl_decode(data, keeporientation=True))
    if not np.issubdtype(samples.dtype, np.unsignedinteger) or header.bits > 16:
        raise Unusable("its samples are not 8 or 16-bit integers; convert it to 16 bits first")
    notes: tuple[str, ...] = ()
    if header.colours == "other":
        notes = ("The colour profile of a JPEG XL cannot be read; sRGB is assumed.",)
    icc = None
    if header.colours == "linear":
        icc = colour_profile.linear_profile(gray=samples.shape[-1] <= 2)
    block = boxes.get(b"Exif", b"")
    start = 4 + int.from_bytes(block[:4], "big")
    return Stored(
        samples,
        header.bits,
        block[start:] or None,
        boxes.get(b"xml "),
        icc,
        notes=notes,
        cicp=header.cicp,
        orientation=header.orientation,
    )


def size(data: bytes) -> tuple[int, int]:
    """Height and width. Raises Unusable as `decode` does."""
    header = _Header.of(_unboxed(data)[0])
    return header.height, header.width


def encode(stored: Stored, quality: int | None = None) -> bytes:
    """Encode without loss, or with a quality of 1 to 100 (90 is hard to tell from the original).

    The colours are sRGB's: `stored.icc` is left out.
    """
    how: dict[str, Any] = {"lossless": True} if quality is None else {"level": quality}
    samples = without_single_channel(stored.samples)
    if quality is not None and samples.itemsize > 1:
        samples = _light(stored.samples)
    stream = _unboxed(bytes(imagecodecs.jpegxl_encode(samples, **how, numthreads=1)))[0]
    stream = _Header.of(stream).as_srgb(stream)
    content = _BOXED + _box(b"ftyp", _TYPE)
    if stored.samples.itemsize > 1:
        content += _box(b"jxll", b"\x0a")  # level 10, which more than 12 bits need
    if stored.exif:
        content += _box(b"Exif", bytes(4) + stored.exif)
    if stored.xmp:
        content += _box(b"xml ", stored.xmp)
    return content + _box(b"jxlc", stream)


def _light(samples: Samples) -> Samples:
    """Samples of 16 bits as linear light, which imagecodecs takes them for; alpha stays."""
    full = np.float32(2**16 - 1)
    light = samples.copy()
    colours = samples[..., : 1 if samples.shape[-1] <= 2 else 3]
    light[..., : colours.shape[-1]] = np.rint(srgb_to_linear(colours / full) * full)
    return np.asarray(without_single_channel(light))


def _box(kind: bytes, content: bytes) -> bytes:
    # Length 0 is "to the end", for a codestream beyond 4 GiB.
    length = 8 + len(content)
    return struct.pack(">I4s", length if length < 2**32 else 0, kind) + content


def _unboxed(data: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The codestream and the other boxes by their names, the first of each."""
    if data.startswith(_BARE):
        return data, {}
    stream, boxes = b"", dict[bytes, bytes]()
    for kind, content in _boxes(data):
        if kind == b"jxlc":
            stream += content
        elif kind == b"jxlp":
            stream += content[4:]
        elif kind == b"brob" and content[:4] in {b"Exif", b"xml "}:
            if content[:4] not in boxes:
                boxes[content[:4]] = _unpack(content[4:])
        else:
            boxes.setdefault(kind, content)
    if not stream.startswith(_BARE):
        raise Broken("it is damaged or cut short")
    return stream, boxes


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise Broken("it is cut short")
        length, kind = struct.unpack_from(">I4s", data, at)
        begin = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, begin)
            begin += 8
        end = at + length if length else len(data)
        if not begin <= end <= len(data):
            raise Broken("it is cut short")
        yield kind, data[begin:end]
        at = end


def _unpack(packed: bytes) -> bytes:
    try:
        return bytes(imagecodecs.brotli_decode(packed, out=limits.METADATA))
    except imagecodecs.BrotliError:
        return b""


@dataclass
class _Header:
    """What the codestream says before the pixels (ISO/IEC 18181-1, annexes A to E)."""

    stream: bytes
    height: int = 0
    width: int = 0
    bits: int = 8
    orientation: int = 1
    colours: Literal["srgb", "linear", "other"] = "srgb"
    cicp: bytes | None = None
    _at: int = field(default=8 * len(_BARE))
    _curve: int = 0

    @classmethod
    def of(cls, stream: bytes) -> _Header:
        """Read it; Unusable for animations and what has a preview."""
        header = cls(stream[:256])
        header.height, header.width = header._size()
        if not header._take(1):
            header._metadata()
        return header

    def as_srgb(self, stream: bytes) -> bytes:
        """The same, said to be sRGB: imagecodecs says that all 16-bit samples are linear."""
        if self.colours != "linear":
            return stream
        number = (
            int.from_bytes(self.stream, "little") ^ ((_SRGB - 2) ^ (_LINEAR - 2)) << self._curve
        )
        return number.to_bytes(len(self.stream), "little") + stream[len(self.stream) :]

    def _take(self, bits: int) -> int:
        """The next bits as a number; the first one counts least."""
        last = (self._at + bits + 7) // 8
        if last > len(self.stream):
            raise Broken("it is damaged or cut short")
        value = int.from_bytes(self.stream[:last], "little") >> self._at & (1 << bits) - 1
        self._at += bits
        return value

    def _choice(self, *ways: tuple[int, int]) -> int:
        """A number written in one of four ways: an offset, and how many bits are added to it."""
        offset, bits = ways[self._take(2)]
        return offset + self._take(bits)

    def _size(self) -> tuple[int, int]:
        small = self._take(1)
        height = self._side(small)
        ratio = self._take(3)
        if not ratio:  # so the width is written out
            return height, self._side(small)
        across, down = _RATIOS[ratio - 1]
        return height, height * across // down

    def _side(self, small: int) -> int:
        return 8 * (self._take(5) + 1) if small else self._choice(*_SIZES)

    def _depth(self) -> int:
        if self._take(1):  # floating point
            bits = self._choice((32, 0), (16, 0), (24, 0), (1, 6))
            self._take(4)
            return 32 if bits > 16 else 17
        return self._choice((8, 0), (10, 0), (12, 0), (1, 6))

    def _metadata(self) -> None:
        if self._take(1):
            self.orientation = 1 + self._take(3)
            if self._take(1):
                self._size()
            if self._take(1) or self._take(1):  # a preview, an animation
                raise Unusable("it is an animation or has a preview; save it as one picture")
        self.bits = self._depth()
        self._take(1)
        for _ in range(self._choice((0, 0), (1, 0), (2, 4), (1, 12))):
            if not self._take(1):
                self._extra_channel()
        self._take(1)  # XYB
        if not self._take(1):
            self.colours = self._encoding()

    def _extra_channel(self) -> None:
        kind = self._choice(*_ENUM)
        self._depth()
        self._choice((0, 0), (3, 0), (4, 0), (1, 3))
        for _ in range(self._choice((0, 0), (0, 4), (16, 5), (48, 10))):
            self._take(8)  # its name
        if kind == 0:
            self._take(1)
        elif kind in {2, 5}:  # spot colours and filter arrays have more to say
            raise Unusable("it has channels beyond colour and alpha")

    def _encoding(self) -> Literal["srgb", "linear", "other"]:
        if self._take(1):  # a profile
            return "other"
        space = self._choice(*_ENUM)
        if space == _XYB:
            return "other"
        white = self._choice(*_ENUM)
        self._skip_points(1 if white == _CUSTOM else 0)
        primaries = self._choice(*_ENUM) if space != _GRAY else 1
        self._skip_points(3 if primaries == _CUSTOM else 0)
        if self._take(1):  # a power of its own
            return "other"
        curve = self._choice(*_ENUM)
        if curve in _HDR:
            self.cicp = bytes([1, curve, 0, 1])
        if space > _GRAY or white != 1 or primaries != 1:
            return "other"
        self._curve = self._at - _BITS
        return "srgb" if curve == _SRGB else "linear" if curve == _LINEAR else "other"

    def _skip_points(self, number: int) -> None:
        for _ in range(2 * number):  # x and y
            self._choice((0, 19), (2**19, 19), (2**20, 20), (2**21, 21))
