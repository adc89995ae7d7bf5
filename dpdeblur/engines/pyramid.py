"""Smaller versions of the views, for networks that restore coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur import scratch
from dpdeblur.models import halve

_PIXELS = 2**15  # at once, in linear light: so they stay in the cache
_ALL = slice(None)
Pixels = NDArray[np.float32]
Samples = NDArray[np.float32] | NDArray[np.uint16]


class Views(Protocol):
    """Two views, as DualPixelPair has them."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""

    def window(self, rows: slice, columns: slice = _ALL) -> tuple[Pixels, Pixels]:
        """A part of both, H x W x 3, sRGB-encoded."""


@dataclass(frozen=True)
class Reduced:
    """Two views of smaller size, H x W x 3, sRGB-encoded, as `store` keeps them."""

    left: Samples
    right: Samples

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width, _ = self.left.shape
        return height, width

    def window(self, rows: slice, columns: slice = _ALL) -> tuple[Pixels, Pixels]:
        """A part of both."""
        return floats(self.left[rows, columns]), floats(self.right[rows, columns])


def store(place: Samples, pixels: Pixels) -> None:
    """Put pixels, clipped to [0, 1], into float32, or into uint16 of which 65535 is white."""
    if place.dtype != np.uint16:
        np.clip(pixels, 0.0, 1.0, out=place)
        return
    height, width, _ = place.shape
    step = max(1, _PIXELS // width)
    for top in range(0, height, step):
        rows = slice(top, top + step)
        place[rows] = np.rint(np.clip(pixels[rows], 0.0, 1.0) * np.float32(65535))


def floats(stored: Samples) -> Pixels:
    """The pixels that were stored."""
    if stored.dtype == np.float32:
        return cast(Pixels, stored)
    return stored.astype(np.float32) / np.float32(65535)


def pyramid(views: Views, levels: int, kind: type[Any]) -> list[Views]:
    """The views, and `levels - 1` more, each of half the size before, in float32 or uint16.

    Sizes are rounded up; the last row and column of an odd one count twice.
    """
    found = [views]
    for _ in range(levels - 1):
        found.append(_halved(found[-1], kind))
    return found


def _halved(views: Views, kind: type[Any]) -> Reduced:
    height, width = views.shape
    size = (*half_size(views.shape), 3)
    left, right = scratch.empty(size, kind), scratch.empty(size, kind)
    step = 2 * max(1, _PIXELS // (2 * width))
    for top in range(0, height, step):
        for result, rows in zip((left, right), views.window(slice(top, top + step)), strict=True):
            # PyTorch refuses mirrored arrays and warns of read-only ones.
            rows = np.require(rows, requirements=["C", "W"])
            half = halve(torch.from_numpy(rows).permute(2, 0, 1)[None])
            store(result[top // 2 : top // 2 + half.shape[2]], half[0].permute(1, 2, 0).numpy())
        scratch.rest()
    return Reduced(left, right)


def half_size(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the next smaller version."""
    return -(-shape[0] // 2), -(-shape[1] // 2)
