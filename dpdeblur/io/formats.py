"""Every format of pictures, in one table: how it is known, and who reads and writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from dpdeblur.io import avif, exr, heic, jpeg, jpegxl, png, tiff, webp
from dpdeblur.io.metadata import SOFTWARE
from dpdeblur.io.stored import Stored


@dataclass(frozen=True)
class Format:
    """A format: its name, and its extensions in lower case, of which the first is customary.

    `decode` and `encode` are None where it is only written or only read. `encode` gets the quality
    that was asked for, 1 to 100, or None; formats without `qualities` are lossless and ignore it.
    `deepest` is the most bits it is written with; 32 is floating point. What it has no room for
    (one `gray` channel, `alpha`, a `profile`) is settled before. `longest` is the most pixels along
    a side that its encoder takes. `only_linear` formats hold nothing but light.
    """

    name: str
    extensions: tuple[str, ...]
    begins: Callable[[bytes], bool]
    decode: Callable[[bytes], Stored] | None = None
    encode: Callable[[Stored, int | None], bytes] | None = None
    deepest: int = 16
    qualities: bool = False
    gray: bool = True
    alpha: bool = True
    profile: bool = True
    longest: int | None = None
    only_linear: bool = False


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(signatures)


FORMATS = (
    Format("PNG", (".png",), _starts(png.SIGNATURE), png.decode, lambda s, _: png.encode(s)),
    Format(
        "TIFF",
        (".tif", ".tiff"),
        _starts(*tiff.SIGNATURES),
        tiff.decode,
        lambda stored, _: tiff.encode(stored, SOFTWARE),
        deepest=32,
    ),
    Format(
        "JPEG",
        (".jpg", ".jpeg"),
        _starts(jpeg.SIGNATURE),
        jpeg.decode,
        jpeg.encode,
        deepest=8,
        qualities=True,
        alpha=False,
        longest=65500,
    ),
    Format(
        "WebP",
        (".webp",),
        webp.begins,
        webp.decode,
        webp.encode,
        deepest=8,
        qualities=True,
        gray=False,
        longest=16383,
    ),
    Format(
        "AVIF",
        (".avif",),
        avif.begins,
        avif.decode,
        avif.encode,
        deepest=8,
        qualities=True,
        gray=False,
        longest=65536,
    ),
    Format(
        "JPEG XL",
        (".jxl",),
        _starts(*jpegxl.SIGNATURES),
        jpegxl.decode,
        jpegxl.encode,
        qualities=True,
        profile=False,
    ),
    Format("HEIC", (".heic", ".heif", ".hif"), heic.begins, heic.decode),
    Format(
        "OpenEXR",
        (".exr",),
        _starts(exr.SIGNATURE),
        encode=lambda stored, _: exr.encode(stored),
        deepest=32,
        only_linear=True,
    ),
)

READABLE = tuple(end for form in FORMATS if form.decode for end in form.extensions)
"""Customary extensions of what `read_picture` takes, lower case; folders are searched for them."""
WRITABLE = tuple(end for form in FORMATS if form.encode for end in form.extensions)
"""Extensions that `write_picture` takes, lower case."""
LINEAR = tuple(end for form in FORMATS if form.deepest == 32 for end in form.extensions)
"""Extensions of those that hold linear light in floating point, lower case."""


def by_content(data: bytes) -> Format | None:
    """The format of a file's bytes; None if it is none of them or one that is only written."""
    return next((form for form in FORMATS if form.decode and form.begins(data)), None)


def by_name(path: PurePath) -> Format:
    """The format that an extension in WRITABLE names."""
    return next(form for form in FORMATS if path.suffix.lower() in form.extensions)


def has_qualities(extension: str) -> bool:
    """Whether files that end so can be written with a quality, such as 90."""
    extension = extension.lower()
    return any(form.qualities for form in FORMATS if extension in form.extensions)
