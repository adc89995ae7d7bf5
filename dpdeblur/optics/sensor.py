"""From linear light to the numbers of a picture file: noise, encoding, quantisation."""

from __future__ import annotations

import torch
from torch import Tensor

from dpdeblur.colour import linear_to_srgb
from dpdeblur.optics.tone import add_contrast


def add_sensor_noise(linear: Tensor, shot: Tensor, read: Tensor, rng: torch.Generator) -> Tensor:
    """Add Gaussian noise of variance `read^2 + shot * signal` to `N x C x H x W` linear light.

    `shot` and `read` have shape `N`; `read` is a standard deviation in units of white = 1.
    """
    variance = read.square()[:, None, None, None] + shot[:, None, None, None] * linear.clamp(min=0)
    noise = torch.randn(linear.shape, generator=rng, device=linear.device, dtype=linear.dtype)
    return linear + variance.sqrt() * noise


def encode(linear: Tensor, bits: int, contrast: Tensor | None = None) -> Tensor:
    """Clip linear light to [0, 1], encode as sRGB and round to `bits` (8 or 16) bits.

    `contrast`, one number in [-1, 1] for each of N pictures, bends the encoded values before they
    are rounded (see `add_contrast`).
    """
    steps: int = 2**bits - 1
    values = linear_to_srgb(linear.clamp(0, 1))
    if contrast is not None:
        values = add_contrast(values, contrast[:, None, None, None])
    codes: Tensor = torch.round(values * steps)
    return codes / steps
