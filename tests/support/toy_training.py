"""A tiny network, its recipe and pairs of noise to train it."""

from __future__ import annotations

import dataclasses

import torch

from dpdeblur.models import PAPER
from dpdeblur.training import Batch, Stage, TrainConfig

NETWORK = dataclasses.replace(
    PAPER,
    stem_width=4,
    encoder_widths=(4, 4, 4, 8),
    fusion_widths=(2, 2, 2),
    decoder_widths=(4, 4, 4),
    tail_width=4,
)
CONFIG = TrainConfig(
    steps=4,
    warm_up=2,
    rate=1e-2,
    ema=0.0,
    ms_ssim=0.5,
    precision="fp32",
    stages=(Stage(0, 16, 16, 2),),
    model=NETWORK,
)


class Noise:
    """Pairs of smooth noise: a batch depends on its number alone."""

    device = torch.device("cpu")

    def __init__(self, crops: int = 0) -> None:
        self.crops = crops

    def __len__(self) -> int:
        return self.crops

    def check_size(self, size: tuple[int, int]) -> None: ...

    def fingerprint(self) -> str:
        return "noise"

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        rng = torch.Generator().manual_seed(step)
        sharp = torch.rand(count, 3, *size, generator=rng)
        left, right = (
            torch.nn.functional.avg_pool2d(sharp.roll(shift, -1), 3, 1, 1) for shift in (1, -1)
        )
        return Batch(left, right, sharp)
