"""From two views to a defocus map and an all-in-focus picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.colour import luminance
from dpdeblur.engines.optimiser.blur_model import LayeredBlur, shares
from dpdeblur.engines.optimiser.fast import CANDIDATES, closed_form, layer_radii, reduction_for
from dpdeblur.engines.optimiser.full import optimise
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.engines.optimiser.observed import observe
from dpdeblur.engines.optimiser.options import OptimiserOptions
from dpdeblur.engines.optimiser.paper import Layers, optimise_layers
from dpdeblur.engines.optimiser.stages import Stages
from dpdeblur.errors import OptionError
from dpdeblur.optics import Calibration


@dataclass(frozen=True, eq=False)
class Solution:
    """What `solve` finds.

    `defocus`: `H x W`, signed radius of the circle of confusion in pixels, positive behind focus;
    `sharp`: `H x W x C` linear light in the views' unit, by `full` never above their brightest;
    `layers`: the radii of the multiplane image, back to front.
    """

    defocus: NDArray[np.float32]
    sharp: NDArray[np.float32]
    layers: tuple[float, ...]


def solve(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    calibration: Calibration | None = None,
    options: OptimiserOptions | None = None,
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Solution:
    """The defocus map and the all-in-focus picture of two views in linear light.

    The map comes in closed form from views of about 336 pixels across (see `cost_volume`), smoothed
    within the picture's edges, and becomes the layers of a multiplane image. The picture is the
    joint Wiener filter's at each layer (`fast`). `full` then optimises both (see `optimise`).
    `paper` starts from gray layers and optimises their colours and alphas over 10,000 steps, from
    luminance; colours then are the joint Wiener filter's.

    Without a calibration the radii are those of a generic lens: right up to a factor.

    Args:
        left: the left view, float32 `H x W x C` (C is 1 or 3), linear light in any unit, >= 0.
        right: the right view, likewise.
        calibration: the lens; None is a generic one.
        options: what to do, but for its device; None is OptimiserOptions().
        device: where to do it.
        progress: called with parts done and parts in all, of about equal time.

    Returns:
        The map (`H x W`, signed radii in pixels), the picture (like the views) and its layers.

    Raises:
        CalibrationError, InvalidPictureError, ShapeMismatchError: as `observe` does.
        OptionError: the radii would spread light over more than the picture.

    >>> left, right = np.random.default_rng(0).random((2, 48, 64, 1), dtype=np.float32)
    >>> solve(left, right, options=OptimiserOptions("fast")).defocus.shape
    (48, 64)
    """
    options = options or OptimiserOptions()
    seen = observe(left, right, calibration)
    _check_reach(options.radii, calibration, left.shape[:2])
    observed = torch.from_numpy(seen.views).to(device)
    light = luminance(observed)[:, 0]
    stages = Stages(progress, _weights(options, observed.shape))
    defocus = closed_form(light, calibration, options.radii, stages.part("map"))
    lens = Lens(calibration)
    radii = layer_radii(defocus, options.radii)
    if options.method == "paper":
        layers = Layers.initial(len(radii), light)
        layers = optimise_layers(light, lens, radii, layers, options.paper, stages.part("paper"))
        sharp, defocus = layers.sharp()[None], layers.defocus(radii)
        if len(observed[0]) > 1:
            sharp = LayeredBlur(shares(defocus, radii), radii, lens).wiener(observed)
    else:
        blur = LayeredBlur(shares(defocus, radii), radii, lens)
        sharp = blur.wiener(observed)
        if options.method == "full":
            unit = lens.unit(defocus.shape[1])
            full = stages.part("full")
            sharp, defocus = optimise(blur, observed, sharp, defocus, unit, options.full, full)
    stages.part("filter")(1, 1)
    picture = sharp.clamp(min=0).movedim(0, -1).cpu().numpy() * seen.brightest
    return Solution(defocus.cpu().numpy(), picture.astype(np.float32), tuple(radii))


def _weights(options: OptimiserOptions, shape: tuple[int, ...]) -> dict[str, float]:
    """Each stage's time in microseconds on some processor, about: only their ratios count."""
    channels, height, width = shape[1:]
    pixels = height * width
    small = pixels / reduction_for(width) ** 2
    full = options.full
    steps = channels * full.rounds * full.steps + max(full.rounds - 1, 0) * full.map_steps
    of_method = {"full": 1.2 * pixels * steps, "paper": 12.0 * pixels * options.paper.steps}
    return {
        "map": CANDIDATES * small * (2 if options.radii is None else 1),
        options.method: of_method.get(options.method, 0.0),
        "filter": 0.4 * channels * pixels,
    }


def _check_reach(
    radii: tuple[float, float] | None, calibration: Calibration | None, shape: tuple[int, ...]
) -> None:
    """Kernels larger than the picture would take much memory and tell nothing."""
    if radii is None:
        return
    height, width = shape
    largest = max(map(abs, radii))
    reach = math.ceil(largest) if calibration is None else calibration.reach(largest)
    if reach > min(height, width) / 2:
        raise OptionError(
            "radii",
            f"{largest:g} would spread light by {reach} pixels to each side, too far for a picture "
            f"of {width}x{height}; give smaller radii",
        )
