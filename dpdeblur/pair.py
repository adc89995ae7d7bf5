"""The pair of views of one photograph: what every engine takes in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.datasets import names_say_different, names_say_swapped
from dpdeblur.errors import (
    IdenticalViewsError,
    InvalidPictureError,
    PictureTooSmallError,
    ShapeMismatchError,
)
from dpdeblur.io import Picture, PictureInfo, read_picture

MINIMUM_SIZE = 16
"""Of either side, in pixels."""
_ALIKE = 0.4  # of views at least 0.75, however blurred and noisy; of two photographs at most 0.15
_LONG_SIDE, _COARSE, _SHIFTS = 192, 8, (2, 8)
"""To compare views: their longer side, the size of detail that counts, shifts down and across."""
_SHORT_SIDE, _FLAT = 32, 0.004
"""Below this side or contrast there is too little to compare."""
_ROWS = 256  # at once, which bounds the memory that floats take
_ALL = slice(None)
Levels = tuple[float, float]
"""Black level and white level (the range above black) of linear raw numbers, in DN."""


@dataclass(frozen=True, eq=False)
class DualPixelPair:
    """The left and right view of one photograph, and what their files carried.

    `left` and `right` are float32, H x W x 3, sRGB-encoded, in [0, 1]. Rows are the sensor's, since
    the disparity lies along them: a portrait picture stays on its side. A pair is made of two such
    arrays, or of two pictures as their files store them, in a quarter to half of the memory; then
    the floats are made anew each time, and `window` makes those of a part.

    Raises InvalidPictureError, ShapeMismatchError, PictureTooSmallError (below 16x16) or
    IdenticalViewsError.
    """

    left_view: NDArray[np.float32] | Picture
    right_view: NDArray[np.float32] | Picture
    info: PictureInfo | None = None
    """The left view's, with the warnings of both; gray only if both are. None for mere arrays."""
    stored: tuple[Picture, Picture] | None = None
    """The views as their files store them, in the sensor's rows; None unless both are gray, as
    linear raw numbers are.
    """
    levels: Levels | None = None
    """Of the linear raw numbers that `stored` holds; None where the files are encoded as sRGB."""

    def __post_init__(self) -> None:
        views = self.left_view, self.right_view
        for side, view in zip(("left", "right"), views, strict=True):
            if not isinstance(view, Picture):
                _check_view(f"The {side} view", view)
        first, second = (_samples(view).shape[:2] for view in views)
        if first != second:
            raise ShapeMismatchError("The left and right views", first, second)
        if min(first) < MINIMUM_SIZE:
            raise PictureTooSmallError(first, MINIMUM_SIZE)
        bands = (self.window(slice(top, top + _ROWS)) for top in range(0, first[0], _ROWS))
        if all(np.array_equal(*band) for band in bands):
            raise IdenticalViewsError

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width, _ = _samples(self.left_view).shape
        return height, width

    @property
    def upright_shape(self) -> tuple[int, int]:
        """Height and width of the upright picture."""
        height, width, _ = self.upright(np.empty((*self.shape, 0), np.uint8)).shape
        return height, width

    @property
    def left(self) -> NDArray[np.float32]:
        """The left view."""
        return _pixels(self.left_view)

    @property
    def right(self) -> NDArray[np.float32]:
        """The right view."""
        return _pixels(self.right_view)

    @property
    def as_files(self) -> bool:
        """Whether the views are kept as their files store them, in integers."""
        return isinstance(self.left_view, Picture)

    def window(
        self, rows: slice, columns: slice = _ALL
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A part of the left and of the right view."""
        return _pixels(self.left_view, rows, columns), _pixels(self.right_view, rows, columns)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what went wrong beside the pixels when the files were read."""
        return () if self.info is None else self.info.warnings

    def combined(self) -> NDArray[np.float32]:
        """The ordinary photograph (H x W x 3, sRGB): the views' mean in linear light."""
        return combine(self.left, self.right)

    def linear(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Each view's linear light, H x W x C, C = 1 if all its channels are equal; 1 is white.

        Raw numbers are not clipped: light above white stays.
        """
        if self.levels is not None:
            return self._raw_light(self.levels)
        gray = self.info is not None and self.info.gray
        left, right = (
            srgb_to_linear((view[..., 1:2] if gray or _is_gray(view) else view).clip(0, 1))
            for view in (self.left, self.right)
        )
        return left, right

    def with_levels(self, levels: Levels) -> DualPixelPair:
        """The same files read as linear raw numbers (DN), max(number - black, 0) / white being
        light.

        Raises InvalidPictureError if a view is in colour, has 8 bits, no number above black or no
        file, and what the class raises.
        """
        if levels == self.levels:
            return self
        pair = replace(self, levels=levels)
        left, right = (
            np.repeat(linear_to_srgb(light.clip(0, 1)), 3, -1) for light in pair.linear()
        )
        return replace(pair, left_view=left, right_view=right)

    def upright(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turn H x W or H x W x C pixels in the sensor's rows upright."""
        return pixels if self.info is None else self.info.upright(pixels)

    def _raw_light(self, levels: Levels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        black, white = (np.float32(level) for level in levels)
        light: list[NDArray[np.float32]] = []
        for side, picture in zip(("left", "right"), self.stored or (None, None), strict=True):
            if picture is None or picture.bit_depth <= 8:
                if picture is not None:
                    kind = f"is of {picture.bit_depth} bits"
                elif self.info is not None:
                    kind = "or the other view is in colour"
                else:
                    kind = "was not read from a file"
                raise InvalidPictureError(
                    f"The {side} view",
                    "the calibration is for linear raw numbers, which are gray pictures of 16 "
                    f"bits, and it {kind}",
                )
            light.append(np.asarray((picture.codes() - black).clip(0) / white, np.float32))
            if not light[-1].any():
                raise InvalidPictureError(
                    f"The {side} view", "it is black everywhere; give a brighter exposure"
                )
        return light[0], light[1]


def read_pair(left: Path, right: Path) -> DualPixelPair:
    """Read the two views of one dual-pixel photograph.

    The views keep the sensor's rows, along which the disparity lies, whatever the orientation tag
    says; `upright` turns what is made of them.

    Args:
        left: the left view's file.
        right: the right view's file.

    Returns:
        The views. Their `info` is the left view's PictureInfo with the warnings of both; it is
        gray only if both are.

    Raises:
        MissingFileError, UnsupportedFormatError, UnreadableFileError: as `read_picture` does.
        ShapeMismatchError: the views differ in size.
        IdenticalViewsError: they are the same picture.
        PictureTooSmallError: they are below 16 x 16 pixels.

    >>> folder = Path("examples/canon_r6ii")
    >>> pair = read_pair(folder / "l.png", folder / "r.png")
    >>> pair.left.shape, pair.combined().shape
    ((512, 768, 3), (512, 768, 3))
    """
    first, second = read_picture(left), read_picture(right)
    notes = (*first.info.warnings, *second.info.warnings)
    if first.info.icc != second.info.icc:
        notes += (f"{left} and {right} have different colour profiles; the left one's is used.",)
    if first.info.orientation != second.info.orientation:
        notes += (f"{left} and {right} have different orientation tags.",)
    if names_say_swapped(left, right):
        notes += (
            f"The names say that {left} is the right view and {right} the left one; check the "
            "order.",
        )
    gray = first.info.gray and second.info.gray
    first, second = (each.in_rows(each.info.orientation) for each in (first, second))
    stored = (first, second) if gray else None
    if names_say_different(left, right) or _likeness(first, second) < _ALIKE:
        notes += (f"{left} and {right} seem to be of two different photographs; check them.",)
    info = replace(first.info, gray=gray, warnings=notes)
    try:
        return DualPixelPair(first, second, info, stored)
    except IdenticalViewsError as error:
        raise IdenticalViewsError(f"{left} and {right}") from error
    except ShapeMismatchError as error:
        raise ShapeMismatchError(f"{left} and {right}", error.first, error.second) from error
    except PictureTooSmallError as error:
        raise PictureTooSmallError(error.shape, error.minimum, str(left)) from error


def read_beside(path: Path, pair: DualPixelPair) -> Picture:
    """Read another picture of what a pair of files shows, such as the truth, in the pair's rows.

    Raises what `read_picture` raises, and ShapeMismatchError if it is not of the views' size.
    """
    picture = read_picture(path)
    sizes = picture.samples.shape[:2], pair.upright_shape
    if sizes[0] != sizes[1]:
        views = "the views" if pair.info is None else pair.info.path
        raise ShapeMismatchError(f"{path} and {views}", *sizes)
    return picture if pair.info is None else picture.in_rows(pair.info.orientation)


def _likeness(left: Picture, right: Picture) -> float:
    """The views' correlation, reduced and without what is coarse, at the small shift that is best.

    1 if they differ in size, which is told elsewhere, or show too little.
    """
    first, second = _details(left), _details(right)
    if first.shape != second.shape or min(first.shape) < _SHORT_SIDE:
        return 1.0
    if min(first.std(), second.std()) < _FLAT:
        return 1.0
    # The second is moved over all shifts; what comes in at one edge has left at the other.
    down, across = _SHIFTS
    products = (
        float((first * np.roll(second, (rows, columns), (0, 1))).mean())
        for rows in range(-down, down + 1)
        for columns in range(-across, across + 1)
    )
    return max(products) / float(first.std() * second.std())


def _details(view: Picture) -> NDArray[np.float32]:
    # Some samples of each pixel are enough.
    sparse = slice(None, None, -(-max(view.samples.shape[:2]) // (4 * _LONG_SIDE)))
    gray = view.srgb(sparse, sparse).sum(-1) / np.float32(3)
    step = -(-max(gray.shape) // _LONG_SIDE)
    rows, columns = (side // step for side in gray.shape)
    gray = gray[: rows * step, : columns * step]
    reduced = gray.reshape(rows, step, columns, step).mean((1, 3))
    details = reduced - gaussian_filter(reduced, _COARSE, mode="nearest")
    return np.asarray(details - details.mean(), np.float32)


def _samples(view: NDArray[np.float32] | Picture) -> NDArray[Any]:
    return view.samples if isinstance(view, Picture) else view


def _pixels(
    view: NDArray[np.float32] | Picture, rows: slice = _ALL, columns: slice = _ALL
) -> NDArray[np.float32]:
    return view.srgb(rows, columns) if isinstance(view, Picture) else view[rows, columns]


def _is_gray(view: NDArray[np.float32]) -> bool:
    first, second, third = np.moveaxis(view, -1, 0)
    return np.array_equal(first, second) and np.array_equal(second, third)


def _check_view(what: str, view: NDArray[np.float32]) -> None:
    if not isinstance(view, np.ndarray) or view.dtype != np.float32:
        raise InvalidPictureError(what, "it must be a float32 array with values in [0, 1]")
    if view.ndim != 3 or view.shape[2] != 3 or view.size == 0:
        raise InvalidPictureError(what, f"its shape is {view.shape}, not (height, width, 3)")
    low, high = float(view.min()), float(view.max())
    if not np.isfinite(low + high):
        raise InvalidPictureError(what, "it has values that are infinite or not a number")
    # A little room, because colour conversion in float32 ends a hair outside.
    if low < -1e-3 or high > 1 + 1e-3:
        raise InvalidPictureError(what, f"its values span [{low:g}, {high:g}], not [0, 1]")
