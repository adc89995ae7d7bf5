"""From linear light to the numbers of a picture file: noise, encoding, quantisation."""

from __future__ import annotations

import torch
from torch import Tensor

from dpdeblur.colour import linear_to_srgb


def add_sensor_noise(linear: Tensor, shot: Tensor, read: Tensor, rng: torch.Generator) -> Tensor:
    """Add Gaussian noise of variance `read^2 + shot * signal` to `N x C x H x W` linear light.

    `shot` and `read` have shape `N`; `read` is a standard deviation in units of white = 1.
    """
    variance = read.square()[:, None, None, None] + shot[:, None, None, None] * linear.clamp(min=0)
    noise = torch.randn(linear.shape, generator=rng, device=linear.device, dtype=linear.dtype)
    return linear + variance.sqrt() * noise


def encode(linear: Tensor, bits: int) -> Tensor:
    """Clip linear light to [0, 1], encode as sRGB and round to `bits` (8 or 16) bits."""
    steps: int = 2**bits - 1
    codes: Tensor = torch.round(linear_to_srgb(linear.clamp(0, 1)) * steps)
    return codes / steps
