"""Large pictures band by band: what goes through a convolution need not exist whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from dpdeblur.models.margin import NO_MARGIN, Margin

_PIXELS = 2**15
"""In a band on a CPU: few enough for its cache, and for memory that is used again."""


def by_rows(change: Callable[[Tensor], Tensor], picture: Tensor) -> Tensor:
    """Do something to each pixel of `... x C x H x W`: on a CPU some rows at once, in its cache.

    The result has the picture's type.
    """
    whole = picture.device.type != "cpu" or torch.compiler.is_exporting()
    if whole or picture.requires_grad or picture.numel() <= _PIXELS:
        return change(picture)
    *count, _, height, width = picture.shape
    result = torch.empty_like(picture)
    step = max(1, _PIXELS // (math.prod(count) * width))
    for top in range(0, height, step):
        result[..., top : top + step, :] = change(picture[..., top : top + step, :])
    return result


def by_bands(
    layer: nn.Module, features: Tensor, margin: Margin = NO_MARGIN
) -> Iterator[tuple[slice, Tensor]]:
    """Apply a 3x3 layer of the same size to `N x C x H x W`: rows, and the result in these rows.

    The result is in channels_last, whatever the layer's weights are in.

    A margin, here in pixels of the features, gets no result, and rows count from its inner edge.
    """
    if torch.compiler.is_exporting():  # the size is not known yet
        yield slice(None), layer(features)
        return
    nearest = margin.at_most(1)
    features = margin.trim(features, nearest)
    inside, _ = nearest.part(NO_MARGIN, features.shape)
    step = inside.stop - inside.start
    if features.device.type == "cpu":
        step = max(1, _PIXELS // (len(features) * features.shape[-1]))
    for top in range(inside.start, inside.stop, step):
        rows = slice(top, min(inside.stop, top + step))
        first = max(0, top - 1)
        result = layer(features[..., first : rows.stop + 1, :])
        result = result.contiguous(memory_format=torch.channels_last)
        _, columns = nearest.part(NO_MARGIN, result.shape)
        found = result[..., top - first :, columns][..., : rows.stop - top, :]
        yield slice(rows.start - inside.start, rows.stop - inside.start), found
