"""The S-curve that cameras' picture styles lay over sRGB, and its inverse."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def add_contrast(encoded: Tensor, contrast: Tensor | float) -> Tensor:
    """Bend encoded values x in [0, 1] (any shape) by contrast x (1 - x) (2 x - 1).

    `contrast`, in [-1, 1], broadcasts: above 0 an S-curve that leaves black, middle and white where
    they are. Pictures of a Canon 5D Mark IV developed with its standard style are explained best by
    0.3 to 0.6.
    """
    if not isinstance(contrast, Tensor) and contrast == 0:
        return encoded
    return encoded.lerp(encoded.square().mul_(torch.rsub(encoded, 3, alpha=2)), contrast)


def remove_contrast(encoded: Tensor, contrast: float) -> Tensor:
    """The values (any shape) from which `add_contrast` makes `encoded`, in [0, 1].

    `contrast` is in [0, 1). Above 0, what lies outside [0, 1] becomes black or white. With
    u = x - 1/2, the curve is the cubic (1 + contrast / 2) u - 2 contrast u^3, which Viete's formula
    solves.

    >>> import torch
    >>> values = torch.tensor([0.0, 0.2, 0.5, 0.9])
    >>> torch.allclose(remove_contrast(add_contrast(values, 0.4), 0.4), values, atol=1e-6)
    True
    """
    if contrast == 0:
        return encoded
    widest = 2 * math.sqrt((1 + contrast / 2) / (6 * contrast))
    scale = 2 / (contrast * widest**3)
    angle = ((encoded.clamp(0, 1) - 0.5) * scale).clamp(-1, 1).asin()
    return 0.5 + widest * (angle / 3).sin()
