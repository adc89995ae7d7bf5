"""The library in one call."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur.engines import Engine, ProgressCallback, make_engine
from dpdeblur.errors import InvalidPictureError
from dpdeblur.models import find_weights
from dpdeblur.optics import read_calibration
from dpdeblur.pair import DualPixelPair
from dpdeblur.steer import Steered, Wish


def deblur(
    left: NDArray[Any],
    right: NDArray[Any],
    *,
    engine: str | Engine = "mccnet",
    device: str = "auto",
    weights: str | Path | None = None,
    precision: str = "auto",
    max_memory: int | None = None,
    tile_size: int | None = None,
    ensemble: bool = False,
    calibration: str | Path | None = None,
    method: str | None = None,
    wishes: Wish | None = None,
    progress: ProgressCallback | None = None,
) -> NDArray[np.float32]:
    """Make the all-in-focus picture from the two views of a dual-pixel photograph.

    For the defocus map and more about the run, make an engine yourself (`engines.make_engine`) and
    call its `run`.

    Args:
        left: the left view, sRGB-encoded, `H x W x 3` or (gray) `H x W`, at least 16 x 16: uint8,
            uint16, or floating point in [0, 1]. Sides are as in Canon's Digital Photo Professional.
        right: the right view, likewise, of the same size.
        engine: "mccnet", the network; "mpi", the optimiser; or one you have made, which leaves the
            options below without effect.
        device: auto, cpu, cuda, cuda:n or, for mccnet, mps.
        weights: for mccnet: a file or a shipped name; None is the default. They stay loaded for
            the next call with the same options.
        precision: for mccnet: auto, fp32, bf16 or fp16.
        max_memory: for mccnet: bytes to use on top of what is in use; None is what speed needs, at
            most 60 % of free memory.
        tile_size: for mccnet: the most rows and columns computed at once (rows only with weights of
            the paper's form); None is what is fast and fits into memory.
        ensemble: for mccnet: average four mirrored passes, in four times the time.
        calibration: for mpi, and for the map that its wishes need: the file of the camera's blur;
            None is a generic lens.
        method: for mpi: fast, full or paper; None is full.
        wishes: the blur that is to stay (`steer.Wishes`), or another focus (`steer.Refocus`).
        progress: called with the parts done and the parts in all.

    Returns:
        The picture, float32 `H x W x 3` in [0, 1], sRGB-encoded.

    Raises:
        InvalidPictureError: a view has a wrong shape, type or values.
        ShapeMismatchError: the views differ in size, or the mask of the wishes does.
        PictureTooSmallError: they are below 16 x 16 pixels.
        IdenticalViewsError: they are the same picture.
        WeightsError: the weights are missing, damaged or of another network.
        DeviceError: the device is missing or cannot compute in the precision.
        OptionError: an option has a value that cannot be used, or is the other engine's; or a point
            of the wishes lies outside the picture.
        MissingFileError, UnreadableFileError: the calibration is missing or none.
        CalibrationError: the calibration is for pictures of another size.
        OutOfMemoryError: even the smallest tile does not fit.
        NonFiniteResultError: the network gives NaN or infinity even in fp32.

    >>> left, right = np.random.default_rng(0).random((2, 32, 48, 3))
    >>> sharp = deblur(left, right, device="cpu")
    >>> sharp.shape, sharp.dtype
    ((32, 48, 3), dtype('float32'))
    """
    pair = DualPixelPair(_as_view("The left view", left), _as_view("The right view", right))
    calibration = None if calibration is None else Path(calibration).resolve()
    if isinstance(engine, str):
        if engine == "mccnet":
            weights = find_weights(weights).resolve()
        engine = _engine(
            engine,
            tuple(_written(file) for file in (weights, calibration)),
            device=device,
            weights=weights,
            precision=precision,
            max_memory=max_memory,
            tile_size=tile_size,
            ensemble=ensemble,
            calibration=calibration,
            method=method,
        )
    if wishes is not None:
        lens = None if calibration is None else read_calibration(calibration)
        engine = Steered(engine, wishes, lens)
    return engine.run(pair, progress).image


@lru_cache(maxsize=1)
def _engine(name: str, _written: tuple[int | None, ...], **options: Any) -> Engine:
    return make_engine(name, **options)


def _written(file: str | Path | None) -> int | None:
    """When a file was last written; None if there is none, which whoever reads it will say."""
    try:
        return None if file is None else Path(file).stat().st_mtime_ns
    except OSError:
        return None


def _as_view(what: str, pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Any accepted array as float32 `H x W x 3`; DualPixelPair checks the rest."""
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
