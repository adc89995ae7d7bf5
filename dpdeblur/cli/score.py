"""`dpdeblur score`: pictures or defocus maps against ground truth, under named rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output


def score(
    ctx: typer.Context,
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
    protocol: Annotated[
        _options.ProtocolName | None,
        typer.Option(help="Rules for pictures; default: dpdd."),
    ] = None,
    match_exposure: _options.MatchExposure = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write a table to FILE.")
    ] = None,
    overwrite: _options.Overwrite = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Score pictures or maps against ground truth: two files, or two folders paired by name.

    Files in folders are matched by relative path without the extension, never by position. Means
    are of the files' scores. Maps are 32-bit floating-point TIFF, or PNG with 8 or 16 bits. Pixels
    that are NaN or, in PNG, 0 in the truth are unknown and do not count.

    [bold]Examples[/bold]

      dpdeblur score sharp.png truth.png

      dpdeblur score results/ truth/ --input blurred/ --csv scores.csv

      dpdeblur score results/ truth/ --protocol dpdd-8bit --json

      dpdeblur score results/ truth/ --match-exposure

      dpdeblur score --map made/defocus.tif true_defocus.png
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    from rich.console import Group

    from dpdeblur.cli import _protocol, _scoring
    from dpdeblur.datasets import pair_folders
    from dpdeblur.errors import OptionError
    from dpdeblur.io.atomic import check_place, write_whole

    for option, given in (("--protocol", protocol), ("--match-exposure", match_exposure)):
        if maps and given:
            raise OptionError(option, "it is for pictures; leave it or --map out")
    protocol = protocol or _options.ProtocolName.dpdd
    rules = (
        _scoring.maps()
        if maps
        else _scoring.pictures(protocol.value, match_exposure=match_exposure)
    )
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
    scores: dict[str, list[_scoring.Scores]] = {kind: [] for kind in kinds}
    with printer.progress() as bar:
        for files in bar.track(match.pictures, description="Scoring"):
            paths = [files.prediction] if files.input is None else [files.prediction, files.input]
            found = rules.score(paths, files.truth, printer.warn)
            for kind, each in zip(kinds, found, strict=True):
                scores[kind].append(each)

    names = [files.name for files in match.pictures]
    means = {kind: _scoring.means(each) for kind, each in scores.items()}
    if csv is not None:
        write_whole(csv, rules.csv(names, scores).encode("utf-8", "surrogateescape"))
    data = {
        "protocol": _protocol.document(rules.name, rules.description, matched=rules.matched),
        "versions": rules.versions,
        "pictures": [
            {"name": name} | {kind: each[index] for kind, each in scores.items()}
            for index, name in enumerate(names)
        ],
        "mean": means,
        "unmatched": {
            "predictions": match.unmatched_predictions,
            "truths": match.unmatched_truths,
        },
    }
    tables = [
        rules.table(f"The {kind}", [*zip(names, each, strict=True), ("(mean)", means[kind])])
        for kind, each in scores.items()
    ]
    made_with = ", ".join(f"{name} {number}" for name, number in rules.versions.items())
    what = "Maps" if maps else f"Protocol {rules.name}"
    named = _protocol.sentences(what, rules.description, matched=rules.matched)
    printer.result(Group(*tables, *named, made_with), data)
