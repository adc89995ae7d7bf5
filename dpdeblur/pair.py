"""The pair of views of one photograph: what every engine takes in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur import scratch
from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.datasets import names_say_different, names_say_swapped
from dpdeblur.errors import (
    IdenticalViewsError,
    InvalidPictureError,
    OptionError,
    PictureTooSmallError,
    ShapeMismatchError,
)
from dpdeblur.io import INVERSE, Picture, PictureInfo, read_picture, same_profile, turn
from dpdeblur.views import MINIMUM_SIZE, ViewOptions, check_view, likeness, reduce, reduced_picture

__all__ = ["MINIMUM_SIZE", "DualPixelPair", "Levels", "ViewOptions", "read_beside", "read_pair"]

_ALIKE = 0.4  # of views at least 0.75, however blurred and noisy; of two photographs at most 0.15
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
    toned: bool = True
    """Whether a camera may have laid a tone curve over sRGB, as in all pictures that it developed;
    not over raw numbers.
    """

    def __post_init__(self) -> None:
        views = self.left_view, self.right_view
        for side, view in zip(("left", "right"), views, strict=True):
            if not isinstance(view, Picture):
                check_view(f"The {side} view", view)
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
    def taken(self) -> int:
        """Bytes of memory that views kept as their files store them take."""
        views = self.left_view, self.right_view
        return sum(scratch.taken(view.samples) for view in views if isinstance(view, Picture))

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
        pair = replace(self, levels=levels, toned=False)
        left, right = (
            np.repeat(linear_to_srgb(light.clip(0, 1)), 3, -1) for light in pair.linear()
        )
        return replace(pair, left_view=left, right_view=right)

    def swapped(self) -> DualPixelPair:
        """The same with its views exchanged; `info` stays."""
        stored = None if self.stored is None else (self.stored[1], self.stored[0])
        return replace(self, left_view=self.right_view, right_view=self.left_view, stored=stored)

    def reduced(self, width: int) -> DualPixelPair:
        """The same at a width in pixels, reduced in linear light; a narrower pair stays.

        Raises OptionError where that makes it smaller than 16 x 16 pixels.
        """
        height, full = self.shape
        if width >= full:
            return self
        shape = (max(1, round(height * width / full)), width)
        if min(shape) < MINIMUM_SIZE:
            reason = f"{width} makes the views {shape[1]}x{shape[0]} pixels; at least "
            raise OptionError("size", f"{reason}{MINIMUM_SIZE}x{MINIMUM_SIZE} is needed")
        left, right = (
            linear_to_srgb(reduce(srgb_to_linear(view.clip(0, 1)), shape).clip(0, 1))
            for view in (self.left, self.right)
        )
        info, stored = self.info, self.stored
        if stored is not None:
            stored = (reduced_picture(stored[0], shape), reduced_picture(stored[1], shape))
        if info is not None and info.alpha is not None:
            rows = turn(info.alpha, INVERSE[info.orientation])
            info = replace(info, alpha=info.upright(reduce(rows[..., None], shape))[..., 0])
        return replace(self, left_view=left, right_view=right, info=info, stored=stored)

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


def read_pair(
    left: str | Path, right: str | Path, options: ViewOptions | None = None
) -> DualPixelPair:
    """Read the two views of one dual-pixel photograph.

    The views keep the sensor's rows, along which the disparity lies, whatever the orientation tag
    says; `upright` turns what is made of them.

    Args:
        left: the left view's file.
        right: the right view's file.
        options: whether to reduce the views or to exchange them; None is neither.

    Returns:
        The views. Their `info` is the left view's PictureInfo with the warnings of both; it is
        gray only if both are.

    Raises:
        MissingFileError, UnreadableFileError: as `read_picture` does.
        ShapeMismatchError: the views differ in size.
        IdenticalViewsError: they are the same picture.
        PictureTooSmallError: they are below 16 x 16 pixels.
        OptionError: the size makes them so.

    >>> folder = Path("examples/canon_r6ii")
    >>> pair = read_pair(folder / "l.png", folder / "r.png")
    >>> pair.left.shape, pair.combined().shape
    ((512, 768, 3), (512, 768, 3))
    """
    left, right = Path(left), Path(right)
    first, second = read_picture(left), read_picture(right)
    notes = (*first.info.warnings, *second.info.warnings)
    if not same_profile(first.info.icc, second.info.icc):
        notes += (f"{left} and {right} have different colour profiles; the left one's is used.",)
    if first.info.orientation != second.info.orientation:
        notes += (f"{left} and {right} have different orientation tags.",)
    options = options or ViewOptions()
    if names_say_swapped(left, right) and not options.swap_views:
        notes += (
            f"The names say that {left} is the right view and {right} the left one; check the "
            "order.",
        )
    gray = first.info.gray and second.info.gray
    first, second = (each.in_rows(each.info.orientation) for each in (first, second))
    stored = (first, second) if gray else None
    if names_say_different(left, right) or likeness(first, second) < _ALIKE:
        notes += (f"{left} and {right} seem to be of two different photographs; check them.",)
    info = replace(first.info, gray=gray, warnings=notes)
    try:
        pair = DualPixelPair(first, second, info, stored)
        pair = pair.swapped() if options.swap_views else pair
        return pair if options.size is None else pair.reduced(options.size)
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


def _samples(view: NDArray[np.float32] | Picture) -> NDArray[Any]:
    return view.samples if isinstance(view, Picture) else view


def _pixels(
    view: NDArray[np.float32] | Picture, rows: slice = _ALL, columns: slice = _ALL
) -> NDArray[np.float32]:
    return view.srgb(rows, columns) if isinstance(view, Picture) else view[rows, columns]


def _is_gray(view: NDArray[np.float32]) -> bool:
    first, second, third = np.moveaxis(view, -1, 0)
    return np.array_equal(first, second) and np.array_equal(second, third)
