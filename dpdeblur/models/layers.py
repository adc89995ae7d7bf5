"""Convolution with activation, and the paper's initialisation: the bricks of every block."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_act(inputs: int, outputs: int, kernel: int, slope: float) -> nn.Sequential:
    """Same-size zero-padded convolution with bias, then LeakyReLU.

    The paper states the activation for encoder and decoder blocks; the other modules follow suit.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2),
        nn.LeakyReLU(slope, inplace=True),
    )


def he_initialise(network: nn.Module, slope: float) -> None:
    """He initialisation of all convolutions (Section 4.2), biases zero, for LeakyReLU `slope`.

    Weights without memory are left alone: for these PyTorch would load its compiler, which takes
    seconds and 80 MB.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
            nn.init.kaiming_normal_(module.weight, a=slope, nonlinearity="leaky_relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def widened(tensor: Tensor) -> Tensor:
    """The tensor in float32 if it is in half precision."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
