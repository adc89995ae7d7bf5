"""The map in closed form: what `fast` gives, and `full` and `paper` start from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dpdeblur.colour import linear_to_srgb
from dpdeblur.engines.optimiser.blur_model import LayeredBlur, shares
from dpdeblur.engines.optimiser.cost_volume import (
    balanced,
    cost_volume,
    radius_range,
    soft_argmin,
)
from dpdeblur.engines.optimiser.edge_aware import smooth_within_edges
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.optics import Calibration

_MAP_WIDTH = 336
"""About the width in pixels that maps are found at."""
CANDIDATES = 41
"""Number of radii in the cost volume."""
_REACH = 1.6
"""Largest radius looked for, in the lens's unit."""
_MARGIN = 0.06
"""What is added on both sides to the range of radii found, in units of the largest looked for."""
_LAYERS = 12
"""Number of layers of the multiplane image."""
_DOUBT = 0.003
"""Variance that is added to the soft-argmin's own, in the lens's unit squared."""


def closed_form(
    light: Tensor,
    calibration: Calibration | None,
    limits: tuple[float, float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """The map `H x W`, signed radii in pixels, from both views' luminance `2 x H x W` in [0, 1].

    The soft-argmin of the cost volume at a smaller size, smoothed within the edges of the views,
    then within those of the picture which that map makes. `limits` (least, largest; pixels)
    overrides the range of radii found automatically. `progress` is called with the radii tried and
    those in all.
    """
    height, width = light.shape[1:]
    reduction = reduction_for(width)
    tried, volumes = 0, 2 if limits is None else 1

    def tried_one() -> None:
        nonlocal tried
        tried += 1
        if progress is not None:
            progress(tried, volumes * CANDIDATES)

    small = torch.nn.functional.interpolate(
        light[None], (height // reduction, width // reduction), mode="area"
    )[0]
    if calibration is None:
        small = balanced(small)
    lens = Lens(calibration, reduction)
    unit = lens.unit(width)
    largest = _REACH * unit
    if limits is None:
        candidates = np.linspace(-largest, largest, CANDIDATES).tolist()
        volume = cost_volume(small, lens, candidates, tried_one)
        low, high = radius_range(volume, candidates, small)
        low, high = low - _MARGIN * largest, high + _MARGIN * largest
    else:
        low, high = limits
    candidates = np.linspace(low, high, CANDIDATES).tolist()
    mean, variance = soft_argmin(cost_volume(small, lens, candidates, tried_one), candidates)

    values, confidence = mean / unit, 1 / (variance / unit**2 + _DOUBT)

    def within(guide: Tensor) -> Tensor:
        smooth = smooth_within_edges(values, confidence, linear_to_srgb(guide.clamp(0, 1)))
        return (smooth * unit).clamp(low, high)  # rounding goes beyond

    defocus = within(small.mean(0))
    # Blur spreads the views' edges: once there is a map, a sharp picture has them in their places.
    radii = layer_radii(defocus, limits)
    sharp = LayeredBlur(shares(defocus, radii), radii, lens).wiener(small[:, None])[0]
    defocus = within(sharp)
    upsampled = torch.nn.functional.interpolate(
        defocus[None, None], (height, width), mode="bilinear"
    )
    return upsampled[0, 0]


def reduction_for(width: int) -> int:
    """How many times smaller than a picture of this width its map is found."""
    return max(1, round(width / _MAP_WIDTH))


def layer_radii(defocus: Tensor, limits: tuple[float, float] | None = None) -> list[float]:
    """Radii of the layers over the map's range or `limits`, largest first: behind comes first.

    In pixels, evenly apart; a single one for a map of one value.
    """
    low, high = limits or (float(defocus.min()), float(defocus.max()))
    return np.linspace(high, low, _LAYERS).tolist() if high > low else [high]
