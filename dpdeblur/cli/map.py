"""`dpdeblur map`: one dual-pixel photograph in, its defocus map and sharp picture out."""

from __future__ import annotations

import json as json_module
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpdeblur.cli import _mpi, _options, _photo
from dpdeblur.cli._errors import open_output

if TYPE_CHECKING:
    from dpdeblur.engines.optimiser import LinearViews
    from dpdeblur.optics import Calibration

SCHEMA = 1
"""Of map.json."""
CONVENTION = "positive behind the focus plane, negative in front of it, 0 in focus"
UNIT = "radius of the circle of confusion in pixels of this map"
GENERIC_UNIT = "radius of a generic lens's circle of confusion: right up to a factor"
RELATIVE = (
    "Without --calibration the map is relative: a generic lens is assumed, so the radii are "
    "right only up to a factor."
)


class Engine(_options.Choice):
    """How map and picture are found."""

    fast = "fast"
    full = "full"
    paper = "paper"


def map_(
    ctx: typer.Context,
    left: _options.PhotoOrLeft,
    right: _options.Right = None,
    *,
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")
    ],
    calibration: _mpi.CalibrationOption = None,
    engine: Annotated[
        Engine,
        typer.Option(
            help="fast: closed form; full: then refined; paper: as published, takes hours."
        ),
    ] = Engine.full,
    radii: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH", help="Range of blur radii in pixels; default: found in the picture."
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, ...")] = (
        "auto"
    ),
    size: _options.Size = None,
    balance: _options.BalanceOption = None,
    swap_views: _options.SwapViews = False,
    overwrite: _options.Overwrite = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Find how far out of focus each pixel is, and make an all-in-focus picture.

    This needs no training. DIR gets defocus.tif (signed blur radius in pixels, positive behind
    focus), a preview of it (defocus_preview.png), sharp.png with 16 bits, and map.json, a record of
    how they were made.

    [bold]Examples[/bold]

      dpdeblur map IMG_1_L.png IMG_1_R.png -o IMG_1_map

      dpdeblur map left.png right.png --calibration pixel4.npz -o desk --engine fast

      dpdeblur map IMG_0001.CR2 -o IMG_0001_map --size 1680
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    from dpdeblur import __version__
    from dpdeblur.cli._raw import statement
    from dpdeblur.engines.optimiser import MapOptions
    from dpdeblur.engines.optimiser.files import encoded, linear_views
    from dpdeblur.io import write_map, write_picture
    from dpdeblur.io.atomic import write_whole
    from dpdeblur.plots import draw_defocus

    inputs = _photo.check_inputs(left, right, folders="give the files of one photograph")
    raw = _photo.raw_options(right, size, balance, swap_views)
    outputs = _outputs(folder, overwrite, [*inputs, *([calibration] if calibration else [])])
    limits = None if radii is None else _two_radii(radii)
    options = MapOptions(engine.value, limits, _mpi.choose_device(printer, device))
    lens, told = _mpi.read_calibration(calibration)
    views = _photo.read(printer, left, right, raw)
    source = views.source
    for warning in source.warnings:
        printer.warn(warning)
    light = linear_views(views, lens)
    del views
    if limits is not None:
        _check_radii(limits, light, lens)
    if lens is None:
        printer.note(RELATIVE)
    if raw is not None:
        printer.note(statement(raw))
    found, memory = _mpi.find_map(printer, light, lens, options, outputs["sharp"].name)

    defocus = source.upright(found.defocus)
    pixels = source.upright(encoded(found.sharp))
    write_map(outputs["defocus"], defocus, overwrite=overwrite)
    draw_defocus(outputs["preview"], defocus, relative=lens is None, overwrite=overwrite)
    for warning in write_picture(
        outputs["sharp"], pixels, source, bit_depth=16, overwrite=overwrite
    ):
        printer.warn(warning)
    height, width = defocus.shape
    lowest, highest = (float(each) for each in (defocus.min(), defocus.max()))
    levels = lens and lens.levels
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "dpdeblur": __version__,
        "engine": engine.value,
        "inputs": [str(path) for path in inputs],
        "width": width,
        "height": height,
        "calibration": told,
        "relative": lens is None,
        "sign": CONVENTION,
        "unit": GENERIC_UNIT if lens is None else UNIT,
        "radii": [lowest, highest],
        "layers": list(found.layers),
        "light": {"encoding": "raw", "black": levels[0], "white": levels[1]}
        if levels
        else {"encoding": "sRGB"},
        "device": options.device,
        "seconds": found.seconds,
        "peak_memory": memory,
    }
    if raw is not None:
        data |= {"frame_1": raw.side_of_frame_1}
    record = data | {"warnings": printer.warnings}
    document = json_module.dumps(record, indent=2, allow_nan=False) + "\n"
    write_whole(outputs["record"], document.encode(), overwrite=overwrite)
    human = "\n".join(
        (
            *map(str, outputs.values()),
            f"{width}x{height}, radii {lowest:+.2f} to {highest:+.2f} px, "
            f"{_mpi.cost(found.seconds, memory)} ({options.device}, {engine.value})",
        )
    )
    printer.result(human, {"outputs": outputs} | data)


def _outputs(folder: Path, overwrite: bool, inputs: list[Path]) -> dict[str, Path]:
    """What is written into the folder, each of which could be."""
    from dpdeblur.io.atomic import check_place

    names = {
        "defocus": "defocus.tif",
        "preview": "defocus_preview.png",
        "sharp": "sharp.png",
        "record": "map.json",
    }
    outputs = {kind: folder / name for kind, name in names.items()}
    for place in outputs.values():
        check_place(place, overwrite=overwrite, inputs=inputs)
    return outputs


def _two_radii(text: str) -> tuple[float, float]:
    from dpdeblur.errors import OptionError

    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise OptionError(
            "--radii", f"{text!r} is not two numbers, the lower first; write them like -3,8.5"
        )
    return low, high


def _check_radii(
    radii: tuple[float, float], views: LinearViews, calibration: Calibration | None
) -> None:
    """Kernels larger than the picture would take much memory and tell nothing."""
    from dpdeblur.errors import OptionError

    height, width = views.left.shape[:2]
    largest = max(map(abs, radii))
    reach = math.ceil(largest) if calibration is None else calibration.reach(largest)
    if reach > min(height, width) / 2:
        raise OptionError(
            "--radii",
            f"{largest:g} would spread light by {reach} pixels to each side, too far for a picture "
            f"of {width}x{height}; give smaller radii",
        )
