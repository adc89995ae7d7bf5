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

    `left` and `right` are sRGB-encoded, `H x W x 3` or (gray) `H x W`, at least 16 x 16: uint8,
    uint16, or floating point in [0, 1]; convention of sides as in Canon's Digital Photo
    Professional. Returns float32 `H x W x 3` in [0, 1], sRGB-encoded.

    `weights` is a file or a shipped name (None: the default), kept for the next call with it; the
    rest is as in `engines.RestoreOptions`, with `max_memory` in bytes. For more about the run, or
    another model at hand, use `load_model` and `engines.restore`.

    Raises InvalidPictureError, ShapeMismatchError, PictureTooSmallError, IdenticalViewsError,
    WeightsError, DeviceError, OptionError, OutOfMemoryError or NonFiniteResultError.
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
