"""Edge-aware refinement: a map that is smooth but where the picture has edges."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from dpdeblur.engines.optimiser.conjugate_gradients import conjugate_gradients
from dpdeblur.engines.optimiser.stencils import gradient, gradient_adjoint, gradient_diagonal

_SMOOTHNESS = 4e4
"""Weight of the squared steps between neighbours, in units of the confidence."""
_EDGE = 0.02
"""Step of the guide, a fraction of white, that divides this weight by e."""
_STEPS = 400
"""Conjugate gradients at most."""
_TOLERANCE = 1e-4
"""Of the residual's norm, as a share of the right side's."""


def smooth_within_edges(values: Tensor, confidence: Tensor, guide: Tensor) -> Tensor:
    """The map that stays near `values` where `confidence` is high, and follows `guide` elsewhere.

    Minimises sum_p confidence (d - values)^2 + sum_pq w_pq (d_p - d_q)^2 over neighbours p, q with
    w = s exp(-|guide_p - guide_q| / e): weighted least squares, solved by conjugate gradients in
    float64. All are `H x W`; `guide` is a picture in [0, 1], encoded as for display; `confidence`
    is 1 / variance of `values`, which are in the lens's unit.
    """
    start, confidence, guide = (each.double()[None] for each in (values, confidence, guide))
    weight = _SMOOTHNESS * torch.exp(-gradient(guide).abs() / _EDGE)
    diagonal = confidence + gradient_diagonal(weight)

    def normal(x: Tensor) -> Tensor:
        return confidence * x + gradient_adjoint(weight * gradient(x))

    wanted = confidence * start
    better = conjugate_gradients(
        normal,
        lambda residual: residual / diagonal,
        wanted - normal(start),
        start,
        _STEPS,
        enough=_TOLERANCE * float(wanted.norm()),
    )
    smooth = functools.reduce(lambda _, last: last, better, start)
    return smooth[0].to(values)
