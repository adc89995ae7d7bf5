"""`dpdeblur score`: PSNR, SSIM and MAE against ground truth, under a named protocol."""

from __future__ import annotations

import csv as csvlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output
from dpdeblur.cli._output import metric_table

if TYPE_CHECKING:
    from dpdeblur.metrics import Scores

MEAN = "mean"


def score(
    ctx: typer.Context,
    prediction: Annotated[
        Path, typer.Argument(help="Picture to score, or a folder.", metavar="PRED")
    ],
    truth: Annotated[Path, typer.Argument(help="The sharp picture, or a folder.", metavar="TRUTH")],
    untouched: Annotated[
        Path | None,
        typer.Option("--input", metavar="C", help="Score the untouched input as well."),
    ] = None,
    protocol: _options.ProtocolOption = _options.ProtocolName.dpdd,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write a table.")
    ] = None,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Score pictures against ground truth: two files, or two folders paired by name.

    Folders are matched by relative path without the extension, never by position. The mean is
    that of the pictures' scores, as the field reports it.

    [bold]Examples[/bold]

      dpdeblur score sharp.png truth.png

      dpdeblur score results/ truth/ --input blurred/ --csv scores.csv

      dpdeblur score results/ truth/ --protocol dpdd-8bit --json
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    from rich.console import Group

    from dpdeblur.imaging import read_picture
    from dpdeblur.metrics import PROTOCOLS, mean_scores, pair_folders, versions
    from dpdeblur.metrics import score as score_pictures

    match = pair_folders(prediction, truth, untouched)
    for path in (*match.unmatched_predictions, *match.unmatched_truths):
        printer.warn(f"{path} has no counterpart and is left out.")

    results: dict[str, Scores] = {}
    inputs: dict[str, Scores] = {}
    with printer.progress() as bar:
        for files in bar.track(match.pictures, description="Scoring"):
            sharp = read_picture(files.truth).pixels
            pixels = read_picture(files.prediction).pixels
            results[files.name] = score_pictures(pixels, sharp, protocol.value)
            if files.input is not None:
                pixels = read_picture(files.input).pixels
                inputs[files.name] = score_pictures(pixels, sharp, protocol.value)

    named = {"result": results} | ({"input": inputs} if inputs else {})
    means = {kind: mean_scores(list(scores.values())) for kind, scores in named.items()}
    rules = PROTOCOLS[protocol.value]
    used = versions()
    if csv is not None:
        _write_csv(csv, named, means)
    data = {
        "protocol": {"name": rules.name, "description": rules.description},
        "versions": used,
        "pictures": [
            {"name": name} | {k: dataclasses.asdict(s[name]) for k, s in named.items()}
            for name in results
        ],
        "mean": {kind: dataclasses.asdict(mean) for kind, mean in means.items()},
    }
    tables = [
        metric_table(scores | {MEAN: means[kind]}, f"Scores of the {kind}")
        for kind, scores in named.items()
    ]
    made_with = ", ".join(f"{name} {number}" for name, number in used.items())
    human = Group(*tables, f"Protocol {rules.name}: {rules.description}.", made_with)
    printer.result(human, data)


def _write_csv(path: Path, named: dict[str, dict[str, Any]], means: dict[str, Any]) -> None:
    from dpdeblur.errors import UnwritableOutputError

    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csvlib.writer(file)
            writer.writerow(("name", "kind", "psnr", "ssim", "mae"))
            for kind, scores in named.items():
                for name, row in (scores | {MEAN: means[kind]}).items():
                    writer.writerow((name, kind, row.psnr, row.ssim, row.mae))
        partial.replace(path)
    except OSError as error:
        raise UnwritableOutputError(path, error.strerror or str(error)) from error
    finally:
        partial.unlink(missing_ok=True)
