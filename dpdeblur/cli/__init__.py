"""The command line: one file per command, thin over the library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpdeblur import __version__
from dpdeblur.cli._command import CONFIG
from dpdeblur.cli._config import read_config
from dpdeblur.cli._errors import ErrorGroup
from dpdeblur.cli.batch import batch
from dpdeblur.cli.bench import bench
from dpdeblur.cli.calibrate import app as calibrate
from dpdeblur.cli.eval import eval_
from dpdeblur.cli.export import export
from dpdeblur.cli.fix import fix
from dpdeblur.cli.info import info
from dpdeblur.cli.map import map_
from dpdeblur.cli.mean import mean
from dpdeblur.cli.page import app_
from dpdeblur.cli.refocus import refocus
from dpdeblur.cli.score import score
from dpdeblur.cli.split import split
from dpdeblur.cli.synth import synth
from dpdeblur.cli.train import train

app = typer.Typer(
    cls=ErrorGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (fix, refocus, split, batch, score, info, bench, train, mean, synth, export):
    app.command()(command)
app.command("map")(map_)
app.command("app")(app_)
app.command("eval")(eval_)
app.add_typer(calibrate, name="calibrate")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dpdeblur {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_print_version, is_eager=True, help="Show the version."
        ),
    ] = False,
    megapixels: Annotated[
        float | None,
        typer.Option(metavar="N", help="Size of the largest picture that is read; default: 300."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            readable=False,  # our own error says it better
            metavar="FILE",
            envvar="DPDEBLUR_CONFIG",
            help="Your defaults for options (TOML), in place of the file that info shows.",
        ),
    ] = None,
) -> None:
    """Turn dual-pixel photographs into all-in-focus pictures.

    [bold]dpdeblur fix IMG.CR2[/bold] restores a Canon Dual Pixel RAW, [bold]dpdeblur fix LEFT
    RIGHT[/bold] a pair of views, [bold]dpdeblur batch IN OUT[/bold] a folder of both.
    """
    settings = read_config(config)
    ctx.default_map = settings.defaults(ctx.command)
    ctx.meta[CONFIG] = settings
    limit = settings.megapixels if megapixels is None else megapixels
    if limit is not None:
        from dpdeblur.io import allow_megapixels

        allow_megapixels(limit)
