"""The pair of views of one photograph: what every engine takes in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.datasets import names_say_swapped
from dpdeblur.errors import (
    IdenticalViewsError,
    InvalidPictureError,
    OptionError,
    PictureTooSmallError,
    ShapeMismatchError,
)
from dpdeblur.io import INVERSE, Picture, PictureInfo, read_picture, turn

MINIMUM_SIZE = 16
"""Of either side, in pixels."""
Levels = tuple[float, float]
"""Black level and white level (the range above black) of linear raw numbers, in DN."""


@dataclass(frozen=True)
class ViewOptions:
    """How views are made into a pair.

    `size` is the width in pixels, along the sensor's rows, to which they are reduced; None keeps
    theirs. `swap_views` takes the first view for the right one. Raises OptionError.
    """

    size: int | None = None
    swap_views: bool = False

    def __post_init__(self) -> None:
        if self.size is not None and self.size < MINIMUM_SIZE:
            raise OptionError("size", f"{self.size} must be at least {MINIMUM_SIZE}")


@dataclass(frozen=True, eq=False)
class DualPixelPair:
    """The left and right view of one photograph, and what their files carried.

    `left` and `right` are float32, H x W x 3, sRGB-encoded, in [0, 1]. Rows are the sensor's, since
    the disparity lies along them: a portrait picture stays on its side.

    Raises InvalidPictureError, ShapeMismatchError, PictureTooSmallError (below 16x16) or
    IdenticalViewsError.
    """

    left: NDArray[np.float32]
    right: NDArray[np.float32]
    info: PictureInfo | None = None
    """The left view's, with the warnings of both; gray only if both are. None for mere arrays."""
    stored: tuple[Picture, Picture] | None = None
    """The views as their files store them, in the sensor's rows; None unless both are gray.

    Linear raw numbers are gray; the samples of colour pictures would take up to half as much
    memory again as the pixels.
    """
    levels: Levels | None = None
    """Of the linear raw numbers that `stored` holds; None where the files are encoded as sRGB."""

    def __post_init__(self) -> None:
        _check_view("The left view", self.left)
        _check_view("The right view", self.right)
        first, second = self.left.shape[:2], self.right.shape[:2]
        if first != second:
            raise ShapeMismatchError("The left and right views", first, second)
        if min(first) < MINIMUM_SIZE:
            raise PictureTooSmallError(first, MINIMUM_SIZE)
        if np.array_equal(self.left, self.right):
            raise IdenticalViewsError

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
        return replace(pair, left=left, right=right)

    def swapped(self) -> DualPixelPair:
        """The same with its views exchanged; `info` stays."""
        stored = None if self.stored is None else (self.stored[1], self.stored[0])
        return replace(self, left=self.right, right=self.left, stored=stored)

    def reduced(self, width: int) -> DualPixelPair:
        """The same at a width in pixels, reduced in linear light; a narrower pair stays.

        Raises OptionError where that makes it smaller than 16 x 16 pixels.
        """
        height, full = self.left.shape[:2]
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
            stored = (_reduced(stored[0], shape), _reduced(stored[1], shape))
        if info is not None and info.alpha is not None:
            rows = turn(info.alpha, INVERSE[info.orientation])
            info = replace(info, alpha=info.upright(reduce(rows[..., None], shape))[..., 0])
        return replace(self, left=left, right=right, info=info, stored=stored)

    def upright(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
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


def read_pair(left: Path, right: Path, options: ViewOptions | None = None) -> DualPixelPair:
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
    first, second = read_picture(left), read_picture(right)
    notes = (*first.info.warnings, *second.info.warnings)
    if first.info.icc != second.info.icc:
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
    info = replace(first.info, gray=gray, warnings=notes)
    first, second = (each.in_rows(each.info.orientation) for each in (first, second))
    stored = (first, second) if gray else None
    left_pixels = first.srgb()
    del first  # the samples of colour pictures go as soon as their pixels are there
    right_pixels = second.srgb()
    del second
    try:
        pair = DualPixelPair(left_pixels, right_pixels, info, stored)
    except IdenticalViewsError as error:
        raise IdenticalViewsError(f"{left} and {right}") from error
    except ShapeMismatchError as error:
        raise ShapeMismatchError(f"{left} and {right}", error.first, error.second) from error
    pair = pair.swapped() if options.swap_views else pair
    return pair if options.size is None else pair.reduced(options.size)


def reduce(numbers: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Numbers (H x W x C) at a smaller height and width."""
    # This filter has no negative lobes, which would draw dark rims around lights.
    channels = [
        Image.fromarray(channel.astype(np.float32)).resize(shape[::-1], Image.Resampling.HAMMING)
        for channel in np.moveaxis(numbers, -1, 0)
    ]
    return np.stack([np.asarray(channel, np.float32) for channel in channels], axis=-1)


def read_beside(path: Path, pair: DualPixelPair) -> Picture:
    """Read another picture of what a pair of files shows, such as the truth, in the pair's rows.

    Raises what `read_picture` raises, and ShapeMismatchError if it is not of the views' size.
    """
    picture = read_picture(path)
    shape = pair.upright(pair.left[..., :0]).shape  # of no channel, so that nothing is copied
    sizes = picture.samples.shape[:2], shape[:2]
    if sizes[0] != sizes[1]:
        views = "the views" if pair.info is None else pair.info.path
        raise ShapeMismatchError(f"{path} and {views}", *sizes)
    return picture if pair.info is None else picture.in_rows(pair.info.orientation)


def _reduced(picture: Picture, shape: tuple[int, int]) -> Picture:
    """The same with fewer samples: means of the numbers as stored."""
    samples = np.rint(reduce(picture.codes(), shape)).astype(picture.samples.dtype)
    return replace(picture, samples=samples)


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
