"""The body of MCCNet as the paper has it (Swami, Figure 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.models.config import MCCNetConfig
from dpdeblur.models.cross_correlation import CrossCorrelation
from dpdeblur.models.decoder import DecoderBlock
from dpdeblur.models.encoder import EncoderBlock, SiameseEncoder
from dpdeblur.models.fusion import MultiScaleFusion
from dpdeblur.models.layers import conv_act, he_initialise

# Local contrast in photographs (standard deviation 0.02 to 0.08 within 3x3 pixels) is weak beside
# what He's analysis assumes of an input; found by trial.
_START_GAIN = 5.0


class PaperBody(nn.Module):
    """The network of Figure 2, in the reading `MCCNetConfig` describes.

    Cross-correlation runs at blocks 2 and 3 on the skips only; the trunk to block 4 stays with
    each view's own features (the figure is open on this; it keeps the halo at 112 rows). Block 4
    "fuses the left and right features": they are concatenated and brought to one view's width by
    a 1x1 convolution before it. Without Cross-correlation (Table 2) the views are concatenated
    and one encoder reads six channels.
    """

    def __init__(self, config: MCCNetConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        slope = config.negative_slope
        skip_widths, fourth = config.encoder_widths[:3], config.encoder_widths[3]
        self.branches = 2 if config.use_cc else 1
        self.encoder = SiameseEncoder(
            channels * 2 // self.branches, config.stem_width, skip_widths, slope, config.use_msfe
        )
        if config.use_cc:
            self.correlate = nn.ModuleList(CrossCorrelation(c, slope) for c in skip_widths[1:])
            self.join: nn.Module = conv_act(2 * skip_widths[2], skip_widths[2], 1, slope)
        else:
            self.join = nn.Identity()
        self.bottleneck = EncoderBlock(skip_widths[2], fourth, fourth, slope, config.use_msfe)
        if config.use_msf:
            self.fusion = MultiScaleFusion(
                skip_widths, config.fusion_widths, slope, config.use_msfe
            )
        inputs = (fourth, *config.decoder_widths[:-1])
        self.decoder = nn.ModuleList(
            DecoderBlock(into, self.branches, skip, out, slope)
            for into, skip, out in zip(
                inputs, reversed(skip_widths), config.decoder_widths, strict=True
            )
        )
        self.tail = nn.Sequential(
            conv_act(config.decoder_widths[2], config.tail_width, 3, slope),
            nn.Conv2d(config.tail_width, channels, 3, padding=1),
        )
        he_initialise(self, slope)
        if config.residual:
            self._start_at_the_input()

    def _start_at_the_input(self) -> None:
        """Begin with a residual of zero, made of detail rather than of brightness.

        The first filters lose their mean, so that flat regions (but at the picture's border) give
        no features at all: else brightness, with a hundred times the energy of the detail that a
        residual is made of, swamps early training.
        """
        first = self.encoder.get_parameter("blocks.0.first.0.weight")
        with torch.no_grad():
            first.copy_(_START_GAIN * (first - first.mean((2, 3), keepdim=True)))
        nn.init.zeros_(self.output_layer.weight)

    @property
    def output_layer(self) -> nn.Conv2d:
        """The last convolution; zero weights make a residual network return the combined view."""
        layer = self.tail[-1]
        assert isinstance(layer, nn.Conv2d)
        return layer

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Two `N x 3 x H x W` views to the same shape, H and W multiples of 8."""
        views = torch.cat((left, right), dim=0 if self.config.use_cc else 1)
        maps = self.encoder(views)
        trunk = functional.max_pool2d(maps[-1], 2)
        features = self.bottleneck(self.join(torch.cat(trunk.chunk(self.branches), dim=1)))

        if self.config.use_cc:
            for index, correlate in enumerate(self.correlate, start=1):
                maps[index] = torch.cat(correlate(*maps[index].chunk(2)))
        if self.config.use_msf:
            maps = self.fusion(maps)

        for block in self.decoder:
            features = block(features, maps.pop().chunk(self.branches))
        output: Tensor = self.tail(features)
        return output
