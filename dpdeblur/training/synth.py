"""A pair of one sharp picture, as files: what a dual-pixel camera would have taken of its scene."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dpdeblur.checked import Seed, Share, checked, within
from dpdeblur.errors import OptionError, ShapeMismatchError, UnreadableFileError
from dpdeblur.io import check_output, read_picture, write_picture
from dpdeblur.names import check_names
from dpdeblur.optics import read_calibration

PSFS = {"disk": 1.0, "butterworth": 0.15}
"""The floors of the kernels that have names, see `DiskPSF`."""
_RENDERING = 0.9
"""About the share of the time that rendering takes; writing files takes the rest."""
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
        folder: where <SHARP>_left, <SHARP>_right and <SHARP>_truth go.
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
    names = ("left", "right", "truth")
    outputs = {name: folder / f"{sharp.stem}_{name}.{extension}" for name in names}
    for path in outputs.values():
        check_output(path, overwrite=overwrite, inputs=inputs)
    check_names(device)
    picture = read_picture(sharp)
    for warning in picture.info.warnings:
        on_warning(warning)
    encoded = picture.srgb()
    height, width = encoded.shape[:2]
    values = None if depth is None else _depth(depth, options.kind, (height, width), on_warning)
    if options.psf not in PSFS and not options.psf.endswith(".npz"):
        raise OptionError("psf", f"'{options.psf}' is not disk, butterworth or an .npz file")
    calibration = None if options.psf in PSFS else read_calibration(Path(options.psf))

    from dpdeblur.training.synth_views import synth_views  # PyTorch, for which errors do not wait

    *views, radii = synth_views(
        encoded,
        values,
        options,
        calibration,
        device,
        on_note=on_note,
        progress=lambda share: progress(_RENDERING * share),
    )
    pixels = (*views, encoded)
    info = dataclasses.replace(picture.info, alpha=None)
    for number, (path, content) in enumerate(zip(outputs.values(), pixels, strict=True), 1):
        for warning in write_picture(
            path, content, info, bit_depth=16, metadata=False, overwrite=overwrite
        ):
            on_warning(warning)
        progress(_RENDERING + (1 - _RENDERING) * number / len(outputs))
    return SynthPair(outputs, width, height, radii)


def _depth(
    path: Path, kind: str, size: tuple[int, int], on_warning: Callable[[str], None]
) -> NDArray[np.float32]:
    """The numbers `H x W` of a map of the shape of `size`."""
    pixels = read_picture(path).srgb()
    if abs(pixels - pixels[..., :1]).max() > 0.02:
        raise UnreadableFileError(path, "it is in colour; give a gray map")
    height, width = pixels.shape[:2]
    if abs(width * size[0] / (height * size[1]) - 1) > 0.02:
        raise ShapeMismatchError("The picture and its map", size, (height, width))
    values: NDArray[Any] = pixels[..., 0].copy()
    if kind == "distance" and not values.any():
        raise UnreadableFileError(path, "it has no known distance, only zeros; give another map")
    if values.min() == values.max():
        on_warning(f"{path} has the same value everywhere, so everything is in focus.")
    return values
