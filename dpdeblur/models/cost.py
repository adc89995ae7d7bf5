"""Parameters and multiply-adds, counted by tracing the network without allocating it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dpdeblur.models.config import PAPER, MCCNetConfig
from dpdeblur.models.cross_correlation import CrossCorrelation
from dpdeblur.models.fusion import ScaleFusion
from dpdeblur.models.mccnet import MCCNet
from dpdeblur.models.weights import load_model

TABLE_2 = {
    "MCCNet": PAPER,
    "No Multi-scale Fusion": replace(PAPER, use_msf=False),
    "No Cross-correlation": replace(PAPER, use_msf=False, use_cc=False),
    "No Multi-scale Feature Extraction": replace(
        PAPER, use_msf=False, use_cc=False, use_msfe=False
    ),
}
"""The rows of the paper's Table 2, each removing one more module."""
PAPER_COUNTS = {"parameters": 5.52e6, "multiply_adds": 978.79e9}
"""What the paper's Table 1 says of the whole network."""
HEIGHT, WIDTH = 1120, 1680
"""The picture's size in pixels for which it says so."""


@dataclass(frozen=True)
class Cost:
    """What one picture costs, all levels of a pyramid together.

    `convolution` and `attention` are multiply-adds; `biases` are the additions that the paper's
    count adds to the convolutions. Table 1 corresponds to `paper_count`: counters of its kind
    do not see the attention's matrix products. `transforms` is the Fourier transforms' cost, as
    multiply-adds: half of the usual 2.5 n log2(n) operations for n real numbers, twice that for as
    many complex ones.
    """

    parameters: int
    convolution: int
    biases: int
    attention: int
    transforms: int

    @property
    def total(self) -> int:
        """All multiply-adds."""
        return self.convolution + self.attention + self.transforms

    @property
    def paper_count(self) -> int:
        """Convolution multiply-adds plus bias additions: the convention of the paper's Table 1."""
        return self.convolution + self.biases

    def as_dict(self) -> dict[str, int]:
        """All of these by name, but the biases, which `paper_count` holds."""
        names = ("parameters", "convolution", "paper_count", "attention", "transforms", "total")
        return {name: getattr(self, name) for name in names}


def count_cost(
    config: MCCNetConfig | None = None, *, height: int = HEIGHT, width: int = WIDTH
) -> Cost:
    """Count what an MCCNet costs for one picture, without running it.

    The picture is padded as it is when restored, and counted at all the levels its size gets.

    Args:
        config: the network; None is the compact one.
        height: rows of the picture.
        width: columns of the picture.

    Returns:
        Parameters and multiply-adds.

    >>> from dpdeblur.models import PAPER
    >>> round(count_cost(PAPER, height=64, width=64).parameters / 1e6, 2)  # million
    5.52
    """
    convolution = biases = banded = 0

    def count_convolution(layer: nn.Conv2d, output: Tensor) -> None:
        nonlocal convolution, biases
        pixels = output.shape[-2] * output.shape[-1] * output.shape[0]
        convolution += layer.weight.numel() * pixels
        biases += layer.out_channels * pixels

    def count(module: nn.Module, _inputs: object, output: Any) -> None:
        nonlocal banded
        if isinstance(module, nn.Conv2d):
            count_convolution(module, output)
        elif isinstance(module, CrossCorrelation) and module.band:
            # The logits, and a sum over the band for each view.
            banded += 3 * (2 * module.band + 1) * output[0].numel()
        elif isinstance(module, ScaleFusion):
            # Runs as a sum over the maps, which saves 4 G; counted as the layer it stands for.
            count_convolution(module.reduce, output)

    with torch.device("meta"):
        network = MCCNet(config).eval()
    descriptor = network.descriptor
    levels = descriptor.levels_for(height, width)
    transforms = {
        torch.ops.aten._fft_r2c: _real_transform,
        torch.ops.aten._fft_c2r: _real_transform,
        torch.ops.aten._fft_c2c: _complex_transform,
    }
    for module in network.modules():
        module.register_forward_hook(count)
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=transforms) as counter:
        for level in range(levels):
            sides = (-(-side // 2**level) for side in (height, width))
            rows, columns = (
                -(-side // descriptor.multiple_of) * descriptor.multiple_of for side in sides
            )
            view = torch.empty(1, descriptor.channels, rows, columns, device="meta")
            half = torch.empty(1, descriptor.channels, rows // 2, columns // 2, device="meta")
            network.level(view, view, half if level < levels - 1 else None)
    operations = counter.get_flop_counts()["Global"]
    transformed = sum(n for op, n in operations.items() if "fft" in str(op)) // 2
    others = sum(n for op, n in operations.items() if "convolution" not in str(op)) // 2
    parameters = sum(parameter.numel() for parameter in network.parameters())
    attention = others - transformed + banded
    return Cost(parameters, convolution, biases, attention, transformed)


def count_costs(weights: str | Path | None = None) -> dict[str, Cost]:
    """Count the networks of TABLE_2, the compact one, and that of `weights` if given, by name.

    Raises WeightsError as `load_model` does.
    """
    networks = TABLE_2 | {"Compact MCCNet": MCCNetConfig()}
    if weights is not None:
        model = load_model(weights)
        networks[f"Weights {model.name}"] = model.network.config
    return {name: count_cost(config) for name, config in networks.items()}


def _real_transform(
    shape: Sequence[int], axes: Sequence[int], *_: object, out_shape: Sequence[int], **__: object
) -> int:
    """Operations of one transform from or to real numbers, whose shape is the larger one."""
    sides = [max(shape[axis], out_shape[axis]) for axis in axes]
    number = math.prod(sides)
    batch = math.prod(shape) // math.prod(shape[axis] for axis in axes)
    return int(2.5 * batch * number * math.log2(number))


def _complex_transform(
    shape: Sequence[int], axes: Sequence[int], *_: object, out_shape: Sequence[int], **__: object
) -> int:
    """Operations of one transform of complex numbers, twice those of as many real ones."""
    return 2 * _real_transform(shape, axes, out_shape=out_shape)
