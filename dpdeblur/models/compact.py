"""The compact body: a small residual U-Net at half resolution, and the views' cross-correlation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.models.bands import add_by_bands, add_enlarged, by_bands, joined
from dpdeblur.models.config import MCCNetConfig, body_reaches
from dpdeblur.models.cross_correlation import CrossCorrelation
from dpdeblur.models.layers import conv_act
from dpdeblur.models.margin import NO_MARGIN, Margin

# The views differ little, and that is what counts: it enters about as strong as brightness does.
_VIEW_GAIN = 3.0


class ResidualBlock(nn.Module):
    """x + 3x3 (LeakyReLU (3x3 x)), the identity at the start; `N x C x H x W` kept.

    On a CPU and without gradients, the result may be written over the features.
    """

    def __init__(self, channels: int, slope: float) -> None:
        super().__init__()
        self.first = conv_act(channels, channels, 3, slope)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Features in, features of the same shape out."""
        return add_by_bands(lambda part: self.second(self.first(part)), features, reach=2)


class Halved(nn.Conv2d):
    """1x1 after `pixel_unshuffle` by two, as the convolution with a stride that this is.

    So nothing needs to be rearranged.
    """

    def forward(self, features: Tensor) -> Tensor:
        """From `N x C x H x W`, of which it has 4 C inputs, to `N x outputs x H/2 x W/2`."""
        weight = self.weight.view(self.out_channels, -1, 2, 2)
        return functional.conv2d(features, weight, self.bias, stride=2)


class ViewCorrelation(nn.Module):
    """Each view's features at 1/2 and 1/4 by shared weights, correlated in a band at both scales.

    The paper's siamese encoder and Cross-correlation (Sections 3.1 and 3.2), small: two
    convolutions at each scale, whose features are projected as they are.
    """

    def __init__(self, config: MCCNetConfig, channels: int) -> None:
        super().__init__()
        slope, (half, quarter) = config.negative_slope, config.view_widths
        self.encode = nn.ModuleList(
            (
                nn.Sequential(
                    conv_act(4 * channels, half, 3, slope), conv_act(half, half, 3, slope)
                ),
                nn.Sequential(
                    conv_act(4 * half, quarter, 1, slope), conv_act(quarter, quarter, 3, slope)
                ),
            )
        )
        self.correlate = nn.ModuleList(
            CrossCorrelation(width, slope, band, refine=False)
            for width, band in zip(config.view_widths, config.bands, strict=True)
        )
        self.merge = nn.ModuleList(
            nn.Conv2d(2 * width + 2 * band + 1, out, 1)
            for width, band, out in zip(
                config.view_widths, config.bands, config.widths[:2], strict=True
            )
        )

    def forward(self, left: Tensor, right: Tensor) -> list[Tensor]:
        """What to add to the trunk at 1/2 and 1/4, from `N x 3 x H x W` views."""
        mean = (left + right) / 2
        views = torch.cat([mean + _VIEW_GAIN * (view - mean) for view in (left, right)])
        found = []
        for encode, correlate, merge in zip(self.encode, self.correlate, self.merge, strict=True):
            views = encode(functional.pixel_unshuffle(views, 2))
            first, second, logits = correlate(*views.chunk(2))
            found.append(merge(torch.cat((first, second, logits), 1)))
        return found


class CompactBody(nn.Module):
    """From `inputs` to `outputs` channels at half resolution.

    Scales change by rearranging 2x2 pixels into channels and back, with 1x1 convolutions. `reach`
    is how much margin its input needs at most, in pixels of the full size.
    """

    def __init__(self, config: MCCNetConfig, channels: int, inputs: int, outputs: int) -> None:
        super().__init__()
        slope, (half, quarter, eighth) = config.negative_slope, config.widths

        def blocks(index: int) -> nn.Sequential:
            return nn.Sequential(
                *(ResidualBlock(config.widths[index], slope) for _ in range(config.blocks[index]))
            )

        self.stem = conv_act(inputs, half, 3, slope)
        self.correlation = ViewCorrelation(config, channels) if config.use_cc else None
        self.down = nn.ModuleList((Halved(4 * half, quarter, 1), Halved(4 * quarter, eighth, 1)))
        self.up = nn.ModuleList(
            (nn.Conv2d(quarter, 4 * half, 1), nn.Conv2d(eighth, 4 * quarter, 1))
        )
        self.encoder = nn.ModuleList((blocks(0), blocks(1)))
        self.bottleneck = blocks(2)
        self.decoder = nn.ModuleList((blocks(0), blocks(1)))
        self.head = nn.Conv2d(half, outputs, 3, padding=1)
        # In whole pixels of the scales that these parts begin at.
        self.reach, *self._reaches = (
            scale * math.ceil(reach / scale)
            for scale, reach in zip((8, 8, 4), body_reaches(config), strict=True)
        )

    def start_small(self) -> None:
        """Begin with blocks that change nothing and an output of zero.

        Its bias is left alone.
        """
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                nn.init.zeros_(module.second.weight)
        if self.correlation is not None:
            for merge in self.correlation.merge:
                nn.init.zeros_(merge.get_parameter("weight"))
        nn.init.zeros_(self.head.weight)

    def forward(
        self, left: Tensor, right: Tensor, pictures: Tensor, margin: Margin = NO_MARGIN
    ) -> Iterator[tuple[slice, Tensor]]:
        """Rows at half the size, and the output there, both inside the margin.

        Args:
            left: the left view, `N x 3 x H x W`, with the margin.
            right: the right view, likewise.
            pictures: at half their size, with `reach` of the margin at most.
            margin: what of the views is outside.
        """
        inner = margin.at_most(self.reach)
        features = joined(by_bands(self.stem, pictures), pictures.shape[-2])
        seen = self.correlation(left, right) if self.correlation is not None else [None, None]
        skips = []
        for scale, encode, down, more in zip((2, 4), self.encoder, self.down, seen, strict=True):
            if more is not None:
                features = features + margin.trim(more, inner, scale)
            for block in encode.children():  # one by one, so that no module holds what came in
                features = block(features)
            skips.append(features)
            features = down(features)
        features = self.bottleneck(features)
        outer = inner
        for scale, reach, decode, up in zip(
            (4, 2), self._reaches, reversed(self.decoder), reversed(self.up), strict=True
        ):
            nearer = outer.at_most(reach)
            features = outer.trim(features, nearer, 2 * scale)
            features = add_enlarged(up, features, inner.trim(skips.pop(), nearer, scale))
            outer = nearer
            for block in decode.children():
                features = block(features)
        yield from by_bands(self.head, features, Margin(*(side // 2 for side in outer)))
