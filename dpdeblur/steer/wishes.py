"""Blur that is wanted stays: how much of the restored picture each pixel gets."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.errors import InvalidPictureError, OptionError, ShapeMismatchError, UselessOptionError
from dpdeblur.io import read_picture
from dpdeblur.steer.points import Array, Point, check_point

Side = Literal["near", "far"]
"""In front of or behind the focus plane."""

FEATHER = 8.0
"""Pixels by default over which a mask's edges fade, to each side."""
_RANGE = 1 / 600
"""Depth range by default, as a share of the longer side."""
_SOFT = 1 / 1680
"""Half of the transition between near and far, likewise."""
_FADE = 0.5
"""Transition beyond the depth range, as a share of it."""
_BEGIN = 0.75
"""Where the transition to what is kept begins, as a share of the radius at which it ends."""
_SURE = 0.02
"""Weights this close to 0 or 1 are meant to be that."""
_ROWS = 256
"""Blended at once: less memory."""


@dataclass(frozen=True, eq=False)
class Wishes:
    """Where, and how much, the picture is to be restored; each wish narrows what the others leave.

    "Pixels of blur" are the radius of the circle of confusion in pixels of the full-size picture,
    as the defocus map has it: without a calibration, that of a generic lens.

    `strength` in [0, 1] is the share of the restored picture. `only` near or far restores what lies
    in front of or behind focus. `keep_beyond` leaves what is blurred by more pixels as it is.
    `focus_at` restores what lies as deep as these points of the upright picture, to within
    `depth_range` pixels of blur (None: 1/600 of the longer side). `mask` is float32 `H x W` in
    [0, 1], upright, 1 = restore; its edges fade over `feather` pixels to each side (None: 8).

    Raises OptionError for values that cannot be used and wishes that contradict each other, and
    InvalidPictureError for a mask of another shape, type or range.
    """

    strength: float = 1.0
    only: str | None = None
    keep_beyond: float | None = None
    focus_at: tuple[Point, ...] = ()
    depth_range: float | None = None
    mask: NDArray[np.float32] | None = None
    feather: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise OptionError("strength", f"{self.strength:g} is not in the range 0 to 1")
        if self.only not in {None, *get_args(Side)}:
            raise OptionError("only", f"'{self.only}' is unknown; use near or far")
        for key in ("keep_beyond", "depth_range"):
            value = getattr(self, key)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise OptionError(key, f"{value:g} is no blur; give a number of pixels above 0")
        if self.feather is not None and not (math.isfinite(self.feather) and self.feather >= 0):
            raise OptionError("feather", f"{self.feather:g} is no width; give pixels from 0 on")
        if self.focus_at:
            for key in ("only", "keep_beyond"):
                if getattr(self, key) is not None:
                    raise UselessOptionError(
                        key,
                        "the points to focus at already say which depths to restore; leave one of "
                        "them out",
                    )
        elif self.depth_range is not None:
            raise UselessOptionError("depth_range", "it needs a point to focus at; give one, too")
        if self.mask is not None:
            _check_mask(self.mask)
        elif self.feather is not None:
            raise UselessOptionError("feather", "it is for the edges of a mask; give one, too")

    @property
    def settings(self) -> dict[str, Any]:
        """The wishes that differ from none, as JSON has them; a mask by its SHA-256."""
        told: dict[str, Any] = {"strength": float(self.strength)} if self.strength < 1 else {}
        if self.only is not None:
            told["only"] = self.only
        for key in ("keep_beyond", "depth_range", "feather"):
            value = getattr(self, key)
            if value is not None:
                told[key] = float(value)
        if self.focus_at:
            told["focus_at"] = [[float(x), float(y)] for x, y in self.focus_at]
        if self.mask is not None:
            content = repr(self.mask.shape).encode() + self.mask.tobytes()
            told["mask"] = hashlib.sha256(content).hexdigest()
        return told

    @property
    def needs_map(self) -> bool:
        """Whether any wish is about depth."""
        return bool(self.only or self.keep_beyond or self.focus_at)

    def check(self, size: tuple[int, ...]) -> None:
        """Find out before the long work whether the wishes fit an upright picture of this size.

        Raises OptionError for a point outside, and ShapeMismatchError for a mask of another size.
        """
        for point in self.focus_at:
            check_point(point, size, "focus_at")
        if self.mask is not None and self.mask.shape != size:
            raise ShapeMismatchError("The mask and the picture", self.mask.shape, size)

    def apply(
        self, sharp: Array, untouched: Callable[[], Array], defocus: Array | None
    ) -> tuple[Array, tuple[str, ...]]:
        """The picture that is wished for, and sentences on what was found.

        Args:
            sharp: the restored picture, float32 `H x W x 3` in [0, 1], sRGB, upright.
            untouched: gives the picture as it was, likewise.
            defocus: a map `h x w`, upright, if `needs_map`.
        """
        weights, notes = self.weights(sharp, defocus)
        return blend(untouched(), sharp, weights), notes

    def weights(
        self, sharp: Array, defocus: Array | None
    ) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """The share of `sharp` in each pixel, float32 `H x W` in [0, 1], and what was found."""
        size = sharp.shape[:2]
        weights = np.full(size, self.strength, np.float32)
        notes: tuple[str, ...] = ()
        if self.needs_map:
            # Not before: PyTorch takes seconds, and wrong wishes shall not wait for it.
            from dpdeblur.steer.depth import follow_edges

            assert defocus is not None
            wanted, notes = self._by_depth(defocus, size)
            drawn = follow_edges(wanted, sharp)
            # Rounding and slight texture: what is meant to stay is to stay to the last bit.
            weights *= ((drawn - _SURE) / (1 - 2 * _SURE)).clip(0, 1)
        if self.mask is not None:
            weights *= _feathered(self.mask, FEATHER if self.feather is None else self.feather)
        if self.strength > 0 and not weights.any():
            notes += (
                "Nothing in the picture matches what is to be restored, so it stays as it was.",
            )
        return weights, notes

    def _by_depth(self, defocus: Array, size: tuple[int, ...]) -> tuple[Array, tuple[str, ...]]:
        """The weights of the depth alone at the map's size, and what lies at the points."""
        from dpdeblur.steer.depth import cover, depth_at

        radii = [depth_at(defocus, point, size) for point in self.focus_at]
        wanted, longest = np.ones_like(defocus), max(size)
        defocus = cover(defocus, size)
        if self.only is not None:
            behind = _rise(defocus, -_SOFT * longest, _SOFT * longest)
            wanted *= behind if self.only == "far" else 1 - behind
        if self.keep_beyond is not None:
            wanted *= 1 - _rise(np.abs(defocus), _BEGIN * self.keep_beyond, self.keep_beyond)
        if not self.focus_at:
            return wanted, ()
        reach = self.depth_range or _RANGE * longest
        away = np.min([np.abs(defocus - radius) for radius in radii], axis=0)
        notes = tuple(
            f"What lies at {x:g},{y:g} is blurred by {radius:+.1f} pixels; restored within "
            f"{reach:.1f} of that."
            for (x, y), radius in zip(self.focus_at, radii, strict=True)
        )
        return wanted * (1 - _rise(away, reach, (1 + _FADE) * reach)), notes


def read_mask(path: Path) -> NDArray[np.float32]:
    """The mask in a picture file, float32 `H x W` in [0, 1], upright: white is 1.

    Its numbers are taken as stored, whatever the profile; of colours, the mean. Raises what
    `read_picture` raises.
    """
    picture = read_picture(path)
    mask: NDArray[np.float32] = picture.codes().mean(-1) / np.float32(2**picture.bit_depth - 1)
    return mask


def blend(
    untouched: NDArray[np.float32], sharp: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Mix two pictures `H x W x 3` (sRGB, in [0, 1]) in linear light.

    `weights`, `H x W` in [0, 1], is the share of `sharp`. Where it is 0 or 1, that picture's
    numbers stay exactly.
    """
    mixed = np.empty_like(sharp)
    for first in range(0, len(sharp), _ROWS):
        rows = slice(first, first + _ROWS)
        share, one, other = weights[rows, :, None], untouched[rows], sharp[rows]
        light = srgb_to_linear(one) * (1 - share) + srgb_to_linear(other) * share
        part = np.where(share == 1, other, linear_to_srgb(light))
        mixed[rows] = np.where(share == 0, one, part)
    return mixed


def _rise(values: Array, low: float, high: float) -> Array:
    """A smooth step from 0 at `low` to 1 at `high`."""
    share = ((values - low) / (high - low)).clip(0, 1)
    step: Array = share * share * (3 - 2 * share)
    return step


def _feathered(mask: Array, feather: float) -> Array:
    """The mask with edges that fade over `feather` pixels to each side, and not beyond."""
    half = min(round(feather / 2), max(mask.shape))  # what reaches farther changes little
    if half == 0:
        return mask
    soft = mask
    for _ in range(2):  # two boxes make a tent
        soft = uniform_filter(soft, 2 * half + 1, mode="nearest")
    soft = np.where(soft > 1 - 1e-5, 1, soft)  # running sums round
    faded: Array = np.where(soft < 1e-5, 0, soft).astype(np.float32)
    return faded


def _check_mask(mask: Any) -> None:
    if not isinstance(mask, np.ndarray) or mask.dtype != np.float32 or mask.ndim != 2:
        raise InvalidPictureError("The mask", "it must be a float32 array, (height, width)")
    if not (mask.size and mask.min() >= 0 and mask.max() <= 1):
        raise InvalidPictureError("The mask", "its values must lie in [0, 1]")
