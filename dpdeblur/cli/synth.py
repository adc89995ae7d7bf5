"""`dpdeblur synth`: a sharp picture in, the dual-pixel views of it out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output


class MapKind(_options.Choice):
    """What the numbers of a map mean."""

    disparity = "disparity"
    inverted = "inverted"
    distance = "distance"


class Format(_options.Choice):
    """Formats of 16 bits."""

    png = "png"
    tif = "tif"
    tiff = "tiff"


@command
def synth(
    printer: Output,
    sharp: Annotated[Path, typer.Argument(help="Picture in focus everywhere.", metavar="SHARP")],
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")
    ],
    depth: Annotated[
        Path | None,
        typer.Option(
            metavar="MAP", help="Gray picture of depth; default: a plane, far at the top."
        ),
    ] = None,
    kind: Annotated[
        MapKind | None,
        typer.Option(
            "--map",
            help="disparity (default): larger is nearer; inverted: larger is farther; distance: "
            "larger is farther, in any unit, 0 unknown.",
        ),
    ] = None,
    focus: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Disparity in focus: 0 is the farthest, 1 the nearest; default: 0.5.",
        ),
    ] = None,
    max_radius: Annotated[
        float | None,
        typer.Option(
            min=0, max=100, metavar="PX", help="Largest blur radius in pixels; default: 8."
        ),
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option(
            min=-100, max=100, metavar="PX", help="One radius everywhere, positive behind focus."
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
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the noise.")] = 0,
    format_: Annotated[
        Format, typer.Option("--format", help="Format of the pictures.")
    ] = Format.png,
    device: _options.Device = "auto",
    overwrite: _options.Overwrite = False,
) -> None:
    """Render the two views that a dual-pixel camera would take, from a sharp picture.

    DIR gets <SHARP>_left, <SHARP>_right and <SHARP>_truth with 16 bits, for fix, batch and eval.
    Blur grows with the difference in disparity (1 / distance) from the focus plane.

    [bold]Examples[/bold]

      dpdeblur synth photo.jpg -o pairs

      dpdeblur synth room.png --depth room_disparity.png --focus 1 --max-radius 12 -o pairs

      dpdeblur synth chart.png --radius -5 --noise 0.01 -o pairs
    """
    from dpdeblur.training import SynthOptions, write_pair

    if radius is not None:
        reason = "--radius sets one blur for the whole picture; leave one of the two out"
        _options.refuse(reason, depth=depth, map=kind, focus=focus, max_radius=max_radius)
    if depth is None:
        _options.refuse("it says what --depth holds; give that too, or leave it out", map=kind)
    depths: dict[str, Any] = {"kind": kind and kind.value, "focus": focus, "max_radius": max_radius}
    given = {key: value for key, value in depths.items() if value is not None}
    camera: dict[str, Any] = {"psf": psf, "slope": slope, "noise": noise, "seed": seed}
    options = SynthOptions(radius=radius, **given, **camera)
    with printer.progress() as bar:
        task = bar.add_task("Rendering", total=None)
        pair = write_pair(
            sharp,
            folder,
            options,
            depth=depth,
            extension="png" if format_ is Format.png else "tif",
            device=device,
            overwrite=overwrite,
            on_note=printer.note,
            on_warning=printer.warn,
            progress=lambda share: bar.update(task, completed=share, total=1),
        )
    lowest, highest = pair.radii
    radii = (
        f"radius {lowest:z.1f}" if lowest == highest else f"radii {lowest:z.1f} to {highest:z.1f}"
    )
    size = f"{pair.width}x{pair.height}, {radii} px"
    printer.result((*map(str, pair.outputs.values()), size), vars(pair) | camera)
