"""Multi-scale Feature Extraction module (Section 3.3, Figure 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dpdeblur.models.layers import conv_act


class MultiScaleFeatureExtraction(nn.Module):
    """Two rounds of parallel 3x3 and 5x5 convolutions, merged by a 1x1; `N x C x H x W` kept.

    Each round's outputs are concatenated, so the second round works at twice the width, as in
    the multi-scale residual block the paper cites; narrower readings cannot reach the paper's
    parameter count. That block's inner residual is not in the paper's text and is left out.
    """

    def __init__(self, channels: int, slope: float) -> None:
        super().__init__()
        double = 2 * channels
        self.first3 = conv_act(channels, channels, 3, slope)
        self.first5 = conv_act(channels, channels, 5, slope)
        self.second3 = conv_act(double, double, 3, slope)
        self.second5 = conv_act(double, double, 5, slope)
        self.merge = nn.Conv2d(2 * double, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features in, features of the same shape out."""
        first = torch.cat((self.first3(features), self.first5(features)), dim=1)
        second = torch.cat((self.second3(first), self.second5(first)), dim=1)
        merged: Tensor = self.merge(second)
        return merged
