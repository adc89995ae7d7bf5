"""`dpdeblur map`: one dual-pixel photograph in, its defocus map and sharp picture out."""

from __future__ import annotations

import json as json_module
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dpdeblur.cli import _inputs, _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output, describe_run

SCHEMA = 2
"""Of map.json."""
CONVENTION = "positive behind the focus plane, negative in front of it, 0 in focus"
UNIT = "radius of the circle of confusion in pixels of this map"
GENERIC_UNIT = "radius of a generic lens's circle of confusion: right up to a factor"
RELATIVE = (
    "Without --calibration the map is relative: a generic lens is assumed, so the radii are "
    "right only up to a factor."
)


@command
def map_(
    printer: Output,
    left: _options.PhotoOrLeft,
    right: _options.Right = None,
    *,
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")
    ],
    calibration: _options.Calibration = None,
    method: Annotated[
        _options.Method,
        typer.Option(
            help="fast: closed form; full: then refined; paper: as published, takes hours."
        ),
    ] = _options.Method.full,
    radii: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH", help="Range of blur radii in pixels; default: found in the picture."
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, ...")] = (
        "auto"
    ),
    raw: _options.RawChoice,
    overwrite: _options.Overwrite = False,
) -> None:
    """Find how far out of focus each pixel is, and make an all-in-focus picture.

    This needs no training. DIR gets defocus.tif (signed blur radius in pixels, positive behind
    focus), a preview of it (defocus_preview.png), sharp.png with 16 bits, and map.json, a record of
    how they were made.

    [bold]Examples[/bold]

      dpdeblur map IMG_1_L.png IMG_1_R.png -o IMG_1_map

      dpdeblur map left.png right.png --calibration pixel4.npz -o desk --method fast

      dpdeblur map IMG_0001.CR2 -o IMG_0001_map --size 1680
    """
    from dpdeblur.engines.optimiser import Optimiser, OptimiserOptions
    from dpdeblur.io import write_map, write_picture
    from dpdeblur.io.atomic import write_whole
    from dpdeblur.optics import read_calibration
    from dpdeblur.plots import draw_defocus

    inputs = _inputs.check_inputs(left, right, folders="give the files of one photograph")
    develop = _inputs.raw_options(right, raw)
    outputs = _outputs(folder, overwrite, [*inputs, *([calibration] if calibration else [])])
    limits = None if radii is None else _two_radii(radii)
    lens = None if calibration is None else read_calibration(calibration)
    engine = Optimiser(lens, OptimiserOptions(method.value, limits, device))
    engine.prepare()
    pair = engine.read(_inputs.read_photo(left, right, develop))
    printer.warn(*pair.warnings)
    restored = printer.restore(engine, pair, outputs["sharp"].name, "Finding the map")
    run = restored.run
    # After the engine, which refuses what it cannot use: then there is only its sentence.
    told = (RELATIVE if lens is None else None, _inputs.statement(develop) if develop else None)
    printer.note(*filter(None, told), *run.notes)

    assert restored.defocus is not None  # this engine finds one
    defocus = pair.upright(restored.defocus)
    write_map(outputs["defocus"], defocus, overwrite=overwrite)
    draw_defocus(outputs["preview"], defocus, relative=lens is None, overwrite=overwrite)
    pixels = pair.upright(restored.image)
    printer.warn(
        *write_picture(outputs["sharp"], pixels, pair.info, bit_depth=16, overwrite=overwrite)
    )
    height, width = defocus.shape
    lowest, highest = (float(each) for each in (defocus.min(), defocus.max()))
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "inputs": [str(path) for path in inputs],
        "width": width,
        "height": height,
        "relative": lens is None,
        "sign": CONVENTION,
        "unit": GENERIC_UNIT if lens is None else UNIT,
        "radii": [lowest, highest],
        "light": {"encoding": "raw", "black": pair.levels[0], "white": pair.levels[1]}
        if pair.levels
        else {"encoding": "sRGB"},
        "run": asdict(run),
    }
    if develop is not None:
        data |= {"frame_1": develop.side_of_frame_1}
    record = data | {"warnings": printer.warnings}
    document = json_module.dumps(record, indent=2, allow_nan=False) + "\n"
    write_whole(outputs["record"], document.encode(), overwrite=overwrite)
    human = "\n".join(
        (
            *map(str, outputs.values()),
            f"{width}x{height}, radii {lowest:+.2f} to {highest:+.2f} px, {describe_run(run)}",
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
