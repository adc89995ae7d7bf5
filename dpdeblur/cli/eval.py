"""`dpdeblur eval`: what weights are worth on a data set with ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import FAILED, open_output, sentence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dpdeblur.cli._output import Output
    from dpdeblur.datasets import TruthPair
    from dpdeblur.evaluation import Evaluated


def eval_(
    ctx: typer.Context,
    data: Annotated[
        Path, typer.Argument(help="Folder of views and their sharp pictures.", metavar="DATA")
    ],
    split: Annotated[
        str, typer.Option(metavar="NAME", help="Split of DPDD: test, val or train.")
    ] = "test",
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Weights file, or the name of shipped weights; may be repeated.",
        ),
    ] = None,
    protocol: _options.ProtocolOption = _options.ProtocolName.dpdd,
    first_row: Annotated[
        int, typer.Option(min=0, metavar="N", help="Do not score the rows above this one.")
    ] = 0,
    match_exposure: _options.MatchExposure = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the results to this folder, as 16-bit PNG."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write a table to FILE.")
    ] = None,
    device: _options.Device = "auto",
    precision: _options.PrecisionOption = _options.Precision.auto,
    max_memory: _options.MaxMemory = None,
    strip_height: _options.StripHeight = None,
    ensemble: _options.Ensemble = False,
    overwrite: _options.Overwrite = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Restore a data set, and score the results and the untouched input.

    Lay out DATA like DPDD (test_l/source, test_r/source, test_c/target, ...) or its copies (inputL,
    inputR, target), or put X_L, X_R and X_GT side by side. One bad picture never stops the others;
    the exit code is 1 if any picture failed.

    [bold]Examples[/bold]

      dpdeblur eval DPDD/ --device cuda

      dpdeblur eval pictures/ --match-exposure --save results/ --csv scores.csv

      dpdeblur eval DPDD/ --split val --weights mccnet --weights runs/mine/mccnet.safetensors
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    from dpdeblur.cli._evaluation import Report, Weights
    from dpdeblur.datasets import find_truth_pairs
    from dpdeblur.evaluation import Rules, evaluate
    from dpdeblur.io import check_output, write_picture
    from dpdeblur.io.atomic import check_place, write_whole
    from dpdeblur.models import find_weights, load_model

    options = _options.restore_options(device, precision, max_memory, strip_height, ensemble)
    rules = Rules(protocol.value, first_row, match_exposure)
    pairs = find_truth_pairs(data, split)
    files = [find_weights(name) for name in weights] if weights else [find_weights()]
    inputs = [
        path
        for pair in pairs
        for path in (pair.left, pair.right, pair.truth, pair.combined)
        if path is not None
    ]
    if csv is not None:
        check_place(csv, overwrite=overwrite, inputs=[*inputs, *files])
    labels = _labels(files)
    used = [
        # Results of several weights are told apart by folders.
        Weights(label, file, load_model(file), save and (save / label if files[1:] else save))
        for label, file in zip(labels, files, strict=True)
    ]
    known = {_identity(path): path for path in inputs}
    for each in used:
        for pair in pairs:
            output = each.output(pair.name)
            if output is not None:
                nearest = known.get(_identity(output), inputs[0])
                check_output(output, overwrite=overwrite, inputs=[nearest])

    def keep(pair: TruthPair, number: int, pixels: NDArray[np.float32]) -> None:
        output = used[number].output(pair.name)
        if output is not None:
            write_picture(output, pixels, bit_depth=16, overwrite=overwrite)

    pictures: list[Evaluated] = []
    with printer.progress() as bar:
        task = bar.add_task("Starting", total=len(pairs))

        def progress(pair: TruthPair, share: float) -> None:
            bar.update(task, completed=len(pictures) + share, description=pair.name)

        models = [each.model for each in used]
        for picture in evaluate(models, pairs, options, rules, keep=keep, progress=progress):
            pictures.append(picture)
            _tell(printer, picture, f"{len(pictures)}/{len(pairs)}")

    report = Report(data, split, rules, used, pictures)
    if csv is not None:
        write_whole(csv, report.csv().encode("utf-8", "surrogateescape"))
    printer.result(report.human(), report.document(partial(sentence, printer)))
    if any(picture.error for picture in pictures):
        raise typer.Exit(FAILED)


def _tell(printer: Output, picture: Evaluated, place: str) -> None:
    for warning in picture.warnings:
        printer.warn(warning)
    name, before = picture.pair.name, picture.input
    for note in dict.fromkeys(note for result in picture.results for note in result.notes):
        printer.note(f"{name}: {note}")
    if picture.error is not None:
        printer.failure(f"{name} failed. {sentence(printer, picture.error)}")
    elif before is not None and not printer.interactive:
        after = ", ".join(f"{result.scores.psnr:.2f}" for result in picture.results)
        printer.note(f"[{place}] {name}: {before.psnr:.2f} -> {after} dB")


def _identity(path: Path) -> tuple[int, int] | Path:
    """What tells a file from others, whatever it is called: links, other capitals."""
    try:
        found = path.stat()
    except (
        OSError,
        ValueError,
    ):  # none of the inputs, which are there; `check_output` says what is wrong
        return path
    return found.st_dev, found.st_ino


def _labels(files: Sequence[Path]) -> list[str]:
    """The files' names without extension, after as many folders as it takes to tell them apart."""
    from dpdeblur.errors import OptionError

    places = [file.resolve().with_suffix("").parts[1:] for file in files]
    for index, place in enumerate(places):
        if place in places[:index]:
            raise OptionError("--weights", f"{files[index]} is given twice; give it once")
    count = 1
    while len({place[-count:] for place in places}) < len(places):
        count += 1
    return ["/".join(place[-count:]) for place in places]
