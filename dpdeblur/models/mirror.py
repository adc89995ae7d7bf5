"""Mirror images of a scene. What a network makes of them differs; the mean of all is better."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# The axes along which scenes are mirrored: not at all, left to right, upside down, both.
MIRRORED: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-1, -2))

Restore = Callable[[Tensor, Tensor, Tensor | None, tuple[int, ...]], Tensor]
"""What restores two views, given a coarser result, of a scene that is mirrored along some axes."""


def mirrored_mean(restore: Restore, left: Tensor, right: Tensor, coarser: Tensor | None) -> Tensor:
    """The mean of what `restore` makes of a scene and its mirror images, each mirrored back.

    Views and result are `N x 3 x H x W`.
    """
    total = torch.zeros(())
    for axes in MIRRORED:
        # The right view of a scene mirrored left to right is the mirrored left view.
        first, second = (right, left) if -1 in axes else (left, right)
        half = None if coarser is None else coarser.flip(axes)
        total = total + restore(first.flip(axes), second.flip(axes), half, axes).flip(axes)
    return total / len(MIRRORED)
