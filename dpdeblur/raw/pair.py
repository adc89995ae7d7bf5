"""Views of a raw file as the network takes them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.colour import linear_to_srgb
from dpdeblur.errors import OptionError, PictureTooSmallError
from dpdeblur.pair import DualPixelPair
from dpdeblur.raw.develop import LinearPicture, develop
from dpdeblur.raw.options import RawOptions
from dpdeblur.raw.photo import RawPhoto, open_raw

_FULL = np.float32(2**16 - 1)


def read_raw_pair(path: Path, options: RawOptions | None = None) -> DualPixelPair:
    """Develop the two views of a Canon Dual Pixel RAW, in the sensor's rows.

    `upright` turns what is made of them; it carries the file's EXIF data and an sRGB
    profile. Raises what `open_raw` raises, PictureTooSmallError, and OptionError for a size that
    makes it so.
    """
    return raw_pair(open_raw(path), options)


def raw_pair(photo: RawPhoto, options: RawOptions | None = None) -> DualPixelPair:
    """`read_raw_pair` of a photograph that is open."""
    options = options or RawOptions()
    pictures, warnings = develop(photo, options)
    width = pictures["left"].shape[1]
    left, right = (finish(pictures.pop(name), size=options.size) for name in ("left", "right"))
    try:
        return DualPixelPair(left, right, photo.header.picture_info(photo.path, warnings))
    except PictureTooSmallError as error:
        if left.shape[1] == width:
            raise
        made = "{1}x{0}".format(*error.shape)
        least = f"{error.minimum}x{error.minimum}"
        raise OptionError(
            "size", f"{options.size} makes {photo.path} {made} pixels; at least {least} is needed"
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
    # This filter has no negative lobes, which would draw dark rims around lights.
    reduced = [
        Image.fromarray(picture[..., channel].astype(np.float32)).resize(
            (size, height), Image.Resampling.HAMMING
        )
        for channel in range(3)
    ]
    pixels: NDArray[np.float32] = np.stack([np.asarray(channel) for channel in reduced], axis=-1)
    pixels = (pixels / _FULL).clip(0, 1)
    return pixels if linear else linear_to_srgb(pixels)


@cache
def _numbers(*, linear: bool) -> NDArray[np.float32]:
    """What every 16-bit number becomes; to look it up takes no memory beyond the result."""
    numbers: NDArray[np.float32] = np.arange(2**16, dtype=np.float32) / _FULL
    return numbers if linear else linear_to_srgb(numbers)
