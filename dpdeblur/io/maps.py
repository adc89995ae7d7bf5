"""Maps of one number per pixel, such as defocus, on disk: numbers as they are, never colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import InvalidMapError, UnsupportedFormatError
from dpdeblur.io import limits, png, tiff
from dpdeblur.io.atomic import read_whole, write_whole
from dpdeblur.io.metadata import SOFTWARE, carried
from dpdeblur.io.orientation import turn
from dpdeblur.io.read import errors_of
from dpdeblur.io.stored import Stored, Unusable

READABLE_MAPS = (".png", ".tif", ".tiff")
"""Extensions that `read_map` takes, lower case; `write_map` takes the last two."""


def read_map(
    path: Path,
    *,
    zero_is_unknown: bool = True,
    warn: Callable[[str], object] = lambda _: None,
) -> NDArray[np.float32]:
    """Read a map as float32 H x W, upright, with NaN where it is not known.

    A floating-point TIFF holds the numbers themselves, NaN included. Of a PNG or TIFF of 8 or 16
    bits the stored number n becomes n / 255 or n / 65535 whatever its colour profile.
    Colour files are taken if their channels are equal; alpha is left out.

    Args:
        path: the file.
        zero_is_unknown: 0 becomes NaN in files of 8 or 16 bits.
        warn: called with a sentence if a TIFF has further pages, which are not read.

    Returns:
        The map, in the unit of its file.

    Raises:
        MissingFileError: there is no such file.
        UnsupportedFormatError: its extension is not in READABLE_MAPS.
        UnreadableFileError: it is not a whole, sound map.

    >>> write_map(Path("ramp.tif"), np.linspace(-3, 3, 12).reshape(3, 4))
    >>> read_map(Path("ramp.tif"))[0, 0]
    np.float32(-3.0)
    """
    with errors_of(path):
        data = read_whole(path, READABLE_MAPS, _look)
        if data.startswith(png.SIGNATURE):
            return _whole_numbers(png.decode(data), zero_is_unknown)
        with tiff.first_page(data) as page:
            for note in tiff.further_pages(page):
                warn(f"{path}: {note}")
            if page.sampleformat == tiff.FLOAT:
                return _floating_point(page, data)
        return _whole_numbers(tiff.decode(data), zero_is_unknown)


def _look(first: bytes, size: int) -> None:
    if not first.startswith((png.SIGNATURE, *tiff.SIGNATURES)):
        raise Unusable("it is not a PNG or TIFF file")
    limits.check_size(size)


def write_map(path: Path, numbers: NDArray[np.floating[Any]], *, overwrite: bool = False) -> None:
    """Write a map as a 32-bit floating-point TIFF, deflated, whole or not at all.

    Args:
        path: the file, which ends in .tif or .tiff.
        numbers: floating point, `H x W`, in any unit; NaN where not known.
        overwrite: replace an existing file.

    Raises:
        InvalidMapError: the numbers have a wrong shape, type or values.
        UnsupportedFormatError: another extension.
        OutputExistsError, UnwritableOutputError: as `io.atomic.write_whole` does.

    >>> write_map(Path("flat.tif"), np.zeros((16, 16)))
    """
    if path.suffix.lower() not in READABLE_MAPS[1:]:
        raise UnsupportedFormatError(path, READABLE_MAPS[1:])
    if numbers.ndim != 2 or numbers.size == 0:
        raise InvalidMapError("The output", f"its shape is {numbers.shape}, not (height, width)")
    if not np.issubdtype(numbers.dtype, np.floating):
        raise InvalidMapError("The output", f"its type is {numbers.dtype}, not float32")
    if np.isinf(numbers).any():
        raise InvalidMapError("The output", "it has infinite values")
    file = tiff.deflated(numbers.astype(np.float32), SOFTWARE, photometric="minisblack")
    write_whole(path, file.getvalue(), overwrite=overwrite)


def _whole_numbers(stored: Stored, zero_is_unknown: bool) -> NDArray[np.float32]:
    samples = _upright(stored)
    first = samples[..., 0]
    if samples.shape[-1] > 2 and not (samples[..., :3] == first[..., None]).all():
        raise Unusable("it is a colour picture, and a map has one channel")
    numbers = first.astype(np.float32) / np.float32(2**stored.bits - 1)
    if zero_is_unknown:
        numbers[first == 0] = np.nan
    return numbers


def _floating_point(page: Any, data: bytes) -> NDArray[np.float32]:
    if page.axes != "YX":
        raise Unusable("it has several channels, and a map has one")
    with np.errstate(over="ignore"):
        numbers = tiff.pixels(page, data).astype(np.float32)
    if np.isinf(numbers).any():
        raise Unusable("it has infinite values; write NaN where nothing is known")
    return _upright(Stored(numbers, 32, exif=data))


def _upright(stored: Stored) -> NDArray[Any]:
    return turn(stored.samples, carried(stored).orientation)
