"""`dpdeblur synth`: a sharp picture in, the dual-pixel views of it out."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output

if TYPE_CHECKING:
    from torch import Tensor

    from dpdeblur.cli._output import Output
    from dpdeblur.io import PictureInfo
    from dpdeblur.optics import Calibration, DiskPSF


FARTHEST = 1000
"""Pixels over which a calibration's kernels may spread light, as memory grows with its square."""


class MapKind(_options.Choice):
    """What the numbers of a map mean."""

    disparity = "disparity"
    inverted = "inverted"
    distance = "distance"


class Format(_options.Choice):
    """Kinds of file with 16 bits."""

    png = "png"
    tif = "tif"


def synth(
    ctx: typer.Context,
    sharp: Annotated[
        Path, typer.Argument(help="Picture in focus everywhere: PNG, TIFF, JPEG.", metavar="SHARP")
    ],
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write.")],
    depth: Annotated[
        Path | None,
        typer.Option(
            metavar="MAP", help="Gray picture of depth; default: a plane, far at the top."
        ),
    ] = None,
    kind: Annotated[
        MapKind,
        typer.Option(
            "--map",
            help="disparity: larger is nearer; inverted: larger is farther; distance: larger is "
            "farther, in any unit, 0 unknown.",
        ),
    ] = MapKind.disparity,
    focus: Annotated[
        float,
        typer.Option(min=0, max=1, help="Disparity in focus: 0 the farthest, 1 the nearest."),
    ] = 0.5,
    max_radius: Annotated[
        float, typer.Option(min=0, max=100, metavar="PX", help="Largest blur radius in pixels.")
    ] = 8.0,
    radius: Annotated[
        float | None,
        typer.Option(
            min=-100, max=100, metavar="PX", help="One radius for all, behind focus positive."
        ),
    ] = None,
    psf: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="disk, butterworth or a calibration (.npz).")
    ] = "disk",
    slope: Annotated[
        float,
        typer.Option(min=0, max=1, help="Split of disk and butterworth; 0.86: Canon 5D Mark IV."),
    ] = 0.86,
    noise: Annotated[
        float,
        typer.Option(min=0, max=1, help="Noise at white, mostly shot noise; 0.01 is visible."),
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Which noise.")] = 0,
    format_: Annotated[Format, typer.Option("--format", help="Kind of file.")] = Format.png,
    device: _options.Device = "auto",
    overwrite: _options.Overwrite = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Render what a dual-pixel camera would take of a scene, from a sharp picture of it.

    DIR gets <SHARP>_left, <SHARP>_right and <SHARP>_sharp with 16 bits, for fix, batch and eval.
    Blur grows with the difference of disparity (1 / distance) from the plane in focus.

    [bold]Examples[/bold]

      dpdeblur synth photo.jpg -o pairs

      dpdeblur synth room.png --depth room_disparity.png --focus 1 --max-radius 12 -o pairs

      dpdeblur synth chart.png --radius -5 --noise 0.01 -o pairs
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    import torch

    from dpdeblur.colour import srgb_to_linear
    from dpdeblur.device import choose
    from dpdeblur.errors import OptionError
    from dpdeblur.io import check_output, read_picture, write_picture
    from dpdeblur.optics import add_sensor_noise, encode, photograph

    if radius is not None and depth is not None:
        raise OptionError("--radius", "it is one blur for all, so --depth cannot be given as well")
    inputs = [sharp] if depth is None else [sharp, depth]
    outputs = {
        name: folder / f"{sharp.stem}_{name}.{format_.value}" for name in ("left", "right", "sharp")
    }
    for path in outputs.values():
        check_output(path, overwrite=overwrite, inputs=inputs)
    setup = choose(device, "fp32")
    for note in setup.notes:
        printer.note(note)
    picture = read_picture(sharp)
    for warning in picture.info.warnings:
        printer.warn(warning)
    encoded = picture.srgb()
    linear = srgb_to_linear(torch.from_numpy(encoded).permute(2, 0, 1)[None])
    if radius is None:
        defocus = _defocus(depth, kind, focus, max_radius, encoded.shape[:2], printer)
    else:
        defocus = torch.full((1, 1, 1, 1), radius)
    lowest, highest = defocus.min().item(), defocus.max().item()
    lens = _lens(psf, slope, max(-lowest, highest))

    with printer.progress() as bar:
        bar.add_task("Rendering", total=None)
        views = photograph(linear.to(setup.device), defocus.to(setup.device), lens)
    rng = torch.Generator().manual_seed(seed)
    read, shot = (torch.tensor([share * noise**power]) for share, power in ((0.25, 1), (0.9375, 2)))
    pixels = {
        name: encode(add_sensor_noise(view.cpu(), shot, read, rng), 16)[0].permute(1, 2, 0).numpy()
        for name, view in zip(("left", "right"), views, strict=True)
    }
    pixels["sharp"] = encoded
    info: PictureInfo = dataclasses.replace(picture.info, alpha=None)
    for name, path in outputs.items():
        notes = write_picture(
            path, pixels[name], info, bit_depth=16, metadata=False, overwrite=overwrite
        )
        for note in notes:
            printer.warn(note)

    height, width = encoded.shape[:2]
    human = "\n".join(
        (*map(str, outputs.values()), f"{width}x{height}, radii {lowest:z.1f} to {highest:z.1f} px")
    )
    data = {
        "outputs": outputs,
        "width": width,
        "height": height,
        "radii": [lowest, highest],
        "psf": psf,
        "slope": slope,
        "noise": noise,
        "seed": seed,
    }
    printer.result(human, data)


def _defocus(
    depth: Path | None,
    kind: MapKind,
    focus: float,
    largest: float,
    size: tuple[int, int],
    printer: Output,
) -> Tensor:
    """Radii `1 x 1 x height x width` in pixels, from a map or of a plane."""
    import torch

    from dpdeblur.errors import ShapeMismatchError, UnreadableFileError
    from dpdeblur.io import read_picture
    from dpdeblur.optics import disparity_from_distance, radius_from_disparity, resize_radius

    if depth is None:
        disparity = torch.linspace(0, 1, size[0])[:, None].expand(1, 1, *size)
    else:
        pixels = read_picture(depth).srgb()
        if abs(pixels - pixels[..., :1]).max() > 0.02:
            raise UnreadableFileError(depth, "it is in colour, and a map is gray")
        height, width = pixels.shape[:2]
        if abs(width * size[0] / (height * size[1]) - 1) > 0.02:
            raise ShapeMismatchError("The picture and its map", size, (height, width))
        disparity = torch.from_numpy(pixels[None, None, ..., 0].copy())
        if kind is MapKind.distance and not disparity.any():
            raise UnreadableFileError(depth, "it holds no known distance, only zeros")
        if disparity.min() == disparity.max():
            printer.warn(f"{depth} has the same value everywhere, so everything is in focus.")
        if kind is MapKind.distance:
            disparity = disparity_from_distance(disparity)
        elif kind is MapKind.inverted:
            disparity = -disparity
    return resize_radius(radius_from_disparity(disparity, focus, largest), size)


def _lens(psf: str, slope: float, largest: float) -> DiskPSF | Calibration:
    from dpdeblur.errors import OptionError
    from dpdeblur.optics import DiskPSF, read_calibration

    reach = math.ceil(largest) + 1
    if psf == "disk":
        return DiskPSF(slope, reach)
    if psf == "butterworth":
        return DiskPSF(slope, reach, floor=0.15)
    if not psf.endswith(".npz"):
        raise OptionError("--psf", f"'{psf}' is neither disk nor butterworth nor an .npz file")
    lens = read_calibration(Path(psf))
    if (needed := lens.reach(largest)) > FARTHEST:
        raise OptionError(
            "--psf",
            f"with {psf}, measured at a radius of {lens.radius:g} pixels, light would spread "
            f"{needed} pixels at {largest:g}, and {FARTHEST} are possible; check its radius",
        )
    return lens
