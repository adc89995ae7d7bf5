"""`dpdeblur split`: the two views out of a Dual Pixel RAW."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output


class Format(_options.Choice):
    """Formats of more than 8 bits."""

    png = "png"
    tif = "tif"
    tiff = "tiff"
    exr = "exr"


@command
def split(
    printer: Output,
    photo: Annotated[Path, typer.Argument(help="Canon raw file: CR2 or CR3.", metavar="PHOTO")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write to; default: PHOTO's."),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="Format of the views; exr is always linear.")
    ] = Format.tiff,
    combined: Annotated[
        bool, typer.Option("--combined", help="Also write the ordinary picture.")
    ] = False,
    linear: Annotated[
        bool, typer.Option("--linear", help="Write linear light instead of sRGB.")
    ] = False,
    half: Annotated[bool, typer.Option("--half", help="Develop at half the size (fast).")] = False,
    balance: _options.BalanceOption = None,
    swap_views: _options.SwapViews = False,
    overwrite: _options.Overwrite = False,
    no_metadata: _options.NoMetadata = False,
) -> None:
    """Develop the two views of a Canon Dual Pixel RAW: <name>_left.tif and <name>_right.tif.

    The views are upright 16-bit sRGB, with the camera's crop and white balance, all at the same
    exposure. They keep the file's EXIF data.

    [bold]Examples[/bold]

      dpdeblur split IMG_0001.CR2

      dpdeblur split IMG_0001.CR3 -o views/ --combined --format png
    """
    from dpdeblur.io import check_outputs, write_picture
    from dpdeblur.raw import RawOptions, develop, finish, open_raw

    ending = {Format.png: ".png", Format.exr: ".exr"}.get(format_, ".tif")
    linear = linear or format_ is Format.exr
    folder = photo.parent if output is None else output
    names = ("left", "right", "combined")[: 3 if combined else 2]
    paths = {name: folder / f"{photo.stem}_{name}{ending}" for name in names}
    check_outputs(list(paths.values()), overwrite=overwrite, inputs=[photo])
    raw = open_raw(photo)
    options = RawOptions(half=half, balance=balance != "off", swap_views=swap_views)
    pictures, warnings = develop(raw, options, combined=combined)
    printer.warn(*warnings)
    info = raw.header.picture_info(photo, linear=linear)
    printer.note(*_options.statement(options))
    for name, path in paths.items():
        pixels = info.upright(finish(pictures.pop(name), linear=linear))
        printer.warn(
            *write_picture(path, pixels, info, metadata=not no_metadata, overwrite=overwrite)
        )
    height, width = pixels.shape[:2]
    printer.result(
        [f"{path}  {width}x{height}" for path in paths.values()],
        {
            "views": paths,
            "width": width,
            "height": height,
            "frame_1": options.side_of_frame_1,
            "linear": linear,
        },
    )
