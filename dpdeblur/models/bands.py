"""Large pictures band by band: what goes through a convolution need not exist whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.models.margin import NO_MARGIN, Margin

_PIXELS = 2**15
"""In a band on a CPU: few enough for its cache, and for memory that is used again."""


def at_once(tensor: Tensor) -> bool:
    """Whether bands are of no use: not on a CPU, with a gradient, for a graph, or for so little."""
    whole = tensor.device.type != "cpu" or torch.compiler.is_exporting()
    return whole or tensor.requires_grad or tensor.numel() <= _PIXELS


def by_rows(change: Callable[[Tensor], Tensor], picture: Tensor) -> Tensor:
    """Do something to each pixel of `... x C x H x W`: on a CPU some rows at once, in its cache.

    The result has the picture's type.
    """
    if at_once(picture):
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


def add_by_bands(change: Callable[[Tensor], Tensor], features: Tensor, reach: int) -> Tensor:
    """Features `N x C x H x W` plus what `change` makes of them, written over them on a CPU.

    `change` keeps the size, and sees `reach` rows above and below.
    """
    if at_once(features):
        return change(features).add_(features)
    count, _, height, width = features.shape
    bands = -(-count * height * width // (2 * _PIXELS))
    step = -(-height // bands)  # equally high, as each computes some rows twice
    waiting: tuple[Tensor, Tensor] | None = None
    for top in range(0, height, step):
        stop, first = min(height, top + step), max(0, top - reach)
        added = change(features[..., first : stop + reach, :])[..., top - first :, :]
        # The band before is complete only now that nobody needs what it was.
        if waiting is not None:
            waiting[0].add_(waiting[1])
        waiting = features[..., top:stop, :], added[..., : stop - top, :]
    if waiting is not None:
        waiting[0].add_(waiting[1])
    return features


def add_enlarged(
    layer: Callable[[Tensor], Tensor],
    features: Tensor,
    finer: Tensor,
    margins: tuple[Margin, Margin],
    scale: int,
) -> Tensor:
    """`finer` plus what `layer` makes of features, enlarged, written over it on a CPU.

    `layer` sees one pixel of `N x C x H x W`, and its channels become 2x2 pixels. The margins are
    those of the features and of `finer`, which is `scale` times as small as the full size.
    """
    outer, inner = margins
    if at_once(features):
        enlarged = functional.pixel_shuffle(layer(features), 2)
        return outer.trim(enlarged, inner, scale).add_(finer)
    count, _, height, width = features.shape
    rows, columns = outer.part(inner, (2 * height, 2 * width), scale)
    step = max(1, _PIXELS // (4 * count * width))
    for top in range(0, height, step):
        stop = min(height, top + step)
        enlarged = functional.pixel_shuffle(layer(features[..., top:stop, :]), 2)
        first, last = max(rows.start, 2 * top), min(rows.stop, 2 * stop)
        if first < last:
            place = finer[..., first - rows.start : last - rows.start, :]
            place.add_(enlarged[..., first - 2 * top : last - 2 * top, columns])
    return finer
