"""Writing pictures: whole or not at all, with the metadata of the picture they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import (
    InvalidPictureError,
    OptionError,
    UnwritableOutputError,
)
from dpdeblur.io import colour_profile, jpeg, limits, png, tiff
from dpdeblur.io.atomic import FileSet, check_writable, write_whole
from dpdeblur.io.metadata import SOFTWARE
from dpdeblur.io.picture import PICTURE_EXTENSIONS, PictureInfo
from dpdeblur.io.stored import Samples, Stored

_JPEG = (".jpg", ".jpeg")
_ROWS = 256  # at once, which bounds the memory that floats take
WRITABLE = PICTURE_EXTENSIONS
"""Extensions that `write_picture` takes, lower case."""


def check_output(path: Path, *, overwrite: bool, inputs: Iterable[Path] | FileSet = ()) -> None:
    """Find out before the long work whether `path` could be written; writes nothing.

    Raises UnsupportedFormatError for an extension not in WRITABLE, and what `atomic.check_writable`
    raises.
    """
    check_writable(path, overwrite=overwrite, inputs=inputs, extensions=WRITABLE)


def check_outputs(
    paths: Sequence[Path], *, overwrite: bool = False, inputs: Iterable[Path] = ()
) -> None:
    """The same for several pictures at once, of which none may be another's file or folder."""
    known = FileSet(inputs)
    for number, path in enumerate(paths):
        check_output(path, overwrite=overwrite, inputs=known)
        for other in paths[:number]:
            if other in FileSet([path, path.parent]):
                raise UnwritableOutputError(path, f"{other} goes there; choose another name")


def check_size(path: Path, height: int, width: int) -> None:
    """Find out before the long work whether `path` can hold a picture of this size.

    Raises UnwritableOutputError for a JPEG of more than 65,500 pixels along a side.
    """
    if path.suffix.lower() in _JPEG and max(height, width) > limits.JPEG_SIDE:
        raise UnwritableOutputError(
            path,
            f"JPEG holds at most {limits.JPEG_SIDE} pixels along a side, and the picture has "
            f"{width}x{height}; write PNG or TIFF",
        )


def write_picture(
    path: Path,
    pixels: NDArray[np.float32] | NDArray[np.uint16],
    like: PictureInfo | None = None,
    *,
    bit_depth: int | None = None,
    metadata: bool = True,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write a picture in the format that the extension names.

    JPEG is always 8 bits (quality 95, 4:4:4) without alpha. Parent folders are made. The file
    appears whole or not at all, and an existing one stays until then.

    Args:
        path: the file; its extension is in WRITABLE.
        pixels: `H x W x 3`, sRGB-encoded: floating point, clipped to [0, 1], or uint16.
        like: the picture it was made from, whose bit depth, grayness, alpha, colour profile, EXIF
            and XMP are carried over.
        bit_depth: 8 or 16; None is that of `like`, or 16.
        metadata: carry over EXIF and XMP.
        overwrite: replace an existing file.

    Returns:
        Warnings, one sentence each.

    Raises:
        InvalidPictureError: the pixels have a wrong shape, type or values.
        OptionError: the bit depth is neither 8 nor 16.
        UnsupportedFormatError, OutputExistsError, UnwritableOutputError: as `check_output` does.

    >>> write_picture(Path("gray.png"), np.full((16, 16, 3), 0.5, np.float32))
    ()
    """
    check_output(path, overwrite=overwrite)
    as_jpeg = path.suffix.lower() in _JPEG
    if bit_depth is None:
        bit_depth = like.bit_depth if like else 16
    if bit_depth not in {8, 16}:
        raise OptionError("bit_depth", f"{bit_depth} is not possible; give 8 or 16")
    bits = 8 if as_jpeg else bit_depth
    if pixels.ndim == 3:
        check_size(path, *pixels.shape[:2])
    samples, notes = _samples(pixels, like, bits, with_alpha=not as_jpeg)
    stored = Stored(samples, bits)
    if like is not None:
        exif, xmp = (like.exif, like.xmp) if metadata else (None, None)
        stored = Stored(samples, bits, exif, xmp, like.icc)
        if like.icc and not colour_profile.fits(like.icc, gray=like.gray):
            stored = Stored(samples, bits, exif, xmp)
            notes += ("A gray colour profile on a colour picture was left out.",)
    if like is not None and metadata:
        notes += tuple(f"The {block} were left out." for block in like.left_out)
    data, trouble = _encode(path, stored)
    write_whole(path, data, overwrite=overwrite)
    return tuple(f"{path}: {note}" for note in (*notes, *trouble))


def _samples(
    pixels: NDArray[np.float32] | NDArray[np.uint16],
    like: PictureInfo | None,
    bit_depth: int,
    *,
    with_alpha: bool,
) -> tuple[Samples, tuple[str, ...]]:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        shape = " x ".join(map(str, pixels.shape))
        raise InvalidPictureError("The output", f"its shape is {shape}, not H x W x 3")
    if pixels.dtype != np.uint16 and not np.issubdtype(pixels.dtype, np.floating):
        raise InvalidPictureError("The output", f"its type is {pixels.dtype}, not float32")
    notes: tuple[str, ...] = ()
    gray, alpha = like is not None and like.gray, None
    if like is not None and like.alpha is not None:
        if like.alpha.shape != pixels.shape[:2]:
            notes += ("The transparency is of another size and was left out.",)
        elif with_alpha:
            alpha = like.alpha[..., None]
        elif like.alpha.min() < 1:
            notes += ("JPEG has no transparency, so it was left out.",)
    if pixels.dtype == np.uint16 and bit_depth == 16 and not gray and alpha is None:
        return np.ascontiguousarray(cast(NDArray[np.uint16], pixels)), notes
    channels = (1 if gray else 3) + (alpha is not None)
    kind = np.uint8 if bit_depth == 8 else np.uint16
    samples = np.empty((*pixels.shape[:2], channels), kind)
    for top in range(0, len(pixels), _ROWS):
        rows = slice(top, top + _ROWS)
        values: NDArray[Any] = pixels[rows]
        if pixels.dtype == np.uint16:
            values = values.astype(np.float32) / np.float32(65535)
        elif not np.isfinite(values).all():
            raise InvalidPictureError("The output", "it holds NaN or infinite values")
        if gray:
            # In float64 the mean of three equal numbers is that number again.
            values = values.mean(-1, dtype=np.float64, keepdims=True)
        if alpha is not None:
            values = np.concatenate([values, alpha[rows]], -1)
        samples[rows] = np.rint(np.clip(values, 0, 1) * np.float32(2**bit_depth - 1))
    return samples, notes


def _encode(path: Path, stored: Stored) -> tuple[bytes, tuple[str, ...]]:
    """The file's bytes, if need be with less and less metadata: the picture comes first."""
    attempts = {
        "": stored,
        "XMP data": replace(stored, xmp=None),
        "EXIF and XMP data": replace(stored, exif=None, xmp=None),
        "EXIF, XMP and colour profile": replace(stored, exif=None, xmp=None, icc=None),
    }
    failure: Exception | None = None
    for left_out, attempt in attempts.items():
        try:
            data = _encoded(path.suffix.lower(), attempt)
        except Exception as error:  # whatever the encoders raise, the bare picture may still do
            failure = error
            continue
        return data, (f"{left_out} could not be written ({failure}).",) if left_out else ()
    raise UnwritableOutputError(path, f"encoding failed ({failure})") from failure


def _encoded(extension: str, stored: Stored) -> bytes:
    if extension == ".png":
        return png.encode(stored)
    return jpeg.encode(stored) if extension in _JPEG else tiff.encode(stored, SOFTWARE)
