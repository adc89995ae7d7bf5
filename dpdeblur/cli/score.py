"""`dpdeblur score`: pictures or defocus maps against ground truth, under named rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._errors import FAILED
from dpdeblur.cli._output import Output, rendered

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from dpdeblur.datasets import ScoreFiles
    from dpdeblur.evaluation import Rules, Scores


@command
def score(
    printer: Output,
    prediction: Annotated[
        Path, typer.Argument(help="Picture or map to score, or a folder.", metavar="PRED")
    ],
    truth: Annotated[
        Path, typer.Argument(help="Ground truth, or a folder of it.", metavar="TRUTH")
    ],
    maps: Annotated[
        bool, typer.Option("--map", help="Score defocus maps instead of pictures.")
    ] = False,
    untouched: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="C", help="Untouched input (file or folder) to score as well."
        ),
    ] = None,
    protocol: _options.ProtocolOption = None,
    match_exposure: _options.MatchExposure = False,
    csv: _options.Csv = None,
    overwrite: _options.Overwrite = False,
    allow_missing: Annotated[
        bool,
        typer.Option(
            "--allow-missing", help="Score what there is, though files lack counterparts."
        ),
    ] = False,
) -> None:
    """Score pictures or maps against ground truth: two files, or two folders paired by name.

    Files in folders are matched by relative path without the extension, never by position. Means
    are of the files' scores. If a file has no counterpart, the exit code is 1. Maps are
    floating-point TIFF, or PNG or TIFF with 8 or 16 bits. Pixels that are NaN or, with 8 or 16
    bits, 0 in the truth are unknown and do not count.

    [bold]Examples[/bold]

      dpdeblur score sharp.png truth.png

      dpdeblur score results/ truth/ --input blurred/ --csv scores.csv

      dpdeblur score results/ truth/ --protocol dpdd-8bit --json

      dpdeblur score results/ truth/ --match-exposure

      dpdeblur score --map made/defocus.tif true_defocus.png
    """
    from dpdeblur import evaluation
    from dpdeblur.datasets import pair_folders
    from dpdeblur.io.atomic import check_writable

    if maps:
        reason = "it is for pictures; leave it or --map out"
        _options.refuse(reason, protocol=protocol, match_exposure=match_exposure)
    match = pair_folders(prediction, truth, untouched)
    printer.warn(*match.warnings)
    unmatched = (*match.unmatched_predictions, *match.unmatched_truths)
    for path in unmatched:
        tell = printer.warn if allow_missing else printer.failure
        tell(f"{path} has no counterpart and is left out.")
    if csv is not None:
        inputs = [path for files in match.pictures for path in files.files]
        check_writable(csv, overwrite=overwrite, inputs=inputs)

    rules = evaluation.Rules(protocol or evaluation.DEFAULT_PROTOCOL, match_exposure=match_exposure)
    with printer.progress() as bar:
        task = bar.add_task("Scoring", total=len(match.pictures))
        scores = [
            evaluation.score_maps(files, printer.warn, partial(_advance, bar, task, number))
            if maps
            else _score_pictures(printer, files, rules, partial(_advance, bar, task, number))
            for number, files in enumerate(match.pictures)
        ]
    scoring = evaluation.map_scoring() if maps else evaluation.picture_scoring(rules)
    report = evaluation.report_files(scoring, match, scores)
    if csv is not None:
        report.write_csv(csv)
    printer.result(rendered(*report.tables, *report.sentences), report.document)
    if unmatched and not allow_missing:
        raise typer.Exit(FAILED)


def _advance(bar: Progress, task: TaskID, number: int, share: float) -> None:
    bar.update(task, completed=number + share)


def _score_pictures(
    printer: Output, files: ScoreFiles, rules: Rules, progress: Callable[[float], None]
) -> dict[str, Scores]:
    from dpdeblur.errors import DPDeblurError, UnreadableFileError
    from dpdeblur.evaluation import score_pictures
    from dpdeblur.io import read_map

    try:
        return score_pictures(files, rules, printer.warn, progress)
    except UnreadableFileError as error:
        try:
            read_map(error.path)
        except DPDeblurError:
            raise error from None
        reason = "it is a map rather than a picture; add --map to score maps"
        raise UnreadableFileError(error.path, reason) from error
