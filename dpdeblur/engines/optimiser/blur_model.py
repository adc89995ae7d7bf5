"""What both views see of a picture and a defocus map, as a linear map of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.optics import Blur

_RINGING = 16
"""Pixels added to the halo, as an inverse filter reaches farther than the kernel."""


def shares(defocus: Tensor, radii: Sequence[float]) -> Tensor:
    """Each layer's share of a pixel, `L x H x W`: linear between the two nearest.

    `defocus` is `H x W`; `radii` fall evenly, back to front.
    """
    if len(radii) == 1:
        return torch.ones_like(defocus)[None]
    position = _position(defocus, radii)
    return (1 - (position - _indices(position, len(radii))).abs()).clamp(min=0)


def share_slopes(defocus: Tensor, radii: Sequence[float]) -> Tensor:
    """How `shares` change with the radius, `L x H x W`; at the ends inwards, beyond not at all."""
    if len(radii) == 1:
        return torch.zeros_like(defocus)[None]
    position = _position(defocus, radii)
    farther = position.floor().clamp(max=len(radii) - 2)
    indices = _indices(position, len(radii))
    slopes = (indices == farther).to(position) - (indices == farther + 1).to(position)
    inside = (defocus <= radii[0]) & (defocus >= radii[-1])
    return slopes * inside / (radii[0] - radii[1])


def _position(defocus: Tensor, radii: Sequence[float]) -> Tensor:
    """Number of the layer, with what lies between two."""
    return ((radii[0] - defocus) / (radii[0] - radii[1])).clamp(0, len(radii) - 1)


def _indices(like: Tensor, count: int) -> Tensor:
    return torch.arange(count, dtype=like.dtype, device=like.device)[:, None, None]


class LayeredBlur(Blur):
    """What both views see of one picture that is spread over layers by known shares.

    This is the MPI of Xin et al. with one colour for all layers at a pixel.

    Args:
        shares: `L x H x W`, summing to one over the layers.
        radii: the layers' signed radii in pixels of the frame before the lens's reduction.
        lens: the kernels.
    """

    def __init__(self, shares: Tensor, radii: Sequence[float], lens: Lens) -> None:
        self.radii = tuple(radii)
        shape = (shares.shape[1], shares.shape[2])
        kernels = [lens.kernels(radius).to(shares.device) for radius in radii]
        super().__init__(shape, lens.grid(*shape), kernels, shares, _RINGING)
