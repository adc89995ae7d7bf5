"""The calibration folder of Xin et al. (ICCV 2021): kernels as .npy, white sheets as PNG."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dpdeblur.calibration.brightness import in_cells, white_ratio
from dpdeblur.calibration.measure import APART, blur_radius, disparity
from dpdeblur.calibration.options import PIXEL_4_LEVELS
from dpdeblur.calibration.shots import stored_dn
from dpdeblur.errors import MissingFileError, ShapeMismatchError, UnreadableFileError
from dpdeblur.io import read_picture
from dpdeblur.io.atomic import read_at_most
from dpdeblur.io.limits import ARRAYS
from dpdeblur.optics import Calibration

FloatArray32 = NDArray[np.float32]

TILE = 168
"""Pixels along a kernel's tile."""


def import_folder(folder: Path, levels: tuple[float, float] = PIXEL_4_LEVELS) -> Calibration:
    """Read `blur_kernels_{left,right}.npy` and one `white_sheet_{left,right}*.png` each.

    Kernels are `N x K x K`, one for each tile of 168 x 168 pixels, row by row; the white sheets
    show those tiles and as much around them, 16-bit raw numbers. `levels` are the (black, white)
    of those and of the pairs that the calibration serves. Raises MissingFileError,
    UnreadableFileError, ShapeMismatchError and CalibrationError.
    """
    try:
        if not folder.is_dir():
            if not folder.exists():
                raise MissingFileError(folder)
            raise UnreadableFileError(folder, "it is not a folder")
    except OSError as error:  # a name that is too long, say
        raise UnreadableFileError(folder, error.strerror or str(error)) from error
    paths = [folder / f"blur_kernels_{side}.npy" for side in ("left", "right")]
    left, right = (_kernels(path) for path in paths)
    if left.shape != right.shape:
        raise UnreadableFileError(
            paths[1], f"its shape is {right.shape}, and that of {paths[0].name} is {left.shape}"
        )
    sheets = [_sheet(folder, side, levels[0]) for side in ("left", "right")]
    if sheets[0].shape != sheets[1].shape:
        raise ShapeMismatchError("The white sheets", sheets[0].shape, sheets[1].shape)
    rows, columns = _grid(len(left), sheets[0].shape, folder)
    frame = rows * TILE, columns * TILE
    inner = tuple(
        slice((whole - part) // 2, (whole + part) // 2)
        for whole, part in zip(sheets[0].shape, frame, strict=True)
    )
    left, right = (part.reshape(rows, columns, *part.shape[1:]) for part in (left, right))
    # The radius comes after the checks of a first Calibration.
    checked = Calibration(left, right, 1.0)
    if abs(float(disparity(checked.left, checked.right).mean())) < APART:
        raise UnreadableFileError(
            folder, "its left and right kernels are not shifted, so the side of focus is unknown"
        )
    return Calibration(
        checked.left,
        checked.right,
        blur_radius(checked.left, checked.right),
        frame=frame,
        ratio=in_cells(white_ratio(*sheets)[inner]),
        levels=levels,
    )


def _kernels(path: Path) -> FloatArray32:
    data = read_at_most(path, ARRAYS)
    try:
        kernels = np.load(BytesIO(data), allow_pickle=False)
    except Exception as error:  # numpy raises anything, of a broken header even TokenError
        raise UnreadableFileError(path, "it is not an .npy file of plain numbers") from error
    if not isinstance(kernels, np.ndarray) or kernels.dtype.kind != "f":
        raise UnreadableFileError(path, "it is not an array of floating-point numbers")
    if kernels.ndim != 3 or kernels.shape[1] != kernels.shape[2] or 0 in kernels.shape:
        raise UnreadableFileError(path, f"its shape is {kernels.shape}, not N x K x K")
    return kernels.astype(np.float32)


def _sheet(folder: Path, side: str, black: float) -> FloatArray32:
    """A white sheet's DN above `black`."""
    paths = sorted(folder.glob(f"white_sheet_{side}*.png"))
    if len(paths) != 1:
        raise UnreadableFileError(
            folder, f"it has {len(paths)} files white_sheet_{side}*.png, but must have exactly one"
        )
    dn = stored_dn(read_picture(paths[0])) - np.float32(black)
    if dn.min() <= 0:
        raise UnreadableFileError(
            paths[0],
            f"it has numbers at or below {black:g}, so it is not a white sheet, or the black level "
            "is wrong",
            "levels",
        )
    return dn


def _grid(count: int, sheet: tuple[int, ...], folder: Path) -> tuple[int, int]:
    """Rows and columns of `count` tiles: those whose frame is most like the sheet in shape."""
    height, width = sheet
    fitting = [
        (rows, count // rows)
        for rows in range(1, count + 1)
        if count % rows == 0
        and (height - rows * TILE) >= 0
        and (width - count // rows * TILE) >= 0
        and (height - rows * TILE) % 2 == 0
        and (width - count // rows * TILE) % 2 == 0
    ]
    if not fitting:
        raise UnreadableFileError(
            folder,
            f"{count} tiles of {TILE}x{TILE} pixels do not fit evenly into the middle of the white "
            f"sheets of {width}x{height}",
        )
    return min(fitting, key=lambda grid: abs(np.log(grid[0] / grid[1] * width / height)))
