"""The multiplane image: how its layers cover each other, sharp and seen through the lens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dpdeblur.optics import Blur


class Rendered(NamedTuple):
    """Both views, `2 x H x W`; what of each layer is seen there and its own blurred colour."""

    views: Tensor
    transmittance: Tensor
    """`2 x L x H x W`: the layers' filtered transmittances F_l."""
    colours: Tensor | None
    """`2 x L x H x W`: each layer's colour blurred alone."""


def visibility(alphas: Tensor) -> Tensor:
    """What the layers in front let through, `L x H x W`, back to front: prod_{j > l} (1 - a_j)."""
    through = torch.cumprod(1 - alphas.flip(0), 0).flip(0)
    return torch.cat((through[1:], torch.ones_like(through[:1])))


def transmittances(alphas: Tensor) -> Tensor:
    """Each layer's share in the sharp picture, T_l = a_l prod_{j > l} (1 - a_j), `L x H x W`."""
    return alphas * visibility(alphas)


def compose(shares: Tensor, layers: Tensor) -> Tensor:
    """Sum of layers `L x H x W` by their transmittances: the all-in-focus picture, `H x W`."""
    return (shares * layers).sum(0)


def render(
    colours: Tensor, alphas: Tensor, blurs: Sequence[Blur], *, alone: bool = False
) -> Rendered:
    """Xin et al. 2021, section 4: what the two views see of an MPI, back to front.

    With A_l = k_l * a_l and C_l = k_l * (c_l a_l) a view is sum_l C_l prod_{j > l} (1 - A_j).
    `colours` and `alphas` are `L x H x W` in [0, 1]. One layer after the other is blurred, so that
    tiles of one are held at a time. `alone` asks for k_l * c_l, too.
    """
    emitted, covered, single = [], [], []
    for colour, alpha, layer in zip(colours, alphas, blurs, strict=True):
        frames = [colour * alpha, alpha, colour] if alone else [colour * alpha, alpha]
        blurred = layer.forward(torch.stack(frames))
        emitted.append(blurred[:, 0])
        covered.append(blurred[:, 1])
        if alone:
            single.append(blurred[:, 2])
    seen = torch.stack([visibility(view) for view in torch.stack(covered, 1)])
    views = (torch.stack(emitted, 1) * seen).sum(1)
    return Rendered(
        views, torch.stack(covered, 1) * seen, torch.stack(single, 1) if alone else None
    )
