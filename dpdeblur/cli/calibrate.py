"""`dpdeblur calibrate`: measure a camera once, for `map` and `fix --engine mpi`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output

if TYPE_CHECKING:
    from dpdeblur.optics import Calibration

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Measure a camera's blur and vignetting, once.",
)

Target = Annotated[
    Path, typer.Option("--output", "-o", metavar="CAL", help="Calibration to write (.npz).")
]
_PAIR = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})")


@app.command()
def solve(
    ctx: typer.Context,
    left: Annotated[Path, typer.Argument(help="Left view, out of focus.", metavar="BLURRED_LEFT")],
    right: Annotated[
        Path, typer.Argument(help="Right view, out of focus.", metavar="BLURRED_RIGHT")
    ],
    sharp: Annotated[
        Path, typer.Argument(help="One picture of the same pattern in focus.", metavar="SHARP")
    ],
    output: Target,
    white_left: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Left view of a white sheet.")
    ] = None,
    white_right: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Right view of a white sheet.")
    ] = None,
    grid: Annotated[
        str, typer.Option(metavar="ROWSxCOLUMNS", help="Tiles; each gets its own kernels.")
    ] = "6x8",
    kernel_size: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Width of the kernels, odd; default: the dots' spacing."),
    ] = None,
    black: Annotated[
        float | None, typer.Option(metavar="N", help="Black level of linear raw numbers.")
    ] = None,
    white: Annotated[
        float | None,
        typer.Option(
            metavar="N", help="White level of linear raw numbers; default: files are sRGB."
        ),
    ] = None,
    overwrite: _options.Overwrite = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Find the kernels of both views from photographs of the dots that `calibrate pattern` makes.

    Photograph the dots twice from the same place: out of focus for the two blurred views, and in
    focus for the sharp picture. Radius and sign of the blur come from the kernels.

    [bold]Examples[/bold]

      dpdeblur calibrate solve blur_L.png blur_R.png sharp.png -o camera.npz

      dpdeblur calibrate solve blur_L.png blur_R.png sharp.png --white-left white_L.png
      --white-right white_R.png -o camera.npz
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    import numpy as np

    from dpdeblur.calibration import describe, read_shots
    from dpdeblur.calibration import solve as solve_shots
    from dpdeblur.errors import OptionError
    from dpdeblur.optics import write_calibration

    tiles = _two_numbers("--grid", grid)
    if max(tiles) > 64:
        raise OptionError("--grid", f"{grid} has more than 64 tiles along a side; give fewer")
    if (white_left is None) != (white_right is None):
        raise OptionError("--white-left", "give it together with --white-right, or leave both out")
    levels = None
    if white is not None:
        levels = _levels(black or 0.0, white)
    elif black is not None:
        raise OptionError("--black", "give it together with --white, or leave it out")
    whites = None if white_left is None or white_right is None else (white_left, white_right)
    _check(output, overwrite, [left, right, sharp, *(whites or ())])
    shots = read_shots(left, right, sharp, whites, levels)
    for note in shots.warnings:
        printer.warn(note)
    with printer.progress() as bar:
        task = bar.add_task("Solving", total=None)
        solved = solve_shots(
            shots,
            tiles,
            kernel_size,
            lambda done, all_: bar.update(task, completed=done, total=all_),
        )
    for note in solved.warnings:
        printer.warn(note)
    write_calibration(output, solved.calibration, overwrite=overwrite)
    percent = np.round(100 * solved.residual.astype(float), 2)
    unexplained = f"{percent.mean():.1f} % of the pattern's contrast, at most {percent.max():.1f} %"
    table = "\n".join(
        "  " + "  ".join(f"{tile[0]:4.1f}/{tile[1]:4.1f}" for tile in row) for row in percent
    )
    human = (
        f"{output}\n{_human(solved.calibration)}\n"
        f"Dots {solved.spacing:.0f} px apart; sharp picture moved by up to {solved.drift:.1f} px\n"
        f"Unexplained: {unexplained}; left/right by tile, in %:\n{table}"
    )
    data = {"spacing": solved.spacing, "drift": solved.drift, "residual_percent": percent.tolist()}
    printer.result(human, {"output": output} | describe(solved.calibration) | data)


@app.command()
def pattern(
    ctx: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PNG", help="Picture to write.")
    ],
    size: Annotated[
        str, typer.Option(metavar="WIDTHxHEIGHT", help="Size of your monitor in pixels.")
    ] = "3840x2160",
    spacing: Annotated[
        float, typer.Option(metavar="PX", help="Distance from dot to dot, in the monitor's pixels.")
    ] = 96.0,
    dot: Annotated[
        float | None,
        typer.Option(metavar="PX", help="Diameter of a dot; default: a sixth of the spacing."),
    ] = None,
    overwrite: _options.Overwrite = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Make the target for `calibrate solve`: a regular grid of white dots on black.

    In the photograph, the dots must be farther apart than the blur is wide.

    [bold]Example[/bold]

      dpdeblur calibrate pattern -o grid.png --size 2560x1440
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    import numpy as np

    from dpdeblur.calibration import dot_grid
    from dpdeblur.colour import linear_to_srgb
    from dpdeblur.io import check_output, write_picture

    width, height = _two_numbers("--size", size)
    check_output(output, overwrite=overwrite)
    diameter = spacing / 6 if dot is None else dot
    dots = linear_to_srgb(dot_grid(height, width, spacing, diameter))
    write_picture(output, np.repeat(dots[..., None], 3, -1), bit_depth=8, overwrite=overwrite)
    human = f"{output}\n{width}x{height}, dots {spacing:g} px apart, {diameter:.4g} px wide"
    data = {"size": [height, width], "spacing": spacing, "dot": diameter}
    printer.result(human, {"output": output} | data)


@app.command("import")
def import_(
    ctx: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of blur_kernels_*.npy and white_sheet_*.png.", metavar="DIR"),
    ],
    output: Target,
    black: Annotated[float, typer.Option(metavar="N", help="Black level of the raw numbers.")] = (
        1024
    ),
    white: Annotated[float, typer.Option(metavar="N", help="White level of the raw numbers.")] = (
        16383
    ),
    overwrite: _options.Overwrite = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Import the calibration of Xin et al. (ICCV 2021) for the Pixel 4.

    Pairs used with it are assumed to be linear raw numbers with this black and white level.

    [bold]Example[/bold]

      dpdeblur calibrate import calibration/ -o pixel4.npz
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    from dpdeblur.calibration import describe, import_folder
    from dpdeblur.optics import write_calibration

    levels = _levels(black, white)
    _check(output, overwrite, [])
    calibration = import_folder(folder, levels)
    write_calibration(output, calibration, overwrite=overwrite)
    printer.result(f"{output}\n{_human(calibration)}", {"output": output} | describe(calibration))


@app.command()
def show(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="Calibration (.npz).", metavar="CAL")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PNG", help="Draw the kernels to this file."),
    ] = None,
    overwrite: _options.Overwrite = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Print what a calibration holds, and draw its kernels.

    [bold]Example[/bold]

      dpdeblur calibrate show camera.npz -o kernels.png
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    from dpdeblur.calibration import describe, draw_kernels
    from dpdeblur.errors import UnsupportedFormatError
    from dpdeblur.io.atomic import check_place
    from dpdeblur.optics import read_calibration

    if output is not None:
        if output.suffix.lower() != ".png":
            raise UnsupportedFormatError(output, (".png",))
        check_place(output, overwrite=overwrite, inputs=[path])
    calibration = read_calibration(path)
    human = _human(calibration)
    if output is not None:
        draw_kernels(output, calibration, overwrite=overwrite)
        human = f"{output}\n{human}"
    printer.result(human, {"output": output} | describe(calibration))


def _human(calibration: Calibration) -> str:
    from dpdeblur.calibration import describe

    told = describe(calibration)
    rows, columns = told["tiles"]
    apart, ratio, frame, levels = (told[name] for name in ("disparity", "ratio", "frame", "levels"))
    side = "behind" if calibration.radius > 0 else "in front of"
    return "\n".join(
        (
            f"{rows}x{columns} tiles, kernels of {told['kernel_size']} px",
            f"Radius {calibration.radius:+.2f} px ({side} focus), "
            f"disparity {apart['mean']:+.2f} px ({apart['min']:+.2f} to {apart['max']:+.2f})",
            f"For pictures of {frame[1]}x{frame[0]}" if frame else "For pictures of any size",
            f"Linear raw numbers, black {levels[0]:g}, white {levels[1]:g}" if levels else "sRGB",
            f"Brightness of left over right {ratio['min']:.3f} to {ratio['max']:.3f}"
            if ratio
            else "No vignetting measured",
        )
    )


def _two_numbers(option: str, text: str) -> tuple[int, int]:
    from dpdeblur.errors import OptionError

    match = _PAIR.fullmatch(text.strip().lower())
    if match is None:
        raise OptionError(option, f"{text!r} is not two whole numbers; write them like 6x8")
    return int(match[1]), int(match[2])


def _levels(black: float, white: float) -> tuple[float, float]:
    from dpdeblur.errors import OptionError

    if not 0 <= black < white <= 65535:
        raise OptionError(
            "--black, --white",
            f"{black:g} and {white:g} do not satisfy 0 <= black < white <= 65535",
        )
    return black, white


def _check(output: Path, overwrite: bool, inputs: list[Path]) -> None:
    from dpdeblur.errors import UnsupportedFormatError
    from dpdeblur.io.atomic import check_place

    if output.suffix.lower() != ".npz":
        raise UnsupportedFormatError(output, (".npz",))
    check_place(output, overwrite=overwrite, inputs=inputs)
