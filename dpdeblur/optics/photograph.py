"""Taking a dual-pixel photograph of a sharp picture whose defocus is known."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from dpdeblur.optics.calibrated import Calibration
from dpdeblur.optics.layers import layers_from_defocus
from dpdeblur.optics.psf import DiskPSF
from dpdeblur.optics.render import Layer, render_picture, render_views

_STEP = 3.0
"""Pixels of radius to either side of its own that a layer shows."""
_LEVELS = int(2 * _STEP) + 1
"""Radii blurred per layer: they span two steps at most, one pixel apart."""


def photograph(
    picture: Tensor,
    radius: Tensor,
    lens: DiskPSF | Calibration,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Tensor, Tensor]:
    """Take the dual-pixel photograph of a sharp picture.

    Where the radius jumps, the nearer surface covers the farther (see `layers_from_defocus`).
    Beyond the frame the picture continues with its edge. A Calibration's kernels belong to the
    cells of its grid, over whose borders the views fade.

    Args:
        picture: the scene in focus everywhere, `N x 3 x H x W`, linear light.
        radius: signed radius of the circle of confusion in pixels, positive behind the focus plane,
            `N x 1 x H x W` or broadcastable to it.
        lens: a DiskPSF, whose reach must hold the largest radius, or a Calibration.
        progress: called with the share of the blurring done, up to 1.

    Returns:
        The left and the right view, `N x 3 x H x W`, linear light.

    >>> scene = torch.rand(1, 3, 32, 48)
    >>> left, right = photograph(scene, torch.full((1, 1, 1, 1), 3.0), DiskPSF(0.86, reach=5))
    >>> left.shape
    torch.Size([1, 3, 32, 48])
    """
    radius = radius.to(picture).expand(picture.shape[0], 1, *picture.shape[2:])
    largest = radius.abs().amax().item()
    margin = lens.reach(largest) if isinstance(lens, Calibration) else lens.reach
    views = [torch.zeros_like(picture) for _ in range(2)]
    ways = layers_from_defocus(*_padded(picture, radius, margin), _STEP)
    cells = math.prod(lens.left.shape[:2]) if isinstance(lens, Calibration) else 1
    count, so_far = cells * sum(len(layers) for layers, _ in ways), 0.0

    def done(more: float) -> None:
        nonlocal so_far
        so_far += more / count
        progress(min(1.0, so_far))

    for layers, share in ways:
        share = functional.pad(share, (-margin,) * 4)
        parts = (
            render_views(layers, lens, margin, _LEVELS, done)
            if isinstance(lens, DiskPSF)
            else _render_cells(layers, lens, margin, done)
        )
        views = [view + share * part for view, part in zip(views, parts, strict=True)]
    return views[0], views[1]


def ordinary_photograph(picture: Tensor, radius: Tensor) -> Tensor:
    """Take the ordinary photograph of a sharp picture through a lens that blurs to flat disks.

    As `photograph` does, in half the time; see there for the arguments.

    Returns:
        The photograph, `N x 3 x H x W`, linear light.
    """
    radius = radius.to(picture).expand(picture.shape[0], 1, *picture.shape[2:])
    lens = DiskPSF(0.0, reach=math.ceil(radius.abs().amax().item()) + 1)
    ways = layers_from_defocus(*_padded(picture, radius, lens.reach), _STEP)
    parts = (
        functional.pad(share, (-lens.reach,) * 4)
        * render_picture(layers, lens, lens.reach, _LEVELS)
        for layers, share in ways
    )
    return functools.reduce(torch.add, parts)


def _padded(picture: Tensor, radius: Tensor, margin: int) -> tuple[Tensor, Tensor]:
    """Both continued beyond the frame with their edges."""
    first, second = (
        functional.pad(part, (margin,) * 4, mode="replicate") for part in (picture, radius)
    )
    return first, second


def _render_cells(
    layers: list[Layer], lens: Calibration, margin: int, done: Callable[[float], None]
) -> tuple[Tensor, Tensor]:
    rows, columns = lens.left.shape[:2]
    colour = layers[0].colour
    height, width = (side - 2 * margin for side in colour.shape[-2:])
    views = [colour.new_zeros(*colour.shape[:2], height, width) for _ in range(2)]
    for row, (down, fade_down) in enumerate(_windows(height, rows)):
        for column, (along, fade_along) in enumerate(_windows(width, columns)):
            tall, wide = (slice(part.start, part.stop + 2 * margin) for part in (down, along))
            parts = [
                Layer(
                    *(part[:, :, tall, wide] for part in (layer.colour, layer.alpha, layer.radius))
                )
                for layer in layers
            ]
            middle = torch.tensor([(row + 0.5) / rows, (column + 0.5) / columns]).to(colour)
            psf = lens.psf(middle[:1], middle[1:], margin)
            weight = (fade_down[:, None] * fade_along).to(colour)
            seen = render_views(parts, psf, margin, _LEVELS, done)
            for view, part in zip(views, seen, strict=True):
                view[:, :, down, along] += weight * part
    return views[0], views[1]


def _windows(side: int, cells: int) -> list[tuple[slice, Tensor]]:
    """Where on an axis each cell is seen, and how much of it: fading over half a cell."""
    borders = torch.arange(1, cells) * (side / cells)
    fade = max(side / cells / 2, 1)
    rise = ((torch.arange(side) - borders[:, None] + 0.5) / fade + 0.5).clamp(0, 1)
    begun = torch.cat((torch.ones(1, side), rise, torch.zeros(1, side)))
    result = []
    for weight in begun[:-1] - begun[1:]:
        seen = weight.nonzero().flatten().tolist() or [0]
        part = slice(seen[0], seen[-1] + 1)
        result.append((part, weight[part]))
    return result
