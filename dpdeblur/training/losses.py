"""Training losses."""

from __future__ import annotations

from torch import Tensor


def charbonnier(prediction: Tensor, truth: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(x^2 + eps^2) over all elements of two like tensors (paper, equation 1).

    The default `epsilon` is the paper's; TrainConfig says why training takes a larger one.
    """
    return ((prediction - truth).square() + epsilon**2).sqrt().mean()
