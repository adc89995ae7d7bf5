"""sRGB (IEC 61966-2-1): its transfer curve, for NumPy arrays and torch tensors, and luminance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    ArrayT = TypeVar("ArrayT", NDArray[np.float32], NDArray[np.float64], torch.Tensor)
else:
    ArrayT = TypeVar("ArrayT")


def srgb_to_linear(encoded: ArrayT) -> ArrayT:
    """Decode sRGB values in [0, 1] (any shape) to linear light in [0, 1]; negatives are linear."""
    curve = _power(_affine(encoded.clip(0.04045), 1 / 1.055, 0.055 / 1.055), 2.4)
    linear: ArrayT = _where(encoded <= 0.04045, encoded / 12.92, curve)
    return linear


def linear_to_srgb(linear: ArrayT) -> ArrayT:
    """Encode linear light in [0, 1] (any shape) as sRGB in [0, 1]; negatives stay linear."""
    curve = _affine(_power(linear.clip(0.0031308), 1 / 2.4), 1.055, -0.055)
    line: Any = linear * 12.92
    # The curve lies below the line where it counts.
    encoded: ArrayT = line.minimum(curve) if hasattr(line, "minimum") else np.minimum(line, curve)
    return encoded


def combine(left: ArrayT, right: ArrayT) -> ArrayT:
    """The picture an ordinary camera records: the mean of two sRGB views in linear light."""
    mean: Any = (srgb_to_linear(left) + srgb_to_linear(right)) / 2
    encoded: ArrayT = linear_to_srgb(mean)
    return encoded


def luminance(linear: torch.Tensor) -> torch.Tensor:
    """Relative luminance of linear light, `... x N x H x W` to `... x 1 x H x W`; gray is its own.

    N is 1 or 3 (red, green, blue with the primaries of sRGB).
    """
    if linear.shape[-3] == 1:
        return linear
    channels = linear.movedim(-3, 0)
    return (0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]).unsqueeze(-3)


def _affine(values: Any, slope: float, offset: float) -> Any:
    # In one pass for tensors.
    if hasattr(values, "new_full"):
        return values.new_full((), offset).add(values, alpha=slope)
    return slope * values + offset


def _power(base: Any, exponent: float) -> Any:
    # Three times as fast for tensors as their own power, and as exact as float32 is.
    return base.log2().mul_(exponent).exp2_() if hasattr(base, "log2") else base**exponent


def _where(condition: Any, yes: Any, no: Any) -> Any:
    # Tensors have it as a method; so no room imports torch that has but arrays.
    return yes.where(condition, no) if hasattr(yes, "where") else np.where(condition, yes, no)
