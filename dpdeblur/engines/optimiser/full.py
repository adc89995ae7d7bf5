"""Map and picture that together explain both views: the method `full`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dpdeblur.colour import linear_to_srgb, luminance
from dpdeblur.engines.optimiser.blur_model import LayeredBlur, share_slopes, shares
from dpdeblur.engines.optimiser.conjugate_gradients import conjugate_gradients
from dpdeblur.engines.optimiser.options import FullOptions
from dpdeblur.engines.optimiser.stencils import (
    gaussian,
    gradient,
    gradient_adjoint,
    gradient_diagonal,
)

_GROUP = 2.0
"""Standard deviation in pixels of the neighbourhood that gradients are counted in."""
_STIFFNESS = 0.02
"""About by how much views of white change with one unit of the map, squared (preconditioner)."""


def optimise(
    blur: LayeredBlur,
    observed: Tensor,
    picture: Tensor,
    defocus: Tensor,
    unit: float,
    options: FullOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """The picture and the map that together explain both views, from a start near them.

    Minimises Charbonnier penalties of the views' residuals and of the picture's gradients, each
    taken together with its neighbourhood's and over all channels, so that texture is not thinned
    out; and the map's squared steps within edges. Picture and map take turns: both by iteratively
    reweighted least squares and preconditioned conjugate gradients, the map with the views'
    derivative by it (Gauss-Newton) and from luminance. Light stays in [0, 1], as
    that of Xin et al. Stops before the last round when one, after a turn of the map if it has any,
    changes the picture by less than `tolerance` (RMS, relative).

    Args:
        blur: the forward model of `shares(defocus, radii)`; with one layer the map stays.
        observed: both views, `2 x N x H x W`, linear light, 1 being the brightest.
        picture: the picture to begin with, `N x H x W`.
        defocus: the map to begin with, `H x W`, within the layers' range, where it stays.
        unit: the radius that `map_smoothness` is for, in the map's pixels.
        progress: called with steps done and steps in all.
    """
    options = options or FullOptions()
    picture = picture.clamp(0, 1)
    map_steps = options.map_steps if len(blur.radii) > 1 else 0
    total = options.rounds * options.steps + max(options.rounds - 1, 0) * map_steps
    done = 0

    def stepped() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    for number in range(options.rounds):
        if number and map_steps:
            start = defocus
            for change in _map_steps(blur, observed, picture, start, unit, options):
                defocus = start + unit * change
                stepped()
            defocus = defocus.clamp(blur.radii[-1], blur.radii[0])
            blur = blur.showing(shares(defocus, blur.radii))
        before = picture
        for better in _picture_steps(blur, observed, picture, options):
            picture = better
            stepped()
        picture = picture.clamp(0, 1)
        settled = (picture - before).norm() < options.tolerance * picture.norm()
        if settled and (number or not map_steps):
            break
    if progress is not None and done < total:
        progress(total, total)
    return picture, defocus


def _picture_steps(
    blur: LayeredBlur, observed: Tensor, picture: Tensor, options: FullOptions
) -> Iterator[Tensor]:
    residual = blur.forward(picture) - observed
    weight = _irls_weight(residual, options)
    strength = _grouped(gradient(picture).square().sum((0, 1))) + options.edge**2
    smooth = options.smoothness * _grouped(strength.rsqrt())

    def normal(x: Tensor) -> Tensor:
        return blur.adjoint(weight * blur.forward(x)) + gradient_adjoint(smooth * gradient(x))

    misfit = blur.adjoint(-weight * residual)
    normal_residual = misfit - gradient_adjoint(smooth * gradient(picture))
    return conjugate_gradients(normal, blur.precondition, normal_residual, picture, options.steps)


def _map_steps(
    blur: LayeredBlur,
    observed: Tensor,
    picture: Tensor,
    defocus: Tensor,
    unit: float,
    options: FullOptions,
) -> Iterator[Tensor]:
    """Better and better changes of the map, `H x W`, in units of `unit`."""
    light = luminance(picture)
    residual = blur.forward(light) - luminance(observed)
    weight = _irls_weight(residual, options)
    slopes = blur.showing(unit * share_slopes(defocus, blur.radii))
    steps = gradient(linear_to_srgb(light)).abs()
    smooth = options.map_smoothness * torch.exp(-steps / options.map_edge)

    def normal(change: Tensor) -> Tensor:
        seen = weight * slopes.forward(light * change)
        return (light * slopes.adjoint(seen))[0] + bend(change)

    def bend(values: Tensor) -> Tensor:
        return gradient_adjoint(smooth * gradient(values[None]))[0]

    normal_residual = -(light * slopes.adjoint(weight * residual))[0] - bend(defocus / unit)
    diagonal = _STIFFNESS * light[0].square() + gradient_diagonal(smooth)[0]
    start = torch.zeros_like(defocus)
    return conjugate_gradients(
        normal, lambda x: x / diagonal, normal_residual, start, options.map_steps
    )


def _irls_weight(residual: Tensor, options: FullOptions) -> Tensor:
    """What makes a square of the Charbonnier penalty at this residual, in (0, 1]."""
    return (residual.square() / options.outlier**2 + 1).rsqrt()


def _grouped(values: Tensor) -> Tensor:
    """Half a pixel's own, half its neighbourhood's; symmetric but for the borders."""
    return (values + gaussian(values, _GROUP)) / 2
