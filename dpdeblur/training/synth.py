"""A pair of one sharp picture, as files: what a dual-pixel camera would have taken of its scene."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from torch import Tensor

from dpdeblur.checked import Seed, Share, checked, within
from dpdeblur.colour import srgb_to_linear
from dpdeblur.device import choose
from dpdeblur.errors import OptionError, ShapeMismatchError, UnreadableFileError
from dpdeblur.io import check_output, read_picture, write_picture
from dpdeblur.optics import (
    Calibration,
    DiskPSF,
    add_sensor_noise,
    disparity_from_distance,
    encode,
    photograph,
    radius_from_disparity,
    read_calibration,
    resize_radius,
)

_RENDERING = 0.9
"""About the share of the time that rendering takes; writing files takes the rest."""
FARTHEST = 1000
"""Pixels over which a calibration's kernels may spread light, as memory grows with its square."""
LARGEST_RADIUS = 100.0


@checked
class SynthOptions:
    """The scene's depth, and the camera; raises OptionError naming what cannot be used.

    Of a map of depth, `kind` says what its numbers mean: "disparity", larger is nearer; "inverted",
    larger is farther; "distance", larger is farther, in any unit, 0 unknown. Blur grows with the
    difference in disparity (1 / distance) from `focus`, 0 being the farthest and 1 the nearest, up
    to `max_radius` pixels. `radius` is instead one signed radius for the whole picture, positive
    behind the focus plane.

    `psf` is "disk", "butterworth" or a calibration (.npz); `slope` says how strongly the first two
    are split between the views. `noise` is the standard deviation at white, mostly shot noise.
    """

    kind: Literal["disparity", "inverted", "distance"] = "disparity"
    focus: Share = 0.5
    max_radius: Annotated[float, within(0, LARGEST_RADIUS)] = 8.0
    radius: Annotated[float, within(-LARGEST_RADIUS, LARGEST_RADIUS)] | None = None
    psf: str = "disk"
    slope: Share = 0.86
    noise: Share = 0.0
    seed: Seed = 0


@dataclass(frozen=True)
class SynthPair:
    """The files `left`, `right` and `sharp`, their size, and the least and greatest radius."""

    outputs: dict[str, Path]
    width: int
    height: int
    radii: tuple[float, float]


def write_pair(
    sharp: Path,
    folder: Path,
    options: SynthOptions | None = None,
    *,
    depth: Path | None = None,
    extension: Literal["png", "tif"] = "png",
    device: str = "auto",
    overwrite: bool = False,
    on_note: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
) -> SynthPair:
    """Render the two views of a sharp picture; write them and the picture itself with 16 bits.

    Args:
        sharp: a picture in focus everywhere.
        folder: where <SHARP>_left, <SHARP>_right and <SHARP>_sharp go.
        options: how; None is the defaults.
        depth: a gray picture of depth, resized if its size differs; None is a plane, far at the
            top.
        extension: "png" or "tif".
        device: as `device.choose` takes it.
        overwrite: replace outputs that exist; never one of the inputs.
        on_note: gets a sentence for each better device that failed.
        on_warning: gets a sentence for what is odd about the pictures.
        progress: called with the share of the work done, up to 1.

    Returns:
        What was written.

    Raises:
        OptionError: `radius` and `depth` are both given, or the kernels cannot be used.
        ShapeMismatchError: the map has another shape than the picture.
        OutputExistsError, UnwritableOutputError: before anything is read.

    Reading the pictures and the calibration, and the device, raise their own errors.

    >>> sharp = Path("examples/canon_r6ii/l.png")
    >>> pair = write_pair(sharp, Path("pairs"), SynthOptions(radius=3.0), device="cpu")
    >>> pair.outputs["left"].as_posix(), pair.radii
    ('pairs/l_left.png', (3.0, 3.0))
    """
    options = options or SynthOptions()
    if options.radius is not None and depth is not None:
        reason = "it sets one blur for the whole picture; leave it or the map of depth out"
        raise OptionError("radius", reason)
    inputs = [sharp] if depth is None else [sharp, depth]
    names = ("left", "right", "sharp")
    outputs = {name: folder / f"{sharp.stem}_{name}.{extension}" for name in names}
    for path in outputs.values():
        check_output(path, overwrite=overwrite, inputs=inputs)
    setup = choose(device, "fp32")
    for note in setup.notes:
        on_note(note)
    picture = read_picture(sharp)
    for warning in picture.info.warnings:
        on_warning(warning)
    encoded = picture.srgb()
    height, width = encoded.shape[:2]
    if options.radius is not None:
        defocus = torch.full((1, 1, 1, 1), options.radius)
    else:
        disparity = _disparity(depth, options.kind, (height, width), on_warning)
        radius = radius_from_disparity(disparity, options.focus, options.max_radius)
        defocus = resize_radius(radius, (height, width))
    radii = defocus.min().item(), defocus.max().item()
    lens = _lens(options, max(-radii[0], radii[1]))

    linear = srgb_to_linear(torch.from_numpy(encoded).permute(2, 0, 1)[None])
    views = photograph(
        linear.to(setup.device),
        defocus.to(setup.device),
        lens,
        lambda share: progress(_RENDERING * share),
    )
    rng = torch.Generator().manual_seed(options.seed)
    read, shot = torch.tensor([0.25 * options.noise]), torch.tensor([0.9375 * options.noise**2])
    noisy = (encode(add_sensor_noise(view.cpu(), shot, read, rng), 16)[0] for view in views)
    pixels = (*(view.permute(1, 2, 0).numpy() for view in noisy), encoded)
    info = dataclasses.replace(picture.info, alpha=None)
    for number, (path, content) in enumerate(zip(outputs.values(), pixels, strict=True), 1):
        for warning in write_picture(
            path, content, info, bit_depth=16, metadata=False, overwrite=overwrite
        ):
            on_warning(warning)
        progress(_RENDERING + (1 - _RENDERING) * number / len(outputs))
    return SynthPair(outputs, width, height, radii)


def _disparity(
    depth: Path | None, kind: str, size: tuple[int, int], on_warning: Callable[[str], None]
) -> Tensor:
    """Disparity `1 x 1 x H x W` in any unit, of a map of the shape of `size`, or of a plane."""
    if depth is None:
        return torch.linspace(0, 1, size[0])[:, None].expand(1, 1, *size)
    pixels = read_picture(depth).srgb()
    if abs(pixels - pixels[..., :1]).max() > 0.02:
        raise UnreadableFileError(depth, "it is in colour; give a gray map")
    height, width = pixels.shape[:2]
    if abs(width * size[0] / (height * size[1]) - 1) > 0.02:
        raise ShapeMismatchError("The picture and its map", size, (height, width))
    values = torch.from_numpy(pixels[None, None, ..., 0].copy())
    if kind == "distance" and not values.any():
        raise UnreadableFileError(depth, "it has no known distance, only zeros; give another map")
    if values.min() == values.max():
        on_warning(f"{depth} has the same value everywhere, so everything is in focus.")
    if kind == "distance":
        return disparity_from_distance(values)
    return -values if kind == "inverted" else values


def _lens(options: SynthOptions, largest: float) -> DiskPSF | Calibration:
    """The kernels of blur up to the radius `largest`."""
    psf, reach = options.psf, math.ceil(largest) + 1
    if psf == "disk":
        return DiskPSF(options.slope, reach)
    if psf == "butterworth":
        return DiskPSF(options.slope, reach, floor=0.15)
    if not psf.endswith(".npz"):
        raise OptionError("psf", f"'{psf}' is not disk, butterworth or an .npz file")
    lens = read_calibration(Path(psf))
    if (needed := lens.reach(largest)) > FARTHEST:
        raise OptionError(
            "psf",
            f"with {psf}, measured at a radius of {lens.radius:g} pixels, light would spread "
            f"{needed} pixels at {largest:g}, and {FARTHEST} are possible; check its radius",
        )
    return lens
