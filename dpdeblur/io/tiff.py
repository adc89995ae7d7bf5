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

from dpdeblur.io import exif, limits
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
_COLOURS = {"MINISWHITE": 1, "MINISBLACK": 1, "RGB": 3}
_BYTE, _UNDEFINED = 1, 7
_REDUCED_OR_MASK = 1 | 4  # bits of the tag NewSubfileType
_PREMULTIPLIED = 1
_ALPHA = {_PREMULTIPLIED, 2}
_DENSEST = {"NONE": 1, "PACKBITS": 64, "ADOBE_DEFLATE": limits.DEFLATED, "DEFLATE": limits.DEFLATED}
_DENSEST_OF_OTHERS = 2**14

# tifffile reports damage both by raising and by logging; the library speaks by raising only.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def decode(data: bytes) -> Stored:
    """Decode the first page of the bytes of a TIFF file.

    1 to 16 unsigned bits, gray or RGB, any compression, strips or tiles, chunky or planar.
    Premultiplied colours are divided by their alpha. Raises Unusable for other kinds of picture
    and for files that are cut short or lack a part, and what tifffile raises (ValueError,
    RuntimeError, ...) for damaged ones.
    """
    with first_page(data) as page:
        colours = _check(page)
        samples = pixels(page, data)
        if page.axes == "SYX":
            samples = np.moveaxis(samples, 0, -1)
        bits: int = page.bitspersample
        # A copy that may be written to.
        samples = np.array(np.atleast_3d(samples), np.uint8 if bits <= 8 else np.uint16)
        if page.photometric.name == "MINISWHITE":
            samples[..., 0] = 2**bits - 1 - samples[..., 0]
        samples, notes = _with_alpha_only(samples, bits, colours, page.extrasamples)
        notes += _further_pages(page)
        photoshop = _block(page, _PHOTOSHOP) or b""
        left_out = (IPTC,) if _IPTC in page.tags or IPTC_RESOURCE in photoshop else ()
        xmp, icc = _block(page, _XMP), _block(page, _ICC)
        return Stored(samples, bits, data, xmp, icc, notes=notes, left_out=left_out)


def encode(stored: Stored, software: str) -> bytes:
    """Encode as one deflated page, with its EXIF, XMP and ICC blocks."""
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

    So is a page of more pixels than are read, or than the file can hold.
    """
    limits.check_pixels(page.imagelength, page.imagewidth)
    kind = getattr(page.compression, "name", "")
    samples = page.imagelength * page.imagewidth * page.samplesperpixel
    densest = _DENSEST.get(kind, _DENSEST_OF_OTHERS)
    limits.check_packed(samples * page.bitspersample // 8, len(data), densest)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not segments or any(count == 0 or start + count > len(data) for start, count in segments):
        raise Broken("it is cut short")
    # tifffile fills absent strips, tiles and planes with zeros. A contiguous picture it reads as
    # one piece from the first strip on, whatever follows there.
    if page.is_contiguous:
        whole = sum(page.databytecounts) >= page.nbytes
    else:
        whole = len(segments) >= math.prod(page.chunked)
    if not whole:
        raise Broken("a part of its pixels is missing")
    return iio.imread(data, plugin=_PLUGIN, series=None, page=0)


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
    if page.sampleformat != 1 or page.bitspersample not in range(1, 17):
        raise Unusable("its samples are not 8 or 16-bit integers; convert it to 16 bits first")
    if page.axes not in {"YX", "YXS", "SYX"}:
        raise Unusable("it is not a flat picture")
    if page.size == 0 or page.samplesperpixel < _COLOURS[kind]:
        raise Broken("it is damaged")
    return _COLOURS[kind]


def _further_pages(page: Any) -> tuple[str, ...]:
    """A note if there are other pictures than `page`, its thumbnails and masks."""
    others = 0
    with suppress(Exception):  # a damaged page further on does the first no harm
        for other in page.parent.pages[1:]:
            others += not other.subfiletype & _REDUCED_OR_MASK
    return (f"Only the first of its {others + 1} pages was read.",) if others else ()


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
