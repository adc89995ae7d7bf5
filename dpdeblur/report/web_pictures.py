"""Pictures as browsers show them: reduced, in 8 bits, as WebP."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.plots import Scale

_GAP = 8
_STEP = 16
"""Pixels between the places at which the most changed part is looked for."""


def reduced(pixels: NDArray[np.float32], side: int) -> NDArray[np.uint8]:
    """A picture `H x W x 3` in [0, 1] in 8 bits, its longer side at most `side` pixels."""
    codes: NDArray[np.uint8] = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), 256):  # which bounds the memory that floats take
        rows = pixels[top : top + 256]
        codes[top : top + 256] = np.rint(rows.clip(0, 1) * np.float32(255))
    height, width = codes.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return codes
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(codes).resize(size, Image.Resampling.LANCZOS))


def webp(codes: NDArray[np.uint8], icc: bytes | None = None, *, quality: int = 85) -> bytes:
    """A picture of 8 bits as a WebP file; `icc` is the profile to show it with, if not sRGB."""
    buffer = io.BytesIO()
    Image.fromarray(codes).save(buffer, "WEBP", quality=quality, method=4, icc_profile=icc or b"")
    return buffer.getvalue()


def colour_map(defocus: NDArray[np.float32], scale: Scale, side: int) -> NDArray[np.uint8]:
    """A map of signed radii `H x W` in its colours, its longer side about `side` pixels."""
    step = max(1, -(-max(defocus.shape) // side))
    return scale.paint(defocus[::step, ::step])


def most_changed(
    before: NDArray[np.float32], after: NDArray[np.float32], height: int, width: int
) -> tuple[slice, slice]:
    """Rows and columns of the part of that size in which two pictures differ most."""
    rows, columns = before.shape[:2]
    change = np.empty((-(-rows // _STEP), -(-columns // _STEP)))
    for index, top in enumerate(range(0, rows, _STEP)):
        strip = np.s_[top : top + _STEP, :, 1]
        difference = np.abs(before[strip] - after[strip]).sum(0)
        change[index] = np.add.reduceat(difference, np.arange(0, columns, _STEP))
    sums = np.pad(change.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    high, wide = min(-(-height // _STEP), len(change)), min(-(-width // _STEP), change.shape[1])
    windows = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    place = np.unravel_index(int(windows.argmax()), windows.shape)
    top = min(int(place[0]) * _STEP, max(0, rows - height))
    left = min(int(place[1]) * _STEP, max(0, columns - width))
    return slice(top, min(rows, top + height)), slice(left, min(columns, left + width))


def side_by_side(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two pictures `H x W x 3` beside each other, with a white gap between them."""
    gap = np.ones((len(before), _GAP, 3), np.float32)
    return np.concatenate([before, gap, after], axis=1)
