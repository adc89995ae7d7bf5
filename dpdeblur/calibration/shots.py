"""Photographs for a calibration, in linear light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dpdeblur.colour import srgb_to_linear
from dpdeblur.errors import (
    IdenticalViewsError,
    InvalidPictureError,
    PatternError,
    PictureTooSmallError,
    ShapeMismatchError,
)
from dpdeblur.io import Picture, read_picture

FloatArray32 = NDArray[np.float32]

_SMALLEST = 64
"""Pixels along the shorter side at least."""
_SATURATED = 1e-4
"""Fraction of the pixels that may be overexposed."""


@dataclass(frozen=True, eq=False)
class Shots:
    """One dot grid out of focus (`left`, `right`) and in focus (`sharp`), from one place.

    All are `H x W` linear light in the sensor's rows; `whites` are left and right view of a white
    sheet. `levels` are (black, white) in DN if the files held raw light, as in `Calibration`.
    """

    left: FloatArray32
    right: FloatArray32
    sharp: FloatArray32
    whites: tuple[FloatArray32, FloatArray32] | None = None
    levels: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pictures = {"left": self.left, "right": self.right, "sharp": self.sharp}
        if self.whites is not None:
            pictures |= dict(zip(("left white", "right white"), self.whites, strict=True))
        for name, picture in pictures.items():
            what = f"The {name} picture"
            if picture.ndim != 2 or picture.dtype != np.float32 or not np.isfinite(picture).all():
                raise InvalidPictureError(what, "it is not H x W finite float32")
            if picture.shape != self.left.shape:
                raise ShapeMismatchError(
                    f"The left and the {name} picture", self.left.shape, picture.shape
                )
        if min(self.left.shape) < _SMALLEST:
            raise PictureTooSmallError(self.left.shape, _SMALLEST)
        if np.array_equal(self.left, self.right):
            raise IdenticalViewsError


def read_shots(
    left: Path,
    right: Path,
    sharp: Path,
    whites: tuple[Path, Path] | None = None,
    levels: tuple[float, float] | None = None,
) -> Shots:
    """Read the pictures of a pattern; of colours, the green one is used.

    Without `levels` they are sRGB-encoded. Raises what `read_picture` raises, and errors of this
    package for pictures of different sizes or kinds, and for overexposed ones.
    """
    paths = [left, right, sharp, *(whites or ())]
    pictures = [read_picture(path) for path in paths]
    for path, picture in zip(paths, pictures, strict=True):
        if picture.info.gray != pictures[0].info.gray:
            kinds = ("gray", "in colour") if picture.info.gray else ("in colour", "gray")
            raise InvalidPictureError(
                str(path), f"it is {kinds[0]} but {left} is {kinds[1]}; give pictures of one kind"
            )
        sizes = pictures[0].samples.shape[:2], picture.samples.shape[:2]
        if sizes[0] != sizes[1]:
            raise ShapeMismatchError(f"{left} and {path}", *sizes)
    light = [_light(path, each, levels) for path, each in zip(paths, pictures, strict=True)]
    try:
        shots = Shots(light[0], light[1], light[2], levels=levels)
    except IdenticalViewsError as error:
        raise IdenticalViewsError(f"{left} and {right}") from error
    except PictureTooSmallError as error:
        raise PictureTooSmallError(error.shape, error.minimum, str(left)) from error
    if whites is not None:
        for path, sheet in zip(whites, light[3:], strict=True):
            if sheet.min() <= 0:
                raise PatternError(
                    f"{path} has black pixels, so it does not show a white sheet; photograph one "
                    "that is evenly lit and fills the frame"
                )
        shots = replace(shots, whites=(light[3], light[4]))
    notes = tuple(note for picture in pictures for note in picture.info.warnings)
    return replace(shots, warnings=notes)


def stored_dn(picture: Picture) -> FloatArray32:
    """The DN of the file, `H x W`, of the green channel, in the sensor's rows."""
    return _green(picture.in_rows(picture.info.orientation).codes())


def _light(path: Path, picture: Picture, levels: tuple[float, float] | None) -> FloatArray32:
    light: FloatArray32
    if levels:
        dn = stored_dn(picture)
        black, white = (np.float32(level) for level in levels)
        light = np.maximum(dn - black, np.float32(0)) / white
        saturated = dn >= white
    else:
        encoded = _green(picture.in_rows(picture.info.orientation).srgb())
        light = srgb_to_linear(encoded)
        saturated = encoded >= 1 - 0.5 / (2**picture.bit_depth - 1)
    if saturated.mean() > _SATURATED:
        raise PatternError(f"{path} is overexposed; take it with a shorter exposure")
    return light


def _green(picture: FloatArray32) -> FloatArray32:
    return np.ascontiguousarray(picture[..., picture.shape[-1] // 2])
