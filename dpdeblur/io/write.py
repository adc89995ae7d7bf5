"""Writing pictures: whole or not at all, with the metadata of the picture they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import (
    InvalidPictureError,
    OptionError,
    UnwritableOutputError,
)
from dpdeblur.io import colour_profile
from dpdeblur.io.atomic import FileSet, check_writable, write_whole
from dpdeblur.io.formats import LINEAR, WRITABLE, Format, by_name
from dpdeblur.io.picture import PictureInfo
from dpdeblur.io.stored import Numbers, Stored

_BLOCKS = {"xmp": "XMP data", "exif": "EXIF data", "icc": "the colour profile"}
"""Beside the pixels, that which is missed least first."""
_ROWS = 256  # at once, which bounds the memory that floats take


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
                raise UnwritableOutputError(
                    path, f"{other} is to be written there; choose another name"
                )


def check_size(path: Path, height: int, width: int) -> None:
    """Find out before the long work whether `path` can hold a picture of this size.

    Raises UnwritableOutputError for more pixels along a side than the format has room for.
    """
    form = by_name(path)
    if form.longest is not None and max(height, width) > form.longest:
        raise UnwritableOutputError(
            path,
            f"{form.name} holds at most {form.longest} pixels along a side, and the picture has "
            f"{width}x{height}; write PNG or TIFF",
        )


def write_picture(
    path: str | Path,
    pixels: NDArray[np.float32] | NDArray[np.uint16],
    like: PictureInfo | None = None,
    *,
    bit_depth: int | None = None,
    quality: int | None = None,
    linear: bool = False,
    metadata: bool = True,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write a picture in the format that the extension names.

    JPEG, WebP and AVIF have 8 bits. JPEG and AVIF are written with quality 95 and 4:4:4; WebP and
    JPEG XL without loss. JPEG has no transparency. JPEG XL is written in sRGB's colours. EXR is
    always linear and has no metadata. Parent folders are made. The file appears whole or not at
    all, and an existing one stays until then.

    Args:
        path: the file; its extension is in WRITABLE.
        pixels: `H x W x 3`, sRGB-encoded: floating point, clipped to [0, 1], or uint16.
        like: the picture it was made from, whose bit depth, grayness, alpha, colour profile, EXIF
            and XMP are carried over.
        bit_depth: 8 or 16; None is that of `like`, or 16.
        quality: 1 to 100, of JPEG, WebP, AVIF and JPEG XL; the others ignore it.
        linear: write light in sRGB's primaries, as 32-bit floating point; TIFF and EXR only.
        metadata: carry over EXIF and XMP.
        overwrite: replace an existing file.

    Returns:
        Warnings, one sentence each.

    Raises:
        InvalidPictureError: the pixels have a wrong shape, type or values.
        OptionError: the bit depth is neither 8 nor 16, the quality not from 1 to 100, or the format
            not one that holds linear light.
        UnsupportedFormatError, OutputExistsError, UnwritableOutputError: as `check_output` does.

    >>> write_picture(Path("gray.png"), np.full((16, 16, 3), 0.5, np.float32))
    ()
    """
    path = Path(path)
    check_output(path, overwrite=overwrite)
    form = by_name(path)
    _check_options(path, bit_depth, quality, linear=linear)
    _check_pixels(pixels)
    check_size(path, *pixels.shape[:2])
    linear = linear or form.only_linear
    bits = min(bit_depth or (like.bit_depth if like else 16), form.deepest)
    kind = np.float32 if linear else np.uint8 if bits == 8 else np.uint16
    samples, notes = _samples(pixels, like, form, kind)
    icc, more = _profile(form, like)
    if linear:
        icc = colour_profile.linear_profile(gray=samples.shape[-1] <= 2)
    exif, xmp = (like.exif, like.xmp) if metadata and like else (None, None)
    if like is not None and metadata:
        more += tuple(f"The {block} were left out." for block in like.left_out)
    data, trouble = _encode(path, form, Stored(samples, bits, exif, xmp, icc), quality)
    write_whole(path, data, overwrite=overwrite)
    return tuple(f"{path}: {note}" for note in (*notes, *more, *trouble))


def _check_options(path: Path, bit_depth: int | None, quality: int | None, *, linear: bool) -> None:
    if bit_depth not in {None, 8, 16}:
        raise OptionError("bit_depth", f"{bit_depth} is not possible; give 8 or 16")
    if quality is not None and quality not in range(1, 101):
        raise OptionError("quality", f"{quality} is not possible; give 1 to 100")
    if linear and path.suffix.lower() not in LINEAR:
        endings = ", ".join(LINEAR)
        raise OptionError("linear", f"{path} holds no linear light; name it with one of {endings}")


def _check_pixels(pixels: NDArray[Any]) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        shape = " x ".join(map(str, pixels.shape))
        raise InvalidPictureError("The output", f"its shape is {shape}, not H x W x 3")
    if pixels.dtype != np.uint16 and not np.issubdtype(pixels.dtype, np.floating):
        raise InvalidPictureError("The output", f"its type is {pixels.dtype}, not float32")


def _profile(form: Format, like: PictureInfo | None) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile that goes with the pixels of `like`, as they are."""
    if like is None or not like.icc or not form.profile:
        return None, ()
    if not colour_profile.fits(like.icc, gray=like.gray and form.gray):
        return None, ("A gray colour profile on a colour picture was left out.",)
    return like.icc, ()


def _samples(
    pixels: NDArray[Any], like: PictureInfo | None, form: Format, kind: type[Any]
) -> tuple[Numbers, tuple[str, ...]]:
    """What is stored: numbers of a `kind`, one channel if gray, and alpha. float32 is light."""
    gray = like is not None and like.gray and form.gray
    alpha, notes = _alpha(pixels, like, form)
    icc = None if like is None else like.icc
    convert = None
    if kind is np.float32:
        convert = partial(colour_profile.to_light, icc=icc)
    elif icc is not None and not form.profile:
        convert = partial(colour_profile.to_srgb, icc=icc)
    if pixels.dtype == kind == np.uint16 and not gray and alpha is None and convert is None:
        return np.ascontiguousarray(pixels), notes
    samples = np.empty((*pixels.shape[:2], (1 if gray else 3) + (alpha is not None)), kind)
    for top in range(0, len(pixels), _ROWS):
        rows = slice(top, top + _ROWS)
        values = _floats(pixels[rows])
        if convert is not None:
            values = convert(values.clip(0, 1))
        if gray:
            # In float64 the mean of three equal numbers is that number again.
            values = values.mean(-1, dtype=np.float64, keepdims=True)
        if alpha is not None:
            values = np.concatenate([values, alpha[rows]], -1)
        if kind is not np.float32:
            values = np.rint(values.clip(0, 1) * np.float32(np.iinfo(kind).max))
        samples[rows] = values
    return samples, notes


def _floats(pixels: NDArray[Any]) -> NDArray[np.floating[Any]]:
    if pixels.dtype == np.uint16:
        return pixels.astype(np.float32) / np.float32(65535)
    if not np.isfinite(pixels).all():
        raise InvalidPictureError("The output", "it holds NaN or infinite values")
    return pixels


def _alpha(
    pixels: NDArray[Any], like: PictureInfo | None, form: Format
) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    if like is None or like.alpha is None:
        return None, ()
    if like.alpha.shape != pixels.shape[:2]:
        return None, ("The transparency is of another size and was left out.",)
    if form.alpha:
        return like.alpha[..., None], ()
    if like.alpha.min() < 1:
        return None, (f"{form.name} has no transparency, so it was left out.",)
    return None, ()


def _encode(
    path: Path, form: Format, stored: Stored, quality: int | None
) -> tuple[bytes, tuple[str, ...]]:
    """The file's bytes, if need be without blocks, as few as it takes: the picture comes first."""
    failure: Exception | None = None
    assert form.encode is not None
    there = [name for name in _BLOCKS if getattr(stored, name)]
    for number in range(len(there) + 1):
        for left_out in combinations(there, number):
            absent: dict[str, Any] = dict.fromkeys(left_out)
            try:
                data = form.encode(replace(stored, **absent), quality)
            except Exception as error:  # whatever the encoders raise, the bare picture may still do
                failure = failure or error
                continue
            names = " and ".join(_BLOCKS[name] for name in left_out)
            said = f"{names[:1].upper()}{names[1:]} could not be written ({failure})."
            return data, (said,) if left_out else ()
    raise UnwritableOutputError(path, f"encoding failed ({failure})") from failure
