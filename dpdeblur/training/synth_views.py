"""The views of one sharp picture, as `write_pair` writes them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dpdeblur.colour import srgb_to_linear
from dpdeblur.device import choose
from dpdeblur.errors import OptionError
from dpdeblur.optics import (
    Calibration,
    DiskPSF,
    add_sensor_noise,
    disparity_from_distance,
    encode,
    photograph,
    radius_from_disparity,
    resize_radius,
)
from dpdeblur.training.synth import PSFS, SynthOptions

FARTHEST = 1000
"""Pixels over which a calibration's kernels may spread light, as memory grows with its square."""


def synth_views(
    sharp: NDArray[np.float32],
    depth: NDArray[np.float32] | None,
    options: SynthOptions,
    calibration: Calibration | None,
    device: str,
    *,
    on_note: Callable[[str], None],
    progress: Callable[[float], None],
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[float, float]]:
    """Render the left and the right view, `H x W x 3`, and the least and greatest radius.

    Args:
        sharp: the picture, `H x W x 3`, sRGB-encoded in [0, 1].
        depth: the numbers of a map, `H x W`, of about its shape; None is a plane.
        options: how.
        calibration: the kernels, if they are none of `PSFS`.
        device: as `device.choose` takes it.
        on_note: gets a sentence for each better device that failed.
        progress: called with the share of the work done, up to 1.

    Raises:
        OptionError: the calibration's kernels would spread light too far.
        DeviceError: the device is not there.
    """
    setup = choose(device, "fp32")
    for note in setup.notes:
        on_note(note)
    if options.radius is not None:
        defocus = torch.full((1, 1, 1, 1), options.radius)
    else:
        size = sharp.shape[0], sharp.shape[1]
        disparity = _disparity(depth, options.kind, size)
        radius = radius_from_disparity(disparity, options.focus, options.max_radius)
        defocus = resize_radius(radius, size)
    radii = defocus.min().item(), defocus.max().item()
    lens = _lens(options, calibration, max(-radii[0], radii[1]))
    linear = srgb_to_linear(torch.from_numpy(sharp).permute(2, 0, 1)[None])
    views = photograph(linear.to(setup.device), defocus.to(setup.device), lens, progress)
    rng = torch.Generator().manual_seed(options.seed)
    read, shot = torch.tensor([0.25 * options.noise]), torch.tensor([0.9375 * options.noise**2])
    left, right = (
        encode(add_sensor_noise(view.cpu(), shot, read, rng), 16)[0].permute(1, 2, 0).numpy()
        for view in views
    )
    return left, right, radii


def _disparity(depth: NDArray[np.float32] | None, kind: str, size: tuple[int, int]) -> Tensor:
    """Disparity `1 x 1 x H x W` in any unit, of a map or of a plane."""
    if depth is None:
        return torch.linspace(0, 1, size[0])[:, None].expand(1, 1, *size)
    values = torch.from_numpy(depth)[None, None]
    if kind == "distance":
        return disparity_from_distance(values)
    return -values if kind == "inverted" else values


def _lens(
    options: SynthOptions, calibration: Calibration | None, largest: float
) -> DiskPSF | Calibration:
    """The kernels of blur up to the radius `largest`."""
    if calibration is None:
        return DiskPSF(options.slope, math.ceil(largest) + 1, floor=PSFS[options.psf])
    if (needed := calibration.reach(largest)) > FARTHEST:
        raise OptionError(
            "psf",
            f"with {options.psf}, measured at a radius of {calibration.radius:g} pixels, light "
            f"would spread {needed} pixels at {largest:g}, and {FARTHEST} are possible; check its "
            "radius",
        )
    return calibration
