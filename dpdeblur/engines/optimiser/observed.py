"""The two views as the optimiser works on them: linear light, matched, 1 being the brightest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import CalibrationError, InvalidPictureError, ShapeMismatchError
from dpdeblur.optics import Calibration

_SMALLEST = 32
"""Side in pixels."""
_CLIPPED = 0.5
"""Share of a view's numbers."""


@dataclass(frozen=True, eq=False)
class Observed:
    """Both views as `2 x C x H x W` (C is 1 or 3), linear light; 1 stands for `brightest`."""

    views: NDArray[np.float32]
    brightest: float


def observe(
    left: NDArray[np.float32], right: NDArray[np.float32], calibration: Calibration | None = None
) -> Observed:
    """Both views scaled, and where a calibration tells, the right one made as bright as the left.

    Args:
        left: the left view, float32 `H x W x C` (C is 1 or 3), linear light in any unit, >= 0.
        right: the right view, likewise.
        calibration: of pictures of this size.

    Raises:
        ShapeMismatchError: the views differ in size.
        InvalidPictureError: a view has another shape, numbers that are not finite or below 0,
            shows only black, or is clipped by more than half.
        CalibrationError: it was made for frames of another size.
    """
    _check(left, right)
    height, width = left.shape[:2]
    if calibration is not None:
        frame = calibration.frame
        if frame is not None and frame != (height, width):
            raise CalibrationError(
                f"it was made for pictures of {frame[1]}x{frame[0]} pixels, and these have "
                f"{width}x{height}; give the views at the size of the calibration"
            )
        right = right * calibration.match_right(height, width)[..., None]
    brightest = float(max(left.max(), right.max()))
    views = np.stack([np.asarray(view / brightest, np.float32) for view in (left, right)])
    return Observed(np.ascontiguousarray(views.transpose(0, 3, 1, 2)), brightest)


def _check(left: NDArray[np.float32], right: NDArray[np.float32]) -> None:
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
