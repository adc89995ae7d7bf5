"""The file of a calibration: one `.npz` of plain arrays."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import CalibrationError, UnreadableFileError
from dpdeblur.io.atomic import read_at_most, write_whole
from dpdeblur.io.limits import ARRAYS
from dpdeblur.optics.calibrated import Calibration

VERSION = 1
"""Of the file's format."""
_NEEDED = ("left", "right", "radius", "version")
_OPTIONAL = ("frame", "ratio", "levels")


def read_calibration(path: Path) -> Calibration:
    """Read an `.npz` file as `write_calibration` makes it.

    It holds the arrays `left`, `right`, `radius` (see `Calibration`) and `version` (1), and may
    hold `frame`, `ratio` and `levels`, and others, which become `extra`.

    Args:
        path: the file.

    Returns:
        The calibration, with `path` and `sha256` of its file.

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: it is no calibration; it says what is wrong.

    >>> kernels = np.ones((1, 1, 3, 3))
    >>> write_calibration(Path("lens.npz"), Calibration(kernels, kernels, radius=2.0))
    >>> read_calibration(Path("lens.npz")).radius
    2.0
    """
    data = read_at_most(path, ARRAYS)
    arrays = _arrays(path, data)
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise UnreadableFileError(path, f"it is not a calibration: it lacks {', '.join(missing)}")
    fields: dict[str, Any] = {
        name: arrays.pop(name) for name in (*_NEEDED, *_OPTIONAL) if name in arrays
    }
    if any(array.dtype.kind not in "fiu" for array in fields.values()):
        raise UnreadableFileError(path, f"{', '.join(fields)} must be arrays of numbers")
    version, radius = fields.pop("version"), fields.pop("radius")
    if version.size != 1 or version.item() != VERSION:
        raise UnreadableFileError(
            path, f"its version is {version}, but this program reads only version {VERSION}"
        )
    if radius.size != 1:
        raise UnreadableFileError(path, f"radius has {radius.size} values and must have one")
    for name, kind in (("frame", int), ("levels", float)):
        if name in fields:
            numbers = fields[name]
            if numbers.size != 2 or not np.isfinite(numbers).all():
                raise UnreadableFileError(path, f"{name} must be two numbers")
            if kind is int and any(
                not 1 <= number <= 2**20 or number % 1 for number in numbers.flat
            ):
                raise UnreadableFileError(path, "frame must be a height and a width in pixels")
            fields[name] = tuple(kind(number) for number in numbers.flat)
    try:
        return Calibration(
            radius=float(radius.item()),
            extra=arrays,
            path=path,
            sha256=hashlib.sha256(data).hexdigest(),
            **fields,
        )
    except CalibrationError as error:
        raise UnreadableFileError(path, error.reason) from error


def write_calibration(path: Path, calibration: Calibration, *, overwrite: bool = False) -> None:
    """Write an `.npz` file, whole or not at all.

    Args:
        path: the file.
        calibration: what it shall hold.
        overwrite: replace an existing file.

    Raises:
        OutputExistsError, UnwritableOutputError: as `io.atomic.write_whole` does.
    """
    data = io.BytesIO()
    fields: dict[str, Any] = {
        "left": calibration.left,
        "right": calibration.right,
        "radius": np.float64(calibration.radius),
        "version": np.int64(VERSION),
    }
    if calibration.frame is not None:
        fields["frame"] = np.array(calibration.frame, np.int64)
    if calibration.ratio is not None:
        fields["ratio"] = calibration.ratio
    if calibration.levels is not None:
        fields["levels"] = np.array(calibration.levels, np.float64)
    np.savez_compressed(data, **(dict(calibration.extra) | fields))
    write_whole(path, data.getvalue(), overwrite=overwrite)


def _arrays(path: Path, data: bytes) -> dict[str, NDArray[Any]]:
    try:
        unpacked = sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(data)).infolist())
        if unpacked <= ARRAYS:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except Exception as error:  # numpy and zipfile raise anything, of headers even TokenError
        raise UnreadableFileError(path, "it is not an .npz file of plain arrays") from error
    raise UnreadableFileError(path, f"its arrays take more than {ARRAYS >> 20} MiB")
