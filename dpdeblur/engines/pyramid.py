"""Smaller versions of a view, for networks that restore coarse to fine."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.engines.window import Window, plan_windows
from dpdeblur.models import ModelDescriptor, halve
from dpdeblur.pair import DualPixelPair

_ROWS = 256  # at once, which bounds the memory that linear light takes


def pyramid_parts(
    pair: DualPixelPair, window: Window, descriptor: ModelDescriptor
) -> tuple[list[tuple[NDArray[np.float32], NDArray[np.float32]]], list[Window]]:
    """What a window of the result depends on: both views at each level, full size first.

    Also where in each level it lies.
    """
    levels = descriptor.levels_for(*pair.left.shape[:2])
    scales = list(zip(*(pyramid(view, levels) for view in (pair.left, pair.right)), strict=True))
    parts = plan_windows(window, [left.shape[:2] for left, _ in scales], descriptor)
    return [(a[part], b[part]) for (a, b), part in zip(scales, parts, strict=True)], parts


def pyramid(view: NDArray[np.float32], levels: int) -> list[NDArray[np.float32]]:
    """A view `H x W x 3`, sRGB-encoded, and `levels - 1` more, each of half the size before.

    Sizes are rounded up; the last row and column of an odd one count twice.
    """
    found = [view]
    for _ in range(levels - 1):
        found.append(_halved(found[-1]))
    return found


def _halved(view: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = view.shape[:2]
    result = np.empty((-(-height // 2), -(-width // 2), view.shape[2]), np.float32)
    for top in range(0, height, _ROWS):
        rows = view[top : top + _ROWS]
        half = halve(torch.from_numpy(rows).permute(2, 0, 1)[None])
        result[top // 2 : top // 2 + half.shape[2]] = half[0].permute(1, 2, 0).numpy()
    return result
