"""PSNR, SSIM and MAE of two pictures, in float64, with scikit-image as the reference.

All take arrays of shape H x W x C and any real type, whose values span `data_range` (1 for
pictures in [0, 1]); it has no default because a wrong one changes every number unnoticed.
`match_gains`, which is what evens out their exposure, needs no range. All raise
ShapeMismatchError, InvalidPictureError (shape, or values not finite) and, for SSIM,
PictureTooSmallError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import InvalidPictureError, PictureTooSmallError, ShapeMismatchError

SSIM_WINDOW = 7
_STRIP_PIXELS = 2**20


def psnr(prediction: NDArray[Any], truth: NDArray[Any], *, data_range: float) -> float:
    """Peak signal-to-noise ratio in decibels over all pixels and channels; identical gives inf."""
    first, second = _as_float64(prediction, truth)
    # Not skimage's function: that one warns of a division by zero for identical pictures.
    difference = first - second
    error = float(np.mean(np.square(difference, out=difference)))
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))


def ssim(
    prediction: NDArray[Any],
    truth: NDArray[Any],
    *,
    data_range: float,
    progress: Callable[[float], None] = lambda _: None,
) -> float:
    """Structural similarity in [-1, 1], the mean over pixels and channels.

    7x7 uniform window, sample covariance; windows that overlap the border do not count. `progress`
    is called with the share of the rows that are done.
    """
    from skimage.metrics import structural_similarity  # a second, for which errors do not wait

    first, second = _as_float64(prediction, truth)
    if min(first.shape[:2]) < SSIM_WINDOW:
        raise PictureTooSmallError(first.shape[:2], SSIM_WINDOW)
    # skimage takes a dozen float64 copies of what it is given; strips of rows bound that. Each
    # window lies in one strip only, so the mean over strips is the mean over the picture.
    windows = first.shape[0] - SSIM_WINDOW + 1
    step = max(1, _STRIP_PIXELS // first.shape[1])
    total = 0.0
    for start in range(0, windows, step):
        stop = min(start + step, windows)
        rows = slice(start, stop + SSIM_WINDOW - 1)
        total += (stop - start) * structural_similarity(  # type: ignore[no-untyped-call]
            first[rows],
            second[rows],
            win_size=SSIM_WINDOW,
            data_range=data_range,
            channel_axis=-1,
            gaussian_weights=False,
            use_sample_covariance=True,
        )
        progress(stop / windows)
    return float(total / windows)


def mae(prediction: NDArray[Any], truth: NDArray[Any], *, data_range: float) -> float:
    """Mean absolute error over all pixels and channels, as a share of `data_range`."""
    first, second = _as_float64(prediction, truth)
    return float(np.mean(np.abs(first - second)) / data_range)


def match_gains(prediction: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Find the gain of each channel that brings the prediction closest to the truth.

    The fit is least squares of the values as they are, so for pictures of sRGB-encoded values:
    <prediction, truth> / <prediction, prediction>.

    Args:
        prediction: `H x W x C`, any real type.
        truth: likewise.

    Returns:
        C gains; 1 for a channel that is 0 everywhere.

    Raises:
        InvalidPictureError: an array has a wrong shape or values that are not finite.
        ShapeMismatchError: the pictures differ in size.

    >>> truth = np.full((2, 2, 3), 0.5)
    >>> match_gains(truth * [1, 0.5, 0], truth)
    array([1., 2., 1.])
    """
    first, second = _as_float64(prediction, truth)
    power, common = (np.einsum("hwc,hwc->c", first, other) for other in (first, second))
    gains = np.ones(first.shape[2])
    np.divide(common, power, out=gains, where=power > 0)
    return gains


def _as_float64(
    prediction: NDArray[Any], truth: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    for what, array in (("The prediction", prediction), ("The truth", truth)):
        if array.ndim != 3 or array.size == 0:
            raise InvalidPictureError(
                what, f"its shape is {array.shape}, not (height, width, channels)"
            )
        if not np.isfinite(array).all():
            raise InvalidPictureError(what, "it has values that are infinite or not a number")
    if prediction.shape[:2] != truth.shape[:2]:
        raise ShapeMismatchError("The prediction and the truth", prediction.shape, truth.shape)
    if prediction.shape != truth.shape:
        channels = f"it has {prediction.shape[2]} channels and the truth {truth.shape[2]}"
        raise InvalidPictureError("The prediction", channels)
    return prediction.astype(np.float64, copy=False), truth.astype(np.float64, copy=False)
