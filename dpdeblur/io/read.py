"""Reading pictures and pairs of views: file in, samples and sRGB-encoded floats out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from dpdeblur.errors import IdenticalViewsError, ShapeMismatchError, UnreadableFileError
from dpdeblur.io import colour_profile, jpeg, png, tiff
from dpdeblur.io.atomic import read_whole
from dpdeblur.io.metadata import carried
from dpdeblur.io.orientation import turn
from dpdeblur.io.picture import PICTURE_EXTENSIONS, FileViews, Picture, PictureInfo
from dpdeblur.io.stored import Stored, Unusable

READABLE = PICTURE_EXTENSIONS
"""Extensions that `read_picture` takes, lower case."""


def read_picture(path: Path) -> Picture:
    """Read a PNG, TIFF (first page) or JPEG file of 8 or 16 bits, gray or RGB, alpha or not.

    What the file is, its content decides, not its name. The picture is upright. Raises
    MissingFileError, UnsupportedFormatError for an extension not in READABLE, and
    UnreadableFileError for anything that is not a whole, sound picture. Only PNG has checksums, so
    changed bytes among a JPEG's or TIFF's pixels can pass if no data are missing in the end.
    Trouble with metadata ends up in `info.warnings`.
    """
    stored = _decode(path)
    kept = carried(stored)
    samples = turn(stored.samples, kept.orientation)
    gray = samples.shape[-1] <= 2
    alpha = None
    if samples.shape[-1] in {2, 4}:
        alpha = samples[..., -1].astype(np.float32) / np.float32(2**stored.bits - 1)
    profile, icc, notes = colour_profile.settle(stored.icc, gray=gray)
    info = PictureInfo(
        path=path,
        bit_depth=samples.dtype.itemsize * 8,
        gray=gray,
        alpha=alpha,
        exif=kept.exif,
        xmp=kept.xmp,
        icc=icc,
        warnings=tuple(f"{path}: {note}" for note in (*kept.notes, *notes)),
        orientation=kept.sensor,
    )
    colours = np.ascontiguousarray(samples[..., : 1 if gray else 3])
    return Picture(colours, stored.bits, info, profile)


def read_views(left: Path, right: Path) -> FileViews:
    """Read the two views of one dual-pixel photograph.

    The views keep the sensor's rows, along which the disparity lies, whatever the orientation
    tag says; `source.upright` turns what is made of them. `source` is the left view's PictureInfo
    with the warnings of both; it is gray only if both are. Raises what `read_picture` raises, and
    what DPViews raises for views that are not of one size, identical or too small.
    """
    first, second = read_picture(left), read_picture(right)
    notes = (*first.info.warnings, *second.info.warnings)
    if first.info.icc != second.info.icc:
        notes += (f"{left} and {right} have different colour profiles; the left one's is used.",)
    if first.info.orientation != second.info.orientation:
        notes += (f"{left} and {right} have different orientation tags.",)
    gray = first.info.gray and second.info.gray
    info = replace(first.info, gray=gray, warnings=notes)
    first, second = (each.in_rows(each.info.orientation) for each in (first, second))
    stored = (first, second) if gray else None
    left_pixels = first.srgb()
    del first  # the samples of colour pictures go as soon as their pixels are there
    right_pixels = second.srgb()
    del second
    try:
        return FileViews(left_pixels, right_pixels, info, stored)
    except IdenticalViewsError as error:
        raise IdenticalViewsError(f"{left} and {right}") from error
    except ShapeMismatchError as error:
        raise ShapeMismatchError(f"{left} and {right}", error.first, error.second) from error


def read_beside(path: Path, views: FileViews) -> Picture:
    """Read another picture of what `views` show, such as the truth, in their rows.

    Raises what `read_picture` raises, and ShapeMismatchError if it is not of the views' size.
    """
    picture = read_picture(path).in_rows(views.source.orientation)
    sizes = picture.samples.shape[:2], views.left.shape[:2]
    if sizes[0] != sizes[1]:
        raise ShapeMismatchError(f"{path} and {views.source.path}", *sizes)
    return picture


def _decode(path: Path) -> Stored:
    data = read_whole(path, READABLE)
    decode = _decoder(data)
    if decode is None:
        raise UnreadableFileError(path, "it is not a PNG, TIFF or JPEG picture")
    try:
        return decode(data)
    except Unusable as error:
        raise UnreadableFileError(path, str(error)) from error
    except Exception as error:  # decoders raise anything from IndexError to their own classes
        raise UnreadableFileError(path, "it is damaged or cut short") from error


def _decoder(data: bytes) -> Callable[[bytes], Stored] | None:
    if data.startswith(png.SIGNATURE):
        return png.decode
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.decode
    return tiff.decode if data.startswith(tiff.SIGNATURES) else None
