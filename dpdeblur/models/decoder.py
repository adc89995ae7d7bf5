"""The decoder (Section 3.1): upsample, merge the skips, convolve."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.models.layers import conv_act


class DecoderBlock(nn.Module):
    """Bilinear upsampling by two; 1x1 merge of the skips; 5x5, then 3x3 convolution.

    "A 1x1 convolution layer to merge the skip connections" is read as merging the two views'
    skips into one, which is then concatenated to the upsampled map.
    """

    def __init__(self, inputs: int, skips: int, skip: int, outputs: int, slope: float) -> None:
        super().__init__()
        self.merge = conv_act(skips * skip, skip, 1, slope)
        self.first = conv_act(inputs + skip, outputs, 5, slope)
        self.second = conv_act(outputs, outputs, 3, slope)

    def forward(self, features: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """From `N x inputs x H x W` and skips at twice that size to `N x outputs x 2H x 2W`."""
        upsampled = functional.interpolate(features, scale_factor=2.0, mode="bilinear")
        merged = self.merge(torch.cat(tuple(skips), dim=1))
        decoded: Tensor = self.second(self.first(torch.cat((upsampled, merged), dim=1)))
        return decoded
