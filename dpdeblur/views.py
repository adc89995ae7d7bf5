"""Views before they are a pair: how they are changed, and whether they show one scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dpdeblur import scratch
from dpdeblur.errors import InvalidPictureError, OptionError
from dpdeblur.io import Picture

MINIMUM_SIZE = 16
"""Of either side, in pixels."""
_LONG_SIDE, _COARSE, _SHIFTS = 192, 8, (2, 8)
"""To compare views: their longer side, the size of detail that counts, shifts down and across."""
_SHORT_SIDE, _FLAT = 32, 0.004
"""Below this side or contrast there is too little to compare."""


@dataclass(frozen=True)
class ViewOptions:
    """How views are made into a pair.

    `size` is the width in pixels, along the sensor's rows, to which they are reduced; None keeps
    theirs. `swap_views` takes the first view for the right one. Raises OptionError.
    """

    size: int | None = None
    swap_views: bool = False

    def __post_init__(self) -> None:
        if self.size is not None and self.size < MINIMUM_SIZE:
            raise OptionError("size", f"{self.size} must be at least {MINIMUM_SIZE}")


def reduce(numbers: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Numbers (H x W x C) at a smaller height and width."""
    # This filter has no negative lobes, which would draw dark rims around lights.
    channels = [
        Image.fromarray(channel.astype(np.float32)).resize(shape[::-1], Image.Resampling.HAMMING)
        for channel in np.moveaxis(numbers, -1, 0)
    ]
    return np.stack([np.asarray(channel, np.float32) for channel in channels], axis=-1)


def reduced_picture(picture: Picture, shape: tuple[int, int]) -> Picture:
    """The same with fewer samples: means of the numbers as stored."""
    samples = np.rint(reduce(picture.codes(), shape)).astype(picture.samples.dtype)
    return replace(picture, samples=samples)


def likeness(left: Picture, right: Picture) -> float:
    """The views' correlation, reduced and without what is coarse, at the small shift that is best.

    1 if they differ in size, which is told elsewhere, or show too little.
    """
    first, second = _details(left), _details(right)
    if first is None or second is None or first.shape != second.shape:
        return 1.0
    if min(first.std(), second.std()) < _FLAT:
        return 1.0
    # The second is moved over all shifts; what comes in at one edge has left at the other.
    spectrum = np.fft.rfft2(first) * np.fft.rfft2(second).conj()
    products = np.fft.irfft2(spectrum, first.shape) / first.size
    down, across = (np.arange(-most, most + 1) for most in _SHIFTS)
    return float(products[np.ix_(down, across)].max() / (first.std() * second.std()))


def _details(view: Picture) -> NDArray[np.float32] | None:
    """The reduced view without what is coarse; None if its shorter side shows too little."""
    from scipy.ndimage import gaussian_filter  # errors shall not wait for it

    # Some samples of each pixel are enough.
    sparse = slice(None, None, -(-max(view.samples.shape[:2]) // (4 * _LONG_SIDE)))
    red, green, blue = np.moveaxis(view.srgb(sparse, sparse), -1, 0)
    gray = (red + green + blue) / np.float32(3)
    step = -(-max(gray.shape) // _LONG_SIDE)
    rows, columns = (side // step for side in gray.shape)
    if min(rows, columns) < _SHORT_SIDE:
        return None
    gray = gray[: rows * step, : columns * step]
    reduced = gray.reshape(rows, step, -1).mean(1).reshape(rows, columns, step).mean(-1)
    details = reduced - gaussian_filter(reduced, _COARSE, mode="nearest")
    return np.asarray(details - details.mean(), np.float32)


def check_view(what: str, view: NDArray[np.float32]) -> None:
    """Raise InvalidPictureError, naming it as `what`, unless a view is H x W x 3 in [0, 1]."""
    if not isinstance(view, np.ndarray) or view.dtype != np.float32:
        raise InvalidPictureError(what, "it must be a float32 array with values in [0, 1]")
    if view.ndim != 3 or view.shape[2] != 3 or view.size == 0:
        raise InvalidPictureError(what, f"its shape is {view.shape}, not (height, width, 3)")
    low, high = float(view.min()), float(view.max())
    scratch.rest()
    if not np.isfinite(low + high):
        raise InvalidPictureError(what, "it has values that are infinite or not a number")
    # A little room, because colour conversion in float32 ends a hair outside.
    if low < -1e-3 or high > 1 + 1e-3:
        raise InvalidPictureError(what, f"its values span [{low:g}, {high:g}], not [0, 1]")
