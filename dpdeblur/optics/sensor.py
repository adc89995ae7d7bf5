"""From linear light to the numbers of a picture file: blur in focus, noise, encoding, rounding."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dpdeblur.colour import linear_to_srgb
from dpdeblur.optics.tone import add_contrast

_REACH = 6  # three standard deviations


def spread_light(linear: Tensor, spread: Tensor) -> Tensor:
    """Blur `N x C x H x W` linear light by Gaussians, as a camera does what is in focus, too.

    `spread`, `N` standard deviations in pixels in [0, 2], stands for diffraction, the low-pass
    filter and demosaicing together. The Gaussian is sampled at whole pixels, so that 0.5 blurs by
    0.46 and 0.3 by 0.09. Borders are repeated.
    """
    count, channels, height, width = linear.shape
    places = torch.arange(-_REACH, _REACH + 1, dtype=linear.dtype, device=linear.device)
    exponents = -0.5 * (places / spread.clamp(min=1e-3)[:, None]).square()
    kernels = exponents.softmax(1).repeat_interleave(channels, 0)
    frames = linear.reshape(1, count * channels, height, width)
    down, along = (0, 0, _REACH, _REACH), (_REACH, _REACH, 0, 0)
    for padding, weights in ((down, kernels[:, None, :, None]), (along, kernels[:, None, None])):
        padded = functional.pad(frames, padding, mode="replicate")
        frames = functional.conv2d(padded, weights, groups=count * channels)
    return frames.view_as(linear)


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
