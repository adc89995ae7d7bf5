"""Between picture files and linear light: the views as read, the picture as written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.engines.optimiser.views import LinearViews
from dpdeblur.errors import InvalidPictureError
from dpdeblur.io import FileViews
from dpdeblur.optics import Calibration


def linear_views(views: FileViews, calibration: Calibration | None = None) -> LinearViews:
    """The linear light of two views as read; of one channel where all three are equal.

    Pictures are sRGB and 1 is white, unless the calibration has `levels`: then the files hold
    linear raw numbers as stored, light is max(number - black, 0) / white, and 1 is white again.

    Raises what `LinearViews` raises, and InvalidPictureError if raw numbers are wanted and the
    files are in colour or have 8 bits.
    """
    if calibration is not None and calibration.levels is not None:
        left, right = _raw_light(views, calibration.levels)
    else:
        left, right = (_light(view, gray=views.source.gray) for view in (views.left, views.right))
    return LinearViews(left, right)


def encoded(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light, `H x W x 1` or `H x W x 3`, as `write_picture` takes it.

    That is sRGB-encoded `H x W x 3`, clipped to [0, 1].
    """
    picture = linear_to_srgb(light.clip(0, 1))
    return np.repeat(picture, 3, -1) if picture.shape[-1] == 1 else picture


def _light(view: NDArray[np.float32], *, gray: bool) -> NDArray[np.float32]:
    first, second, third = np.moveaxis(view, -1, 0)
    if gray or (np.array_equal(first, second) and np.array_equal(second, third)):
        view = view[..., 1:2]
    return srgb_to_linear(view.clip(0, 1))


def _raw_light(views: FileViews, levels: tuple[float, float]) -> list[NDArray[np.float32]]:
    black, white = (np.float32(level) for level in levels)
    light: list[NDArray[np.float32]] = []
    for side, picture in zip(("left", "right"), views.stored or (None, None), strict=True):
        if picture is None or picture.bit_depth <= 8:
            kind = "in colour" if picture is None else f"of {picture.bit_depth} bits"
            raise InvalidPictureError(
                f"The {side} view",
                "the calibration is for linear raw numbers, which are gray pictures of 16 bits, "
                f"and it is {kind}",
            )
        numbers = picture.codes()
        light.append(np.asarray((numbers - black).clip(0) / white, np.float32))
    return light
