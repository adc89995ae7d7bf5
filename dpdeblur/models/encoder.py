"""The siamese encoder (Section 3.1): both views pass through the same weights."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.models.feature_extraction import MultiScaleFeatureExtraction
from dpdeblur.models.layers import conv_act


class EncoderBlock(nn.Module):
    """Conv-LeakyReLU-Conv-LeakyReLU, with Multi-scale Feature Extraction in blocks 3 and 4."""

    def __init__(self, inputs: int, middle: int, outputs: int, slope: float, msfe: bool) -> None:
        super().__init__()
        self.first = conv_act(inputs, middle, 3, slope)
        self.second = conv_act(middle, outputs, 3, slope)
        self.msfe = MultiScaleFeatureExtraction(outputs, slope) if msfe else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """From `N x inputs x H x W` to `N x outputs x H x W`."""
        encoded: Tensor = self.msfe(self.second(self.first(features)))
        return encoded


class SiameseEncoder(nn.Module):
    """Blocks 1 to 3, at scales 1, 1/2, 1/4, with max pooling between them.

    Views are stacked along the batch, which is what sharing parameters means. Block 4, which
    fuses the views, belongs to the network. The first convolution of a block keeps its input
    width (block 1: the stem's 16), the second widens, the one pattern the paper spells out;
    block 4 widens at once, which is what meets the paper's parameter count.
    """

    def __init__(
        self, channels: int, stem: int, widths: tuple[int, int, int], slope: float, use_msfe: bool
    ) -> None:
        super().__init__()
        first, second, third = widths
        self.blocks = nn.ModuleList(
            (
                EncoderBlock(channels, stem, first, slope, msfe=False),
                EncoderBlock(first, first, second, slope, msfe=False),
                EncoderBlock(second, second, third, slope, msfe=use_msfe),
            )
        )

    def forward(self, views: Tensor) -> list[Tensor]:
        """The outputs of blocks 1 to 3 for `N x channels x H x W` views."""
        maps = [self.blocks[0](views)]
        for block in self.blocks[1:]:
            maps.append(block(functional.max_pool2d(maps[-1], 2)))
        return maps
