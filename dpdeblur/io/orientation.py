"""The eight orientations of EXIF's tag 274, on arrays."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

ScalarT = TypeVar("ScalarT", bound=np.generic)

INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
"""The tag that undoes each tag."""


def turn(array: NDArray[ScalarT], tag: int) -> NDArray[ScalarT]:
    """Bring an array (H x W or H x W x C) stored under orientation `tag` (1 to 8) upright.

    `turn(turned, INVERSE[tag])` goes back to the sensor's rows and columns, along which the
    dual-pixel disparity lies.
    """
    if tag in {5, 6, 7, 8}:
        array = array.swapaxes(0, 1)
    if tag in {2, 3, 6, 7}:
        array = array[:, ::-1]
    if tag in {3, 4, 7, 8}:
        array = array[::-1]
    return np.ascontiguousarray(array)
