"""A convolution over a large picture, band by band: what goes through it need not exist whole."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_PIXELS = 32768
"""In a band: few enough for the processor's cache, and for memory that is used again."""


def by_bands(layer: nn.Module, features: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Apply a 3x3 layer of the same size to `N x C x H x W`: rows, and the result in these rows."""
    if torch.compiler.is_exporting():  # the size is not known yet
        yield slice(None), layer(features)
        return
    height, width = features.shape[-2:]
    step = max(1, _PIXELS // (len(features) * width))
    for top in range(0, height, step):
        rows = slice(top, min(height, top + step))
        first = max(0, top - 1)
        band = features[..., first : rows.stop + 1, :]
        result = layer(band.contiguous(memory_format=torch.channels_last))
        yield rows, result[..., top - first :, :][..., : rows.stop - top, :]
