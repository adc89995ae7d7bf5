"""The terms of Xin et al. 2021 (section 5 and supplement), each a function of its own.

Pictures are `H x W`, layers `L x H x W` back to front, pairs of views `2 x ...`; light is linear,
1 being the brightest of both views. Every term is a mean over pixels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

GAMMA = 0.1
"""Scale of the Charbonnier penalty, in the unit of what it is of."""
EDGE = 1 / 32
"""Strength of edges that the smoothness terms' mask spares: a standard deviation of light."""
BIAS_NOISE = 5e-3
"""Standard deviation of the noise in views whose mean is 1/2; light, 1 at the brightest."""
BIAS_FLOOR = 5e-3
"""Power of both kernels below which noise is not told from detail, without a unit."""


def charbonnier(square: Tensor, gamma: float = GAMMA) -> Tensor:
    """sqrt(x^2 / gamma^2 + 1) - 1 of what is already squared (and may be a little negative)."""
    return (square / gamma**2 + 1).clamp(min=1e-6).sqrt() - 1


def data_loss(views: Tensor, observed: Tensor, seen: Tensor, bias: Tensor) -> Tensor:
    """Bias-corrected data term: Charbonnier of (render - observed)^2 - sum_l F_l B_l.

    `seen` are the filtered transmittances F_l (`2 x L x H x W`), `bias` is `L` (see `noise_bias`).
    """
    corrected = (views - observed).square() - torch.einsum("vlhw,l->vhw", seen, bias)
    return charbonnier(corrected).mean()


def auxiliary_loss(colours: Tensor, observed: Tensor, seen: Tensor, bias: Tensor) -> Tensor:
    """Each layer's colour, blurred alone, must explain the views where the layer is seen.

    `colours` are k_l * c_l (`2 x L x H x W`). Sum over layers, as L times their mean; the
    transmittances only weigh.
    """
    corrected = (colours - observed[:, None]).square() - bias[:, None, None]
    return (seen.detach() * charbonnier(corrected)).sum(1).mean()


def noise_bias(power: Tensor, brightness: float) -> Tensor:
    """B_l of `L` layers: what noise adds to a residual, which favours the kernels with most zeros.

    `power` is |K_L|^2 + |K_R|^2 per layer, tile and frequency (`L x T x ...`);
    `brightness` the mean of the views.
    """
    share = (BIAS_FLOOR / (power + BIAS_FLOOR)).flatten(1).mean(1)
    return brightness / 0.5 * 2 * BIAS_NOISE**2 * share


def variation(pictures: Tensor) -> Tensor:
    """|blur(I^2) - blur(I)^2| of the last two axes with [1 2 1] / 4: the local variance."""
    return (_blur3(pictures.square()) - _blur3(pictures).square()).abs()


def edge_mask(variance: Tensor) -> Tensor:
    """How much an edge is there, in [0, 1): 1 - exp(-((tv + 1)^2 - 1) g^2 / (2 b^2)), constant."""
    # (charbonnier + 1)^2 - 1 is variance / g^2.
    return (1 - torch.exp(-variance / (2 * EDGE**2))).detach()


def intensity_smoothness(sharp: Tensor, layers: Tensor, shares: Tensor) -> Tensor:
    """Smoothness of the sharp picture and of the layers' colours where they show.

    Each once all over and once spared where `edge_mask` finds an edge. Colours should be scaled
    so that the views' mean is 1/2.
    """
    total: Tensor = torch.zeros((), device=sharp.device)
    for pictures, weights in ((sharp[None], 1.0), (layers, shares)):
        variance = variation(pictures)
        penalty = charbonnier(variance) * (2 - edge_mask(variance)) * weights
        total = total + penalty.sum(0).mean()
    return total


def alpha_smoothness(alphas: Tensor, shares: Tensor) -> Tensor:
    """The same smoothness of sqrt(a_l) and sqrt(T_l), summed over layers."""
    total: Tensor = torch.zeros((), device=alphas.device)
    for coverage in (alphas, shares):
        variance = variation((coverage + 1e-6).sqrt())
        total = total + (charbonnier(variance) * (2 - edge_mask(variance))).sum(0).mean()
    return total


def entropy(alphas: Tensor, shares: Tensor) -> Tensor:
    """Collision entropy -log sum p^2 of sqrt(a_l), l >= 1, and of sqrt(T_l), over log L."""
    total: Tensor = torch.zeros((), device=alphas.device)
    if len(alphas) == 1:
        return total
    for coverage in (alphas[1:], shares):
        weight = (coverage + 1e-6).sqrt()
        # p = w / sum w, so sum p^2 = sum w^2 / (sum w)^2.
        collision = weight.square().sum(0) / weight.sum(0).square()
        total = total - collision.log().mean()
    return total / math.log(len(alphas))


def _blur3(pictures: Tensor) -> Tensor:
    padded = torch.nn.functional.pad(pictures[None], (1, 1, 1, 1), mode="replicate")[0]
    rows = (padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]) / 4
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4
