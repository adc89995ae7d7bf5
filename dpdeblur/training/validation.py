"""Watching a run: the average network on pairs that it is not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from dpdeblur.colour import combine
from dpdeblur.device import autocast
from dpdeblur.evaluation import psnr
from dpdeblur.models import MCCNet
from dpdeblur.training.batches import Batch


@dataclass(frozen=True)
class ValidationScore:
    """Means over a set's pictures, in dB: of the network, and of the views merely combined."""

    psnr: float
    input_psnr: float


class Validator:
    """Named sets of pairs, each batch one pair whose sides the network can take as they are."""

    def __init__(self, sets: Mapping[str, Sequence[Batch]], precision: str = "fp32") -> None:
        self.sets, self.precision = dict(sets), precision
        self._inputs = {
            name: fmean(psnr_of(combine(pair.left, pair.right), pair.sharp) for pair in pairs)
            for name, pairs in self.sets.items()
        }

    def __call__(self, network: MCCNet) -> dict[str, ValidationScore]:
        """Score `network`, where it is, on each set."""
        return {
            name: ValidationScore(
                fmean(psnr_of(self._restore(network, pair), pair.sharp) for pair in pairs),
                self._inputs[name],
            )
            for name, pairs in self.sets.items()
        }

    def _restore(self, network: MCCNet, pair: Batch) -> Tensor:
        device = next(network.parameters()).device
        with torch.inference_mode(), autocast(device, self.precision):
            restored: Tensor = network(pair.left.to(device), pair.right.to(device))
        return restored.float().clamp(0, 1)


def psnr_of(picture: Tensor, truth: Tensor) -> float:
    """PSNR in dB of one `1 x 3 x H x W` picture in [0, 1]."""
    return psnr(*(p[0].permute(1, 2, 0).cpu().numpy() for p in (picture, truth)), data_range=1)
