"""The two views as the optimiser wants them: linear light, matched, 1 being the brightest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import CalibrationError, InvalidPictureError, ShapeMismatchError
from dpdeblur.optics import Calibration

_SMALLEST = 32
_CLIPPED = 0.5


@dataclass(frozen=True, eq=False)
class LinearViews:
    """Left and right view, float32 `H x W x C` (C is 1 or 3), linear light in any unit, >= 0.

    Raises ShapeMismatchError, and InvalidPictureError for another shape, numbers that are not
    finite or below 0, black views, and views of which more than half is clipped.
    """

    left: NDArray[np.float32]
    right: NDArray[np.float32]

    def __post_init__(self) -> None:
        left, right = self.left, self.right
        if left.shape[:2] != right.shape[:2]:
            raise ShapeMismatchError("The left and right views", left.shape, right.shape)
        for what, view in (("The left view", left), ("The right view", right)):
            if view.ndim != 3 or view.shape[2] not in {1, 3}:
                raise InvalidPictureError(what, f"its shape is {view.shape}")
            if not np.isfinite(view).all():
                raise InvalidPictureError(what, "it has values that are infinite or not a number")
            if min(view.shape[:2]) < _SMALLEST:
                size = f"{view.shape[1]}x{view.shape[0]} pixels"
                raise InvalidPictureError(what, f"it is {size}; at least {_SMALLEST} are needed")
            if view.min() < 0:
                raise InvalidPictureError(what, "it has light below 0")
            top = float(view.max())
            if top <= 0:
                raise InvalidPictureError(what, "it is black everywhere; give a brighter exposure")
            if (view >= 0.999 * top).mean() > _CLIPPED:
                raise InvalidPictureError(
                    what,
                    "more than half of it is clipped (or of one colour); give a darker exposure",
                )
        if left.shape != right.shape:
            raise InvalidPictureError(
                "The right view",
                "one of the views is gray and the other in colour; give both of one kind",
            )

    def matched(self, calibration: Calibration | None) -> MatchedViews:
        """The right view made as bright as the left, where a calibration tells, and both scaled.

        Raises CalibrationError if it was made for frames of another size.
        """
        height, width = self.left.shape[:2]
        right = self.right
        if calibration is not None:
            frame = calibration.frame
            if frame is not None and frame != (height, width):
                raise CalibrationError(
                    f"it was made for pictures of {frame[1]}x{frame[0]} pixels, and these have "
                    f"{width}x{height}; give the views at the size of the calibration"
                )
            right = right * calibration.match_right(height, width)[..., None]
        top = float(max(self.left.max(), right.max()))
        left, right = (np.asarray(view / top, np.float32) for view in (self.left, right))
        return MatchedViews(left, right, top)


@dataclass(frozen=True, eq=False)
class MatchedViews:
    """What `LinearViews.matched` makes, and so known to be sound: 1 stands for `brightest`."""

    left: NDArray[np.float32]
    right: NDArray[np.float32]
    brightest: float

    def combined(self) -> NDArray[np.float32]:
        """The views' mean, `H x W x C`, in the unit that they came in."""
        return (self.left + self.right) * np.float32(self.brightest / 2)

    def channels(self) -> NDArray[np.float32]:
        """Both views as `2 x C x H x W`."""
        return np.ascontiguousarray(np.stack((self.left, self.right)).transpose(0, 3, 1, 2))
