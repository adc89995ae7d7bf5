"""Large pictures band by band: what goes through a convolution need not exist whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.memory import own_block
from dpdeblur.models.margin import NO_MARGIN, Margin

_PIXELS = 2**15
"""In a band on a CPU: few enough for its cache, and for memory that is used again."""
_FEW = 2**15
"""Numbers that bands are not worth."""
_BLOCK, _ENLARGED = 2**22, 2**18
"""Numbers in a band that computes some rows twice, and in one that becomes larger."""


def at_once(tensor: Tensor) -> bool:
    """Whether bands are of no use: off the CPU, with a gradient, for a graph, for few numbers."""
    whole = tensor.device.type != "cpu" or torch.compiler.is_exporting()
    return whole or tensor.requires_grad or tensor.numel() <= _FEW


def by_rows(change: Callable[[Tensor], Tensor], picture: Tensor) -> Tensor:
    """Do something to each pixel of `... x C x H x W`: on a CPU some rows at once, in its cache.

    The result has the picture's type.
    """
    if picture.is_meta:  # only its shape counts, and to trace the change takes long
        return torch.empty_like(picture)
    if at_once(picture):
        return change(picture)
    *count, _, height, width = picture.shape
    result = own_block(picture.shape, picture)
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


def joined(bands: Iterator[tuple[slice, Tensor]], height: int) -> Tensor:
    """Bands, each `N x C x rows x W`, of a picture of that height, as one in channels_last.

    On a CPU and without gradients each is put in its place as it comes, so that nothing exists
    twice.
    """
    rows, band = next(bands)
    if band.shape[-2] == height:
        return band
    if torch.is_grad_enabled():
        return torch.cat([band, *(more for _, more in bands)], 2)
    count, channels, _, width = band.shape
    whole = own_block((count, height, width, channels), band).permute(0, 3, 1, 2)
    whole[..., rows, :] = band
    for rows, band in bands:
        whole[..., rows, :] = band
    return whole


def add_by_bands(change: Callable[[Tensor], Tensor], features: Tensor, reach: int) -> Tensor:
    """Features `N x C x H x W` plus what `change` makes of them.

    `change` keeps the size, and sees `reach` rows above and below. On a CPU and without gradients,
    the result may be written over the features.
    """
    if torch.is_grad_enabled() or at_once(features):
        return change(features).add_(features)
    height = features.shape[-2]
    bands = -(-features.numel() // _BLOCK)
    # Equally high, as each computes some rows twice; and no band reads of two others.
    step = max(reach, -(-height // bands))
    waiting: list[tuple[Tensor, Tensor]] = []
    for top in range(0, height, step):
        first, last = max(0, top - reach), min(height, top + step)
        added = change(features[..., first : last + reach, :])
        # The band before is complete only now that nobody needs what it was.
        for place, more in waiting:
            place.add_(more)
        waiting = [(features[..., top:last, :], added[..., top - first : last - first, :])]
    for place, more in waiting:
        place.add_(more)
    return features


def add_enlarged(layer: Callable[[Tensor], Tensor], features: Tensor, finer: Tensor) -> Tensor:
    """`finer`, `N x D x 2 H x 2 W`, plus what `layer` makes of features `N x C x H x W`, enlarged.

    `layer` sees one pixel, and its channels become 2x2 pixels. On a CPU and without gradients, the
    result may be written over `finer`.
    """
    if torch.is_grad_enabled() or at_once(features):
        return functional.pixel_shuffle(layer(features), 2).add_(finer)
    height = features.shape[-2]
    step = max(1, _ENLARGED * height // features.numel())
    for top in range(0, height, step):
        enlarged = functional.pixel_shuffle(layer(features[..., top : top + step, :]), 2)
        finer[..., 2 * top : 2 * (top + step), :].add_(enlarged)
    return finer
