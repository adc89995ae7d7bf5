"""TIFF: pixels by imageio's tifffile plug-in, page layout by tifffile itself.

Neither writes EXIF directories; so these are put in by hand.
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import SEEK_END, BytesIO
from typing import Any

import imageio.v3 as iio
import numpy as np
import tifffile
from numpy.typing import NDArray

from dpdeblur.io import colour_profile, exif, limits, tiff_parts
from dpdeblur.io.metadata import SOFTWARE
from dpdeblur.io.stored import (
    IPTC,
    IPTC_RESOURCE,
    Broken,
    Samples,
    Stored,
    Unusable,
    without_single_channel,
)

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLUGIN: Any = "tifffile"  # imageio's stubs do not know its options
_XMP, _ICC = 700, 34675
_IPTC, _PHOTOSHOP = 33723, 34377
_COLOURS = {"MINISWHITE": 1, "MINISBLACK": 1, "RGB": 3, "PALETTE": 1}
_UNSIGNED, FLOAT = 1, 3  # of the tag SampleFormat
_BYTE, _UNDEFINED = 1, 7
_REDUCED, _MASK = 1, 4  # bits of the tag NewSubfileType
_PREMULTIPLIED = 1
_ALPHA = {_PREMULTIPLIED, 2}
_DENSEST = {"NONE": 1, "PACKBITS": 64, "ADOBE_DEFLATE": limits.DEFLATED, "DEFLATE": limits.DEFLATED}
_DENSEST_OF_OTHERS = 2**14
_HEADER = 8
_SHARED = 4  # times as many bytes as the file has
_DNG_VERSION = 50706
_CR2 = b"CR"  # after the header
_FULL = 2**16 - 1
_OURS = SOFTWARE.split()[0]
_BUFFER = 2**22  # bytes copied from the file at once; tifffile's own 256 MiB are most of a picture
_NEGATIVE = -0.1  # light is never so far below black

# tifffile reports damage both by raising and by logging; the library speaks by raising only.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def decode(data: bytes) -> Stored:
    """Decode the first page of the bytes of a TIFF file.

    1 to 16 unsigned bits, gray, RGB or a palette, any usual compression, strips or tiles, chunky or
    planar. Floating-point numbers, 1 being white, become 16 bits; they are encoded as their profile
    says, and linear light without one. Premultiplied colours are divided by their alpha.

    Raises Unusable for other kinds of picture, for raw files, which begin with a preview, and for
    files that are cut short or lack a part, and what tifffile raises (ValueError, RuntimeError,
    ...) for damaged ones.
    """
    with first_page(data) as page:
        if data[8:10] == _CR2 or _DNG_VERSION in page.tags or page.subfiletype & _REDUCED:
            raise Unusable("it is a raw file or holds only a preview; develop it to a TIFF first")
        colours = _check(page)
        samples = pixels(page, data)
        if page.axes == "SYX":
            samples = np.moveaxis(samples, 0, -1)
        bits: int = page.bitspersample
        icc = _block(page, _ICC)
        samples = np.atleast_3d(samples)
        if page.photometric.name == "PALETTE":
            samples, bits, colours = *_unfolded(samples[..., 0], page.colormap), 3
        notes: tuple[str, ...] = ()
        assumed = page.sampleformat == FLOAT and icc is None
        if page.sampleformat == FLOAT:
            # Pictures in linear light, ours too, have a profile; maps have none.
            ours = str(page.software).startswith(_OURS)
            if colours == 1 and icc is None and (ours or samples.min() < _NEGATIVE):
                raise Unusable("it is a map rather than a picture")
            samples, notes = _from_floats(samples, linear=icc is None)
            bits, icc = 16, icc or colour_profile.linear_profile(gray=colours == 1)
        # It will be written to; copied only where it must be, as it may be large.
        samples = np.require(samples, np.uint8 if bits <= 8 else np.uint16, "W")
        if page.photometric.name == "MINISWHITE":
            samples[..., 0] = 2**bits - 1 - samples[..., 0]
        samples, others = _with_alpha_only(samples, bits, colours, page.extrasamples)
        notes += others + further_pages(page)
        photoshop = _block(page, _PHOTOSHOP) or b""
        left_out = (IPTC,) if _IPTC in page.tags or IPTC_RESOURCE in photoshop else ()
        xmp = _block(page, _XMP)
        return Stored(
            samples, bits, data, xmp, icc, notes=notes, left_out=left_out, assumed=assumed
        )


def encode(stored: Stored, software: str) -> bytes:
    """Encode as one deflated page, with its EXIF, XMP and ICC blocks.

    Samples are uint8, uint16 or float32.
    """
    channels = stored.samples.shape[-1]
    file = deflated(
        without_single_channel(stored.samples),
        software,
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in {2, 4} else None,
    )
    blocks = exif.parse(stored.exif) if stored.exif else {}
    if stored.xmp:
        blocks[_XMP] = exif.Entry(_BYTE, len(stored.xmp), stored.xmp)
    if stored.icc:
        blocks[_ICC] = exif.Entry(_UNDEFINED, len(stored.icc), stored.icc)
    if blocks:
        _add_tags(file, blocks)
    return file.getvalue()


@contextmanager
def first_page(data: bytes) -> Iterator[Any]:
    """The first page of the bytes of a file as tifffile describes it, before any pixels.

    It and its file hold each other; so the bytes are let go here, before Python finds out.
    """
    with BytesIO(data) as file:
        yield tifffile.TiffFile(file).pages[0]


def pixels(page: Any, data: bytes) -> NDArray[Any]:
    """The pixels of `page`, the first one of `data`; Unusable where some are missing.

    So is a page, or a strip or tile, of more pixels than are read, or than the file can hold.
    """
    kind = getattr(page.compression, "name", "")
    samples = page.imagelength * page.imagewidth * page.samplesperpixel
    for height, width in ((page.imagelength, page.imagewidth), tiff_parts.size(page)):
        limits.check_pixels(height, width, page.samplesperpixel * page.bitspersample // 8)
    densest = _DENSEST.get(kind, _DENSEST_OF_OTHERS)
    limits.check_packed(samples * page.bitspersample // 8, len(data), densest)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not segments or any(
        not (start >= _HEADER and 0 < count <= len(data) - start) for start, count in segments
    ):
        raise Broken("it is cut short")
    # Small parts may be alike and stored once. Were they large, each would be unpacked anew.
    if sum(page.databytecounts) > _SHARED * len(data):
        raise Broken("it is damaged: its parts share too many of their bytes")
    # tifffile fills absent strips, tiles and planes with zeros. A contiguous picture it reads as
    # one piece from the first strip on, whatever follows there.
    if page.is_contiguous:
        complete = sum(page.databytecounts) >= page.nbytes
    else:
        complete = len(segments) >= math.prod(page.chunked)
    if not complete:
        raise Broken("a part of its pixels is missing")
    tiff_parts.check(page, (data[start : start + count] for start, count in segments))
    return iio.imread(data, plugin=_PLUGIN, series=None, page=0, buffersize=_BUFFER)


def further_pages(page: Any) -> tuple[str, ...]:
    """A note if there are other pictures than `page`, its thumbnails and masks."""
    others = 0
    with suppress(Exception):  # a damaged page further on does the first no harm
        for other in page.parent.pages[1:]:
            others += not other.subfiletype & (_REDUCED | _MASK)
    return (f"Only the first of its {others + 1} pages was read.",) if others else ()


def deflated(samples: NDArray[Any], software: str, **layout: Any) -> BytesIO:
    """A little-endian file of one page, without any loss; `layout` is as tifffile has it."""
    buffer = BytesIO()
    with iio.imopen(buffer, "w", plugin=_PLUGIN, byteorder="<") as file:
        file.write(
            samples,
            compression="zlib",
            compressionargs={"level": 4},
            predictor=True,
            software=software,
            metadata=None,
            **layout,
        )
    return buffer


def _check(page: Any) -> int:
    """The number of colour channels; Unusable where this page is no picture we take."""
    kind = getattr(page.photometric, "name", str(page.photometric))
    if kind == "YCBCR" and page.compression.name == "JPEG":
        kind = "RGB"  # the JPEG decoder converts
    if kind not in _COLOURS:
        raise Unusable(f"it is a TIFF of kind {kind}; convert it to gray or RGB first")
    whole = page.sampleformat == _UNSIGNED and page.bitspersample in range(1, 17)
    if not (whole or page.sampleformat == FLOAT):
        raise Unusable("its samples are not 8 or 16-bit integers; convert it to 16 bits first")
    if page.axes not in {"YX", "YXS", "SYX"}:
        raise Unusable("it is not a flat picture")
    if page.size == 0 or page.samplesperpixel < _COLOURS[kind]:
        raise Broken("it is damaged")
    return _COLOURS[kind]


def _unfolded(indices: Samples, palette: Any) -> tuple[Samples, int]:
    """The colours that are meant, in 8 bits if they fit into these, and their bits."""
    colours = np.asarray(palette, np.uint16).T
    for unit in (257, 256, 1):  # 255 is written as 65535, or as 65280 or 255 against the standard
        if not (colours % unit).any() and colours.max() < 256 * unit:
            return (colours // unit).astype(np.uint8)[indices], 8
    return colours[indices], 16


def _from_floats(numbers: NDArray[Any], *, linear: bool) -> tuple[Samples, tuple[str, ...]]:
    """Floating-point numbers in 16 bits, 1 being white; what to say about that."""
    if not np.isfinite(numbers).all():
        raise Unusable("it has numbers that are infinite or undefined")
    above = float((numbers > 1).mean())
    if above > 0.5:
        raise Unusable("most of its numbers are above 1, which is white; scale them to [0, 1]")
    kind = "taken as linear light" if linear else "read as its colour profile says"
    note = f"Its floating-point numbers are {kind}, 1 being white"
    if above:
        note += f"; those above ({max(above, 0.001):.1%}) were clipped"
    samples = np.rint(numbers.clip(0, 1).astype(np.float32) * np.float32(_FULL))
    return samples.astype(np.uint16), (f"{note}.",)


def _block(page: Any, tag: int) -> bytes | None:
    value = page.tags.valueof(tag)
    if isinstance(value, str):  # some programs write XMP as text
        value = value.encode()
    return value if isinstance(value, bytes) and value else None


def _with_alpha_only(
    samples: Samples, bits: int, colours: int, extras: tuple[int, ...]
) -> tuple[Samples, tuple[str, ...]]:
    """Keep the colours and, if the first extra channel is alpha, that."""
    kept = colours + (len(extras) > 0 and extras[0] in _ALPHA)
    notes: tuple[str, ...] = ()
    if samples.shape[-1] > kept:
        notes = ("Channels beyond colour and alpha were left out.",)
    samples = samples[..., :kept]
    if kept > colours and extras[0] == _PREMULTIPLIED:
        full, alpha = 2**bits - 1, samples[..., colours:].astype(np.float64)
        divided = np.rint(samples[..., :colours] * (full / np.maximum(alpha, 1)))
        samples[..., :colours] = np.minimum(divided, full)
    return samples, notes


def _add_tags(file: BytesIO, tags: exif.Directory) -> None:
    """Add tags and whole directories to a little-endian file; the pixels stay where they are.

    A new main directory goes to the end and the header points there; the old one is left unused.
    The file is as large as a picture, so it is changed where it is and never copied.
    """
    directory = exif.parse(file.getvalue()) | tags
    end = file.seek(0, SEEK_END)
    end = file.seek(end + end % 2)
    file.write(exif.serialise_directory(directory, end))
    file.seek(4)
    file.write(struct.pack("<I", end))
