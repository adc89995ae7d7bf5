"""Parameters and multiply-adds, counted by tracing the network without allocating it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dpdeblur.models.config import MCCNetConfig
from dpdeblur.models.fusion import ScaleFusion
from dpdeblur.models.mccnet import MCCNet

TABLE_2 = {
    "MCCNet": MCCNetConfig(),
    "No Multi-scale Fusion": MCCNetConfig(use_msf=False),
    "No Cross-correlation": MCCNetConfig(use_msf=False, use_cc=False),
    "No Multi-scale Feature Extraction": MCCNetConfig(use_msf=False, use_cc=False, use_msfe=False),
}
"""The rows of the paper's Table 2, each removing one more module."""


@dataclass(frozen=True)
class Cost:
    """What one picture costs.

    `convolution` and `attention` are multiply-adds; `biases` are the additions that the paper's
    count adds to the convolutions. Table 1 corresponds to `paper_count`: counters of its kind
    do not see the attention's matrix products.
    """

    parameters: int
    convolution: int
    biases: int
    attention: int

    @property
    def paper_count(self) -> int:
        """Convolution multiply-adds plus bias additions: the convention of the paper's Table 1."""
        return self.convolution + self.biases


def count_cost(
    config: MCCNetConfig | None = None, *, height: int = 1120, width: int = 1680
) -> Cost:
    """Count an MCCNet's cost for one `height` x `width` picture (multiples of 8)."""
    convolution = biases = 0

    def count_convolution(layer: nn.Conv2d, output: Tensor) -> None:
        nonlocal convolution, biases
        pixels = output.shape[-2] * output.shape[-1] * output.shape[0]
        convolution += layer.weight.numel() * pixels
        biases += layer.out_channels * pixels

    def count(module: nn.Module, _inputs: object, output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            count_convolution(module, output)
        elif isinstance(module, ScaleFusion):
            # Runs as a sum over the maps, which saves 4 G; counted as the layer it stands for.
            count_convolution(module.reduce, output)

    with torch.device("meta"):
        network = MCCNet(config).eval()
        view = torch.empty(1, network.descriptor.channels, height, width)
    for module in network.modules():
        module.register_forward_hook(count)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(view, view)
    operations = counter.get_flop_counts()["Global"]
    attention = sum(n for op, n in operations.items() if "convolution" not in str(op)) // 2
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Cost(parameters, convolution, biases, attention)
