"""The pair of views as arrays: what every other room takes in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dpdeblur.colour import combine
from dpdeblur.errors import (
    IdenticalViewsError,
    InvalidPictureError,
    PictureTooSmallError,
    ShapeMismatchError,
)

MINIMUM_SIZE = 16


@dataclass(frozen=True, eq=False)
class DPViews:
    """The left and right view of one photograph: float32, H x W x 3, sRGB-encoded, in [0, 1].

    Rows are the sensor's, since the disparity lies along them: a portrait picture stays on its
    side. What their files carried beside the pixels, `io.FileViews` adds.

    Raises InvalidPictureError, ShapeMismatchError, PictureTooSmallError (below 16x16) or
    IdenticalViewsError.
    """

    left: NDArray[np.float32]
    right: NDArray[np.float32]

    def __post_init__(self) -> None:
        _check_view("The left view", self.left)
        _check_view("The right view", self.right)
        first, second = self.left.shape[:2], self.right.shape[:2]
        if first != second:
            raise ShapeMismatchError("The left and right views", first, second)
        if min(first) < MINIMUM_SIZE:
            raise PictureTooSmallError(first, MINIMUM_SIZE)
        if np.array_equal(self.left, self.right):
            raise IdenticalViewsError

    def combined(self) -> NDArray[np.float32]:
        """The ordinary photograph (H x W x 3, sRGB): the views' mean in linear light."""
        return combine(self.left, self.right)


def _check_view(what: str, view: NDArray[np.float32]) -> None:
    if not isinstance(view, np.ndarray) or view.dtype != np.float32:
        raise InvalidPictureError(what, "it must be a float32 array with values in [0, 1]")
    if view.ndim != 3 or view.shape[2] != 3 or view.size == 0:
        raise InvalidPictureError(what, f"its shape is {view.shape}, not (height, width, 3)")
    low, high = float(view.min()), float(view.max())
    if not np.isfinite(low + high):
        raise InvalidPictureError(what, "it has values that are infinite or not a number")
    # A little room, because colour conversion in float32 ends a hair outside.
    if low < -1e-3 or high > 1 + 1e-3:
        raise InvalidPictureError(what, f"its values span [{low:g}, {high:g}], not [0, 1]")
