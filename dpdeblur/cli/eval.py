"""`dpdeblur eval`: what weights, or the optimiser, are worth on a data set with ground truth."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._errors import FAILED, sentence
from dpdeblur.cli._output import Output, rendered

if TYPE_CHECKING:
    from dpdeblur.evaluation import Evaluated


@command
def eval_(
    printer: Output,
    data: Annotated[
        Path, typer.Argument(help="Folder of views and their sharp pictures.", metavar="DATA")
    ],
    split: Annotated[
        str, typer.Option(metavar="NAME", help="Split of DPDD: test, val or train.")
    ] = "test",
    protocol: _options.ProtocolOption = None,
    first_row: Annotated[
        int, typer.Option(min=0, metavar="N", help="Do not score the rows above this one.")
    ] = 0,
    match_exposure: _options.MatchExposure = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the results to this folder, as 16-bit PNG."),
    ] = None,
    csv: _options.Csv = None,
    report_dir: _options.ReportDir = None,
    *,
    engine: _options.EngineChoices,
    overwrite: _options.Overwrite = False,
) -> None:
    """Restore a data set, and score the results and the untouched input.

    Lay out DATA like DPDD (test_l/source, test_r/source, test_c/target, ...) or its copies (inputL,
    inputR, target), or put X_L, X_R and X_GT side by side. One bad picture never stops the others;
    the exit code is 1 if any picture failed.

    [bold]Examples[/bold]

      dpdeblur eval DPDD/ --device cuda

      dpdeblur eval pictures/ --match-exposure --save results/ --csv scores.csv

      dpdeblur eval pictures/ --engine mpi --method fast --report report/

      dpdeblur eval DPDD/ --split val --weights mccnet --weights runs/mine/mccnet.safetensors
    """
    from dpdeblur import evaluation
    from dpdeblur import report as report_page
    from dpdeblur.datasets import TruthPair, find_truth_pairs

    rules = evaluation.Rules(protocol or evaluation.DEFAULT_PROTOCOL, first_row, match_exposure)
    pairs = find_truth_pairs(data, split, warn=printer.warn)
    candidates = engine.candidates(save)
    evaluation.check_outputs(candidates, pairs, csv, overwrite=overwrite)
    if report_dir is not None:
        report_page.check_page(report_dir)
    gallery = report_page.Gallery(len(pairs))
    engines = [
        each.engine if report_dir is None else gallery.watch(each.engine, each.label)
        for each in candidates
    ]
    keep = evaluation.save_results(candidates, overwrite=overwrite)
    pictures: list[Evaluated] = []
    with printer.progress() as bar:
        task = bar.add_task("Starting", total=len(pairs))

        def advance(pair: TruthPair, share: float) -> None:
            bar.update(task, completed=len(pictures) + share, description=pair.name)

        for each in evaluation.evaluate(engines, pairs, rules, keep=keep, progress=advance):
            pictures.append(each)
            printer.kept |= save is not None
            _tell(printer, each, f"{len(pictures)}/{len(pairs)}")

    explain = partial(sentence, printer)
    report = evaluation.report_evaluation(data, split, rules, candidates, pictures, explain)
    if csv is not None:
        report.write_csv(csv)
    document = report.document
    if report_dir is not None:
        made = report_page.evaluation_page(
            gallery, str(data), rules, candidates, pictures, report, explain
        )
        page = report_page.write_page(report_dir, made)
        printer.note(f"Report: {page}")
        document = document | {"report": page}
    printer.result(rendered(*report.tables, *report.sentences), document)
    if any(each.error for each in pictures):
        raise typer.Exit(FAILED)


def _tell(printer: Output, picture: Evaluated, count: str) -> None:
    printer.warn(*picture.warnings)
    for note in dict.fromkeys(note for result in picture.results for note in result.run.notes):
        printer.note(f"{picture.pair.name}: {note}")
    if picture.error is not None:
        printer.failure(f"{picture.pair.name} failed. {sentence(printer, picture.error)}")
    elif not printer.interactive:
        before, *after = (f"{scores.psnr:.2f}" for scores in picture.scores)
        printer.note(f"[{count}] {picture.pair.name}: {before} -> {', '.join(after)} dB")
