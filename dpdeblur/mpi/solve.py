"""From two views to a defocus map and an all-in-focus picture."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dpdeblur.colour import linear_to_srgb
from dpdeblur.errors import OptionError
from dpdeblur.mpi.evidence import balanced, belief, evidence, radius_range
from dpdeblur.mpi.joint import JointOptions, Layers, optimise
from dpdeblur.mpi.lens import Lens
from dpdeblur.mpi.picture import LayeredBlur, PictureOptions, sharpen
from dpdeblur.mpi.refine import smooth_within_edges
from dpdeblur.mpi.views import LinearViews
from dpdeblur.optics import Calibration

Engine = Literal["fast", "full", "paper"]

_MAP_WIDTH = 336
"""About the width in pixels that maps are found at."""
_CANDIDATES = 41
_CALIBRATED_REACH = 1.6
"""Largest radius looked for, in units of the one calibrated at."""
_GENERIC_REACH = 0.025
"""Largest radius looked for without a calibration, in units of the width."""
_MARGIN = 0.06
"""What is added on both sides to the range of radii found, in units of the largest looked for."""
_LAYERS = 12
_DOUBT = 0.003
"""Variance that is added to the evidence's own, in units of the calibrated radius squared."""


@dataclass(frozen=True)
class MapOptions:
    """What to do: `fast` in closed form; `full` then optimises the picture; `paper` as published.

    `radii` (least, largest; pixels) overrides the range of defocus found automatically. Raises
    OptionError if it is none.
    """

    engine: Engine = "full"
    radii: tuple[float, float] | None = None
    device: str = "cpu"
    picture: PictureOptions = field(default_factory=PictureOptions)
    joint: JointOptions = field(default_factory=JointOptions)

    def __post_init__(self) -> None:
        if self.radii is not None:
            low, high = self.radii
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise OptionError("radii", f"{low} to {high} is no range; give LOW,HIGH in pixels")


@dataclass(frozen=True, eq=False)
class DefocusMap:
    """`defocus`: `H x W`, signed radius of the circle of confusion in pixels, positive behind
    focus; `sharp`: `H x W x C` linear light in the views' units, not clipped above; `layers`: the
    radii of the multiplane image, back to front.

    Without a calibration the radii are those of a generic lens: right up to a factor.
    """

    defocus: NDArray[np.float32]
    sharp: NDArray[np.float32]
    layers: tuple[float, ...]
    engine: Engine
    calibrated: bool
    seconds: float


def map_defocus(
    views: LinearViews,
    calibration: Calibration | None = None,
    options: MapOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DefocusMap:
    """The defocus map and the all-in-focus picture of two views.

    The map comes in closed form from views of about 336 pixels across (see `evidence`), smoothed
    within the picture's edges, and becomes the layers of a multiplane image. The picture is the
    joint Wiener filter's at each layer (`fast`), then optimised (`full`). `paper` starts from gray
    layers and optimises map and picture together over 10,000 steps, from the mean of the channels;
    colours then are the joint Wiener filter's.

    `progress` is called with parts done and parts in all. Raises CalibrationError if the
    calibration is not for pictures of this size, and InvalidPictureError for views that show
    nothing.
    """
    options = options or MapOptions()
    started = time.perf_counter()
    matched = views.matched(calibration)
    device = torch.device(options.device)
    observed = torch.from_numpy(matched.channels()).to(device)
    gray = observed.mean(1)
    defocus = _closed_form(gray, calibration, options)
    lens = Lens(calibration)
    radii = _layers(defocus, options)
    if options.engine == "paper":
        layers = Layers.initial(len(radii), gray)
        layers = optimise(gray, lens, radii, layers, options.joint, progress)
        sharp, defocus = layers.sharp()[None], layers.defocus(radii)
        if len(observed[0]) > 1:
            sharp = LayeredBlur(_shares(defocus, radii), radii, lens).wiener(observed)
    else:
        blur = LayeredBlur(_shares(defocus, radii), radii, lens)
        sharp = blur.wiener(observed)
        if options.engine == "full":
            sharp = sharpen(blur, observed, sharp, options.picture, progress)
    picture = sharp.clamp(min=0).movedim(0, -1).cpu().numpy() * matched.brightest
    return DefocusMap(
        defocus.cpu().numpy(),
        picture.astype(np.float32),
        tuple(radii),
        options.engine,
        calibration is not None,
        time.perf_counter() - started,
    )


def _closed_form(gray: Tensor, calibration: Calibration | None, options: MapOptions) -> Tensor:
    """The map at the views' size, from both views `2 x H x W`."""
    height, width = gray.shape[1:]
    reduction = max(1, round(width / _MAP_WIDTH))
    small = torch.nn.functional.interpolate(
        gray[None], (height // reduction, width // reduction), mode="area"
    )[0]
    if calibration is None:
        small = balanced(small)
    lens = Lens(calibration, reduction)
    if calibration is None:
        largest = _GENERIC_REACH * width
    else:
        largest = _CALIBRATED_REACH * abs(calibration.radius)
    if options.radii is None:
        candidates = np.linspace(-largest, largest, _CANDIDATES).tolist()
        low, high = radius_range(evidence(small, lens, candidates), candidates, small)
        low, high = low - _MARGIN * largest, high + _MARGIN * largest
    else:
        low, high = options.radii
    candidates = np.linspace(low, high, _CANDIDATES).tolist()
    mean, variance = belief(evidence(small, lens, candidates), candidates)
    unit = largest / _CALIBRATED_REACH
    refined = smooth_within_edges(
        (mean / unit).cpu().numpy(),
        1 / (variance / unit**2 + _DOUBT).cpu().numpy(),
        linear_to_srgb(small.mean(0).clamp(0, 1)).cpu().numpy(),
    )
    grown = torch.nn.functional.interpolate(
        torch.from_numpy(refined).to(gray)[None, None] * unit,
        (height, width),
        mode="bilinear",
    )
    return grown[0, 0]


def _layers(defocus: Tensor, options: MapOptions) -> list[float]:
    """Radii of the layers over the map's range, largest first: behind comes first."""
    low, high = options.radii or (float(defocus.min()), float(defocus.max()))
    return np.linspace(high, low, _LAYERS).tolist() if high > low else [high]


def _shares(defocus: Tensor, radii: list[float]) -> Tensor:
    """Each layer's share of a pixel, `L x H x W`: linear between the two nearest."""
    if len(radii) == 1:
        return torch.ones_like(defocus)[None]
    place = ((radii[0] - defocus) / (radii[0] - radii[1])).clamp(0, len(radii) - 1)
    index = torch.arange(len(radii), dtype=place.dtype, device=place.device)
    return (1 - (place - index[:, None, None]).abs()).clamp(min=0)
