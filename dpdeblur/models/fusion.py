"""Multi-scale Fusion module (Section 3.4, Figure 6)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.models.feature_extraction import MultiScaleFeatureExtraction


class ScaleFusion(nn.Module):
    """All maps brought to the scale of map `index`, concatenated, 1x1, MSFE, 1x1."""

    def __init__(
        self, widths: Sequence[int], index: int, width: int, slope: float, use_msfe: bool
    ) -> None:
        super().__init__()
        self.widths, self.index = list(widths), index
        self.reduce = nn.Conv2d(sum(widths), width, 1)
        self.act = nn.LeakyReLU(slope, inplace=True)
        self.msfe = MultiScaleFeatureExtraction(width, slope) if use_msfe else None
        self.expand = nn.Conv2d(width, widths[index], 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Fuse maps at scales 1, 1/2, 1/4 into one of the shape of map `index`."""
        # A 1x1 convolution of a concatenation is a sum over its parts, and it commutes with
        # bilinear upsampling: reducing a coarse map first saves a third of the peak memory.
        parts = torch.split(self.reduce.weight, self.widths, dim=1)
        total: Tensor | None = None
        for position, (features, weight) in enumerate(zip(maps, parts, strict=True)):
            steps = position - self.index
            bias = self.reduce.bias if steps == 0 else None
            if steps < 0:
                features = functional.avg_pool2d(features, 2**-steps)
            part = functional.conv2d(features, weight, bias)
            if steps > 0:
                part = functional.interpolate(part, scale_factor=2**steps, mode="bilinear")
            total = part if total is None else total + part
        assert total is not None
        fused: Tensor = self.act(total)
        if self.msfe is not None:
            fused = self.act(self.msfe(fused))
        expanded: Tensor = self.expand(fused)
        return expanded


class MultiScaleFusion(nn.Module):
    """Lets three maps at scales 1, 1/2, 1/4 inform each other; shapes are kept.

    Shared between the views. Down-scaling is average pooling (exact for aligned strips),
    up-scaling bilinear. The bottleneck widths between the two 1x1 convolutions are not stated;
    at the full skip widths this module alone would cost more than the paper's whole network.
    """

    def __init__(
        self, widths: Sequence[int], bottlenecks: Sequence[int], slope: float, use_msfe: bool
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            ScaleFusion(widths, index, width, slope, use_msfe)
            for index, width in enumerate(bottlenecks)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Fuse maps at scales 1, 1/2, 1/4; same shapes out."""
        return [scale(maps) for scale in self.scales]
