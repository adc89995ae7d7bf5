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

from dpdeblur.colour import luminance
from dpdeblur.engines.optimiser.blur_model import LayeredBlur, shares
from dpdeblur.engines.optimiser.fast import closed_form, layer_radii
from dpdeblur.engines.optimiser.full import FullOptions, optimise
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.engines.optimiser.paper import Layers, PaperOptions, optimise_layers
from dpdeblur.engines.optimiser.views import LinearViews
from dpdeblur.errors import OptionError
from dpdeblur.optics import Calibration

Engine = Literal["fast", "full", "paper"]


@dataclass(frozen=True)
class MapOptions:
    """What to do: `fast` in closed form; `full` then optimises both; `paper` as published.

    `radii` (least, largest; pixels) overrides the range of defocus found automatically. Raises
    OptionError if it is none.
    """

    engine: Engine = "full"
    radii: tuple[float, float] | None = None
    device: str = "cpu"
    full: FullOptions = field(default_factory=FullOptions)
    paper: PaperOptions = field(default_factory=PaperOptions)

    def __post_init__(self) -> None:
        if self.radii is not None:
            low, high = self.radii
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise OptionError(
                    "radii", f"{low} to {high} is not a range; give LOW,HIGH in pixels"
                )


@dataclass(frozen=True, eq=False)
class DefocusMap:
    """`defocus`: `H x W`, signed radius of the circle of confusion in pixels, positive behind
    focus; `sharp`: `H x W x C` linear light in the views' units, by `full` never above their
    brightest; `combined`: the views' mean, which `sharp` is to be compared with; `layers`: the
    radii of the multiplane image, back to front.

    Without a calibration the radii are those of a generic lens: right up to a factor.
    """

    defocus: NDArray[np.float32]
    sharp: NDArray[np.float32]
    combined: NDArray[np.float32]
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

    The map comes in closed form from views of about 336 pixels across (see `cost_volume`), smoothed
    within the picture's edges, and becomes the layers of a multiplane image. The picture is the
    joint Wiener filter's at each layer (`fast`). `full` then optimises both (see `optimise`).
    `paper` starts from gray layers and optimises their colours and alphas over 10,000 steps, from
    luminance; colours then are the joint Wiener filter's.

    `progress` is called with parts done and parts in all. Raises CalibrationError if the
    calibration is not for pictures of this size, and InvalidPictureError for views that show
    nothing.
    """
    options = options or MapOptions()
    started = time.perf_counter()
    matched = views.matched(calibration)
    device = torch.device(options.device)
    observed = torch.from_numpy(matched.channels()).to(device)
    light = luminance(observed)[:, 0]
    defocus = closed_form(light, calibration, options.radii)
    lens = Lens(calibration)
    radii = layer_radii(defocus, options.radii)
    if options.engine == "paper":
        layers = Layers.initial(len(radii), light)
        layers = optimise_layers(light, lens, radii, layers, options.paper, progress)
        sharp, defocus = layers.sharp()[None], layers.defocus(radii)
        if len(observed[0]) > 1:
            sharp = LayeredBlur(shares(defocus, radii), radii, lens).wiener(observed)
    else:
        blur = LayeredBlur(shares(defocus, radii), radii, lens)
        sharp = blur.wiener(observed)
        if options.engine == "full":
            unit = lens.unit(defocus.shape[1])
            sharp, defocus = optimise(blur, observed, sharp, defocus, unit, options.full, progress)
    picture = sharp.clamp(min=0).movedim(0, -1).cpu().numpy() * matched.brightest
    return DefocusMap(
        defocus.cpu().numpy(),
        picture.astype(np.float32),
        matched.combined(),
        tuple(radii),
        options.engine,
        calibration is not None,
        time.perf_counter() - started,
    )
