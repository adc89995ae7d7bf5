"""`dpdeblur map`: one dual-pixel photograph in, its defocus map and sharp picture out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output, describe_run

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
    from dpdeblur.engines import EngineRequest, optimiser
    from dpdeblur.raw import check_photo, read_photo

    check_photo(left, right, instead="give the files of one photograph")
    develop = raw.options_for(right)
    inputs = [path for path in (left, right) if path is not None]
    read = [*inputs, calibration] if calibration else inputs
    optimiser.check_map_files(folder, read, overwrite=overwrite)
    limits = None if radii is None else optimiser.parse_radii(radii)
    request = EngineRequest(
        "mpi", device=device, calibration=calibration, method=method.value, radii=limits
    )
    pair = read_photo(left, right, develop, raw.views())
    printer.warn(*pair.warnings)
    engine = request.make()  # with PyTorch, for which errors shall not wait
    pair = engine.read(pair)
    outputs = optimiser.map_files(folder)
    restored = printer.restore(engine, pair, "Finding the map")
    # After the engine, which refuses what it cannot use: then there is only its sentence.
    relative = (RELATIVE,) if calibration is None else ()
    remarks = (*_options.statement(develop), *raw.remarks(pair))
    printer.note(*relative, *remarks, *restored.run.notes)

    data = {"inputs": [str(path) for path in inputs]} | optimiser.describe_map(pair, restored)
    if develop is not None:
        data |= {"frame_1": develop.side_of_frame_1}
    record = data | {"warnings": printer.warnings}
    printer.warn(*optimiser.write_map_folder(folder, pair, restored, record, overwrite=overwrite))
    lowest, highest = data["radii"]
    size = f"{data['width']}x{data['height']}, radii {lowest:+.2f} to {highest:+.2f} px"
    human = (*map(str, outputs.values()), f"{size}, {describe_run(restored.run)}")
    printer.result(human, {"outputs": outputs} | data)
