"""Convolution by fast Fourier transforms: sizes, and kernels as spectra."""

from __future__ import annotations

import itertools

import torch
from scipy.fft import next_fast_len
from torch import Tensor


def fast_size(height: int, width: int) -> tuple[int, int]:
    """The least sides that are not smaller and fast to transform."""
    return next_fast_len(height, real=True), next_fast_len(width, real=True)


def spectra(kernels: Tensor, size: tuple[int, int]) -> Tensor:
    """Kernels `... x K x K`, K odd, as real spectra `... x h x (w // 2 + 1)` of a `size`.

    Their middle is at the origin, so that their product with a picture's spectrum is a circular
    convolution that does not shift it: K // 2 pixels at each border are mixed with the opposite's.
    """
    reach = kernels.shape[-1] // 2
    placed = kernels.new_zeros(*kernels.shape[:-2], *size)
    halves = [
        ((slice(reach, None), slice(reach + 1)), (slice(reach), slice(side - reach, None)))
        for side in size
    ]
    for (rows, down), (columns, along) in itertools.product(*halves):
        placed[..., down, along] = kernels[..., rows, columns]
    spectrum: Tensor = torch.fft.rfft2(placed)
    return spectrum


def power(left: Tensor, right: Tensor) -> Tensor:
    """|K_L|^2 + |K_R|^2 of both views' spectra, without the roots that abs() takes."""
    both = (kernels.real.square() + kernels.imag.square() for kernels in (left, right))
    return torch.add(*both)
