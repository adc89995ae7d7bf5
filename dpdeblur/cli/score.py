"""`dpdeblur score`: PSNR, SSIM and MAE against ground truth, under a named protocol."""

from __future__ import annotations

import csv as csvlib
import dataclasses
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output
from dpdeblur.cli._output import metric_table

if TYPE_CHECKING:
    from dpdeblur.metrics import Scores


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
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write a table there.")
    ] = None,
    overwrite: _options.Overwrite = False,
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

    from dpdeblur.errors import ShapeMismatchError
    from dpdeblur.files import check_place, write_whole
    from dpdeblur.imaging import read_picture
    from dpdeblur.metrics import PROTOCOLS, mean_scores, versions
    from dpdeblur.metrics import score as score_pictures
    from dpdeblur.views import pair_folders

    match = pair_folders(prediction, truth, untouched)
    for path in (*match.unmatched_predictions, *match.unmatched_truths):
        printer.warn(f"{path} has no counterpart and is left out.")
    if csv is not None:
        inputs = [
            path
            for files in match.pictures
            for path in (files.prediction, files.truth, files.input)
            if path is not None
        ]
        check_place(csv, overwrite=overwrite, inputs=inputs)

    kinds = ("result",) if untouched is None else ("result", "input")
    scores: dict[str, list[Scores]] = {kind: [] for kind in kinds}
    with printer.progress() as bar:
        for files in bar.track(match.pictures, description="Scoring"):
            sharp = read_picture(files.truth)
            for warning in sharp.info.warnings:
                printer.warn(warning)
            paths = [files.prediction] if files.input is None else [files.prediction, files.input]
            for kind, path in zip(kinds, paths, strict=True):
                picture = read_picture(path)
                if picture.pixels.shape != sharp.pixels.shape:
                    sizes = picture.pixels.shape[:2], sharp.pixels.shape[:2]
                    raise ShapeMismatchError(f"{path} and {files.truth}", *sizes)
                for warning in picture.info.warnings:
                    printer.warn(warning)
                scores[kind].append(score_pictures(picture.pixels, sharp.pixels, protocol.value))

    names = [files.name for files in match.pictures]
    means = {kind: mean_scores(each) for kind, each in scores.items()}
    rules, used = PROTOCOLS[protocol.value], versions()
    if csv is not None:
        write_whole(csv, _table(names, scores, means).encode("utf-8", "surrogateescape"))
    data = {
        "protocol": {"name": rules.name, "description": rules.description},
        "versions": used,
        "pictures": [
            {"name": name}
            | {kind: dataclasses.asdict(each[index]) for kind, each in scores.items()}
            for index, name in enumerate(names)
        ],
        "mean": {kind: dataclasses.asdict(mean) for kind, mean in means.items()},
        "unmatched": {
            "predictions": match.unmatched_predictions,
            "truths": match.unmatched_truths,
        },
    }
    tables = [
        metric_table([*zip(names, each, strict=True), ("(mean)", means[kind])], f"The {kind}")
        for kind, each in scores.items()
    ]
    made_with = ", ".join(f"{name} {number}" for name, number in used.items())
    human = Group(*tables, f"Protocol {rules.name}: {rules.description}.", made_with)
    printer.result(human, data)


def _table(names: list[str], scores: dict[str, list[Scores]], means: dict[str, Scores]) -> str:
    """CSV of all scores; rows of kind "mean result" and "mean input" have no name."""
    text = io.StringIO(newline="")
    writer = csvlib.writer(text)
    writer.writerow(("name", "kind", "psnr", "ssim", "mae"))
    for kind, each in scores.items():
        for name, row in zip(names, each, strict=True):
            writer.writerow((name, kind, row.psnr, row.ssim, row.mae))
        mean = means[kind]
        writer.writerow(("", f"mean {kind}", mean.psnr, mean.ssim, mean.mae))
    return text.getvalue()
