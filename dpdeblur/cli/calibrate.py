"""`dpdeblur calibrate`: measure a camera once, for `map` and `fix --engine mpi`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._errors import PlainGroup
from dpdeblur.cli._output import Output

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Measure a camera's blur and vignetting, once.",
)

Npz = Annotated[Path, Option("--output", "-o", metavar="CAL", help="Calibration to write (.npz).")]


@app.command()
@command
def solve(
    printer: Output,
    left: Annotated[Path, Argument(help="Left view, out of focus.", metavar="BLURRED_LEFT")],
    right: Annotated[Path, Argument(help="Right view, out of focus.", metavar="BLURRED_RIGHT")],
    sharp: Annotated[
        Path, Argument(help="One picture of the same pattern in focus.", metavar="SHARP")
    ],
    output: Npz,
    white_left: Annotated[
        Path | None, Option(metavar="FILE", help="Left view of a white sheet.")
    ] = None,
    white_right: Annotated[
        Path | None, Option(metavar="FILE", help="Right view of a white sheet.")
    ] = None,
    grid: Annotated[
        str, Option(metavar="ROWSxCOLUMNS", help="Tiles; each gets its own kernels.")
    ] = "6x8",
    kernel_size: Annotated[
        int | None,
        Option(metavar="PX", help="Width of the kernels, odd; default: the dots' spacing."),
    ] = None,
    black: Annotated[
        float | None, Option(metavar="N", help="Black level of linear raw numbers.")
    ] = None,
    white: Annotated[
        float | None,
        Option(metavar="N", help="White level of linear raw numbers; default: files are sRGB."),
    ] = None,
    overwrite: _options.Overwrite = False,
) -> None:
    """Find the kernels of both views from photographs of the dots that `calibrate pattern` makes.

    Photograph the dots twice from the same place: out of focus for the two blurred views, and in
    focus for the sharp picture. Radius and sign of the blur come from the kernels.

    [bold]Examples[/bold]

      dpdeblur calibrate solve blur_L.png blur_R.png sharp.png -o camera.npz

      dpdeblur calibrate solve blur_L.png blur_R.png sharp.png --white-left white_L.png
      --white-right white_R.png -o camera.npz
    """
    from dpdeblur import calibration
    from dpdeblur.errors import OptionError
    from dpdeblur.io.atomic import check_writable
    from dpdeblur.optics import write_calibration

    tiles = calibration.parse_grid(grid)
    if (white_left is None) != (white_right is None):
        raise OptionError("--white-left", "give it together with --white-right, or leave both out")
    if white is None and black is not None:
        raise OptionError("--black", "give it together with --white, or leave it out")
    levels = None if white is None else calibration.check_levels(black or 0.0, white)
    whites = None if white_left is None or white_right is None else (white_left, white_right)
    inputs = [left, right, sharp, *(whites or ())]
    check_writable(output, overwrite=overwrite, inputs=inputs, extensions=(".npz",))
    shots = calibration.read_shots(left, right, sharp, whites, levels)
    printer.warn(*shots.warnings)
    with printer.progress() as bar:
        task = bar.add_task("Solving", total=None)
        solved = calibration.solve(
            shots, tiles, kernel_size, lambda done, of: bar.update(task, completed=done, total=of)
        )
    printer.warn(*solved.warnings)
    write_calibration(output, solved.calibration, overwrite=overwrite)
    human = (str(output), *calibration.fit_summary(solved).splitlines())
    printer.result(human, {"output": output} | calibration.describe_fit(solved))


@app.command()
@command
def pattern(
    printer: Output,
    output: Annotated[Path, Option("--output", "-o", metavar="PNG", help="Picture to write.")],
    size: Annotated[
        str, Option(metavar="WIDTHxHEIGHT", help="Size of your monitor in pixels.")
    ] = "3840x2160",
    spacing: Annotated[
        float, Option(metavar="PX", help="Distance from dot to dot, in the monitor's pixels.")
    ] = 96.0,
    dot: Annotated[
        float | None,
        Option(metavar="PX", help="Diameter of a dot; default: a sixth of the spacing."),
    ] = None,
    overwrite: _options.Overwrite = False,
) -> None:
    """Make the target for `calibrate solve`: a regular grid of white dots on black.

    In the photograph, the dots must be farther apart than the blur is wide.

    [bold]Example[/bold]

      dpdeblur calibrate pattern -o grid.png --size 2560x1440
    """
    from dpdeblur.calibration import parse_sides, write_pattern

    width, height = parse_sides(size, "size")
    diameter = spacing / 6 if dot is None else dot
    write_pattern(output, (height, width), spacing, diameter, overwrite=overwrite)
    dots = f"{width}x{height}, dots {spacing:g} px apart, {diameter:.4g} px wide"
    data = {"output": output, "size": [height, width], "spacing": spacing, "dot": diameter}
    printer.result((str(output), dots), data)


@app.command("import")
@command
def import_(
    printer: Output,
    folder: Annotated[
        Path, Argument(help="Folder of blur_kernels_*.npy and white_sheet_*.png.", metavar="DIR")
    ],
    output: Npz,
    black: Annotated[
        float | None,
        Option(metavar="N", help="Black level of the raw numbers; default: the Pixel 4's."),
    ] = None,
    white: Annotated[
        float | None,
        Option(metavar="N", help="White level of the raw numbers; default: the Pixel 4's."),
    ] = None,
    overwrite: _options.Overwrite = False,
) -> None:
    """Import the calibration of Xin et al. (ICCV 2021) for the Pixel 4.

    Pairs used with it are assumed to be linear raw numbers with this black and white level.

    [bold]Example[/bold]

      dpdeblur calibrate import calibration/ -o pixel4.npz
    """
    from dpdeblur.calibration import (
        PIXEL_4_LEVELS,
        check_levels,
        describe,
        import_folder,
        summary,
    )
    from dpdeblur.io.atomic import check_writable
    from dpdeblur.optics import write_calibration

    low, high = PIXEL_4_LEVELS
    levels = check_levels(low if black is None else black, high if white is None else white)
    check_writable(output, overwrite=overwrite, extensions=(".npz",))
    calibration = import_folder(folder, levels)
    write_calibration(output, calibration, overwrite=overwrite)
    human = (str(output), *summary(calibration).splitlines())
    printer.result(human, {"output": output} | describe(calibration))


@app.command()
@command
def show(
    printer: Output,
    path: Annotated[Path, Argument(help="Calibration (.npz).", metavar="CAL")],
    output: Annotated[
        Path | None, Option("--output", "-o", metavar="PNG", help="Draw the kernels to this file.")
    ] = None,
    overwrite: _options.Overwrite = False,
) -> None:
    """Print what a calibration holds, and draw its kernels.

    [bold]Example[/bold]

      dpdeblur calibrate show camera.npz -o kernels.png
    """
    from dpdeblur.calibration import describe, draw_kernels, summary
    from dpdeblur.io.atomic import check_writable
    from dpdeblur.optics import read_calibration

    if output is not None:
        check_writable(output, overwrite=overwrite, inputs=[path], extensions=(".png",))
    calibration = read_calibration(path)
    human = summary(calibration).splitlines()
    if output is not None:
        draw_kernels(output, calibration, overwrite=overwrite)
        human = [str(output), *human]
    printer.result(human, {"output": output} | describe(calibration))
