"""A photograph as the engines take it: two views, or a raw file developed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dpdeblur import scratch
from dpdeblur.colour import linear_to_srgb
from dpdeblur.datasets import RAW_EXTENSIONS, is_folder
from dpdeblur.errors import (
    IdenticalViewsError,
    NotRawError,
    OptionError,
    PictureTooSmallError,
    UnreadableFileError,
)
from dpdeblur.pair import DualPixelPair, ViewOptions, read_pair
from dpdeblur.raw.develop import LinearPicture, develop
from dpdeblur.raw.options import RawOptions
from dpdeblur.raw.photo import open_raw
from dpdeblur.views import reduce

_FULL = np.float32(2**16 - 1)


def check_photo(left: Path, right: Path | None = None, *, instead: str = "give a file") -> None:
    """Find out without reading whether these can be one photograph: a raw file, or two views.

    Raises MissingFileError, and UnreadableFileError for a folder (`instead` says what to do about
    it) or a raw file beside another.
    """
    for path in (left, right):
        if path is not None and is_folder(path):
            raise UnreadableFileError(path, f"it is a folder; {instead}")
        if right is not None and path is not None and path.suffix.lower() in RAW_EXTENSIONS:
            raise UnreadableFileError(
                path, "it is a raw file, which holds both views; give only this file"
            )


def read_photo(
    left: Path,
    right: Path | None = None,
    options: RawOptions | None = None,
    views: ViewOptions | None = None,
) -> DualPixelPair:
    """The pair of one photograph: a raw file (`left` alone) developed, or two views read.

    `options` are for the former, `views` for the latter. Raises what `read_pair` or `read_raw_pair`
    raises.
    """
    if right is not None:
        return read_pair(left, right, views)
    try:
        return read_raw_pair(left, options)
    except NotRawError as error:
        advice = f"{error.advice}, or give the left and the right view"
        raise NotRawError(left, advice) from error


def read_raw_pair(path: Path, options: RawOptions | None = None) -> DualPixelPair:
    """Develop the two views of a Canon Dual Pixel RAW, in the sensor's rows.

    `upright` turns what is made of them; it carries the file's EXIF data and an sRGB profile.

    Args:
        path: a CR2 or CR3 file.
        options: how to develop it; None is at full size.

    Returns:
        The views, as `read_pair` would give them.

    Raises:
        MissingFileError, UnreadableFileError, UnusableRawError: as `open_raw` does.
        IdenticalViewsError: once developed, the views are the same picture.
        PictureTooSmallError: the file's picture is below 16 x 16 pixels.
        OptionError: the size makes it so.
    """
    photo, options = open_raw(path), options or RawOptions()
    pictures, warnings = develop(photo, options)
    width = pictures["left"].shape[1]
    left, right = (
        scratch.keep(finish(pictures.pop(name), size=options.size)) for name in ("left", "right")
    )
    try:
        info = photo.header.picture_info(path, warnings)
        return DualPixelPair(left, right, info, toned=False)
    except IdenticalViewsError as error:
        raise IdenticalViewsError(f"The views of {path}") from error
    except PictureTooSmallError as error:
        if left.shape[1] == width:
            raise PictureTooSmallError(error.shape, error.minimum, str(path)) from error
        made = "{1}x{0}".format(*error.shape)
        least = f"{error.minimum}x{error.minimum}"
        raise OptionError(
            "size", f"{options.size} makes {path} {made} pixels; at least {least} is needed"
        ) from error


def finish(
    picture: LinearPicture, *, size: int | None = None, linear: bool = False
) -> NDArray[np.float32]:
    """A developed picture as float32 in [0, 1], sRGB-encoded unless `linear`.

    A picture wider than `size` is reduced to it, in linear light.
    """
    width = picture.shape[1]
    if size is None or size >= width:
        return _numbers(linear=linear)[picture]
    height = max(1, round(picture.shape[0] * size / width))
    pixels = reduce(picture, (height, size))
    pixels = (pixels / _FULL).clip(0, 1)
    return pixels if linear else linear_to_srgb(pixels)


@cache
def _numbers(*, linear: bool) -> NDArray[np.float32]:
    """What every 16-bit number becomes; to look it up takes no memory beyond the result."""
    numbers: NDArray[np.float32] = np.arange(2**16, dtype=np.float32) / _FULL
    return numbers if linear else linear_to_srgb(numbers)
