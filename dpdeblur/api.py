"""The library in one call."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur.engines import ProgressCallback, RestoreOptions, restore
from dpdeblur.errors import InvalidPictureError
from dpdeblur.models import LoadedModel, find_weights, load_model
from dpdeblur.pair import DPViews


def deblur(
    left: NDArray[Any],
    right: NDArray[Any],
    *,
    weights: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    max_memory: int | None = None,
    strip_height: int | None = None,
    ensemble: bool = False,
    progress: ProgressCallback | None = None,
) -> NDArray[np.float32]:
    """Make the all-in-focus picture from the two views of a dual-pixel photograph.

    For more about the run, or to use a model you have loaded, call `load_model` and
    `engines.restore`.

    Args:
        left: the left view, sRGB-encoded, `H x W x 3` or (gray) `H x W`, at least 16 x 16: uint8,
            uint16, or floating point in [0, 1]. Sides are as in Canon's Digital Photo Professional.
        right: the right view, likewise, of the same size.
        weights: a file or a shipped name; None is the default. They stay loaded for the next call.
        device: auto, cpu, cuda, cuda:n or mps.
        precision: auto, fp32, bf16 or fp16.
        max_memory: bytes to use on top of what is in use; None is 60 % of free memory.
        strip_height: the most rows computed at once; None is what fits into memory.
        ensemble: average four mirrored passes, in four times the time.
        progress: called with the rows done and the rows in all.

    Returns:
        The picture, float32 `H x W x 3` in [0, 1], sRGB-encoded.

    Raises:
        InvalidPictureError: a view has a wrong shape, type or values.
        ShapeMismatchError: the views differ in size.
        PictureTooSmallError: they are below 16 x 16 pixels.
        IdenticalViewsError: they are the same picture.
        WeightsError: the weights are missing, damaged or of another network.
        DeviceError: the device is missing or cannot compute in the precision.
        OptionError: an option has a value that cannot be used.
        OutOfMemoryError: even the smallest strip does not fit.
        NonFiniteResultError: the network gives NaN or infinity even in fp32.

    >>> left, right = np.random.default_rng(0).random((2, 32, 48, 3))
    >>> sharp = deblur(left, right, device="cpu")
    >>> sharp.shape, sharp.dtype
    ((32, 48, 3), dtype('float32'))
    """
    options = RestoreOptions(device, precision, max_memory, strip_height, ensemble)
    views = DPViews(_as_view("The left view", left), _as_view("The right view", right))
    file = find_weights(weights).resolve()
    return restore(_model(file, file.stat().st_mtime_ns), views, options, progress).pixels


@lru_cache(maxsize=1)
def _model(file: Path, _changed: int) -> LoadedModel:
    return load_model(file)


def _as_view(what: str, pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Any accepted array as float32 `H x W x 3`; DPViews checks the rest."""
    pixels = np.asarray(pixels)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2:  # in either byte order
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    if not np.issubdtype(pixels.dtype, np.floating):
        raise InvalidPictureError(
            what, f"its type is {pixels.dtype}, not uint8, uint16 or floating point"
        )
    return pixels.astype(np.float32, copy=False)
