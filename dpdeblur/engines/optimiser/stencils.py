"""What a pixel and those around it make: differences, and Gaussian windows."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gradient(picture: Tensor) -> Tensor:
    """Differences to the right and to below, `N x H x W` to `2 x N x H x W`; 0 at the borders."""
    return torch.stack(
        (
            torch.diff(picture, dim=-1, append=picture[..., -1:]),
            torch.diff(picture, dim=-2, append=picture[..., -1:, :]),
        )
    )


def gradient_adjoint(differences: Tensor) -> Tensor:
    """The transpose of `gradient`."""
    picture = torch.zeros_like(differences[0])
    along, down = differences[0][..., :-1], differences[1][..., :-1, :]
    picture[..., 1:] += along
    picture[..., :-1] -= along
    picture[..., 1:, :] += down
    picture[..., :-1, :] -= down
    return picture


def gradient_diagonal(weights: Tensor) -> Tensor:
    """The diagonal of gradient_adjoint(weights * gradient(...)), `2 x N x H x W` to `N x H x W`."""
    along, down = weights[0][..., :-1], weights[1][..., :-1, :]
    total = torch.zeros_like(weights[0])
    total[..., :-1] += along
    total[..., 1:] += along
    total[..., :-1, :] += down
    total[..., 1:, :] += down
    return total


def gaussian(pictures: Tensor, deviation: float) -> Tensor:
    """Gaussian blur of `... x H x W`, borders repeated."""
    down, along = (_window(side, deviation, pictures) for side in pictures.shape[-2:])
    return down @ pictures @ along.T


def _window(side: int, deviation: float, like: Tensor) -> Tensor:
    """The blur of one axis as a matrix: for many pictures far quicker than convolution."""
    reach = math.ceil(3 * deviation)
    offset = torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device)
    kernel = torch.exp(-offset.square() / (2 * deviation**2))
    pixels = torch.arange(side, device=like.device)
    seen = (pixels[:, None] + offset.long()).clamp(0, side - 1)
    matrix = like.new_zeros(side, side)
    return matrix.scatter_add_(1, seen, (kernel / kernel.sum()).expand(side, -1))
