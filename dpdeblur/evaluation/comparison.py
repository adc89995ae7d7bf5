"""The report of engines on a data set: how each changed the scores of every photograph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dpdeblur.datasets import TruthPair
from dpdeblur.errors import DPDeblurError
from dpdeblur.evaluation.candidates import Candidate
from dpdeblur.evaluation.dataset import Evaluated, means
from dpdeblur.evaluation.protocols import MATCHED, Rules, Scores
from dpdeblur.evaluation.report import PICTURE_COLUMNS, Column, Report, Table, picture_scoring

_PSNR, *_OTHERS = PICTURE_COLUMNS.values()
_GAIN = Column("Gain (dB)", "+.2f")
_Row = tuple[str, str | None, Sequence[Scores]]
"""A photograph's name, group and scores, the input's first; a mean of these has no name."""


def report_evaluation(
    data: Path,
    split: str,
    rules: Rules,
    candidates: Sequence[Candidate],
    pictures: Sequence[Evaluated],
    sentence: Callable[[DPDeblurError], str] = str,
) -> Report:
    """What `evaluate` found on a split of `data` for the engines of `candidates`.

    There is a table for each of these, and one that compares them if there are several; each is
    followed by one of the matched scores, if there are any. In the CSV, means have no name, and the
    kinds "mean input", "mean ...". `sentence` makes the text of an error.
    """
    scoring, summary = picture_scoring(rules), means(pictures)
    labels = [each.label for each in candidates]
    rows = [
        *((each.pair.name, each.pair.group, each.scores) for each in pictures if each.scores),
        *(("", mean.group, mean.scores) for mean in summary),
    ]
    shown: dict[str, Sequence[_Row]] = {"": rows}
    if rules.match_exposure:
        shown[f", {MATCHED}"] = [
            (name, group, [each.matched for each in scores if each.matched])
            for name, group, scores in rows
        ]
    tables = [
        _table(f"{label} on {data}{suffix}", each, number)
        for number, label in enumerate(labels, start=1)
        for suffix, each in shown.items()
    ]
    if not summary:
        tables = []
    elif len(labels) > 1:
        tables += [_comparison(f"Means{suffix}", each, labels) for suffix, each in shown.items()]
    cells = [
        ((name, group or "", kind if name else f"mean {kind}"), each)
        for name, group, scores in rows
        for kind, each in zip(("input", *labels), scores, strict=True)
    ]
    named, *of_matched = scoring.sentences()
    runs = {(each.run.device, each.run.precision) for p in pictures for each in p.results}
    return Report(
        tables,
        (
            *map(_named, candidates),
            f"Input: {_inputs([each.pair for each in pictures if each.scores])}."
            if summary
            else "No picture could be scored.",
            f"Rows from {rules.first_row} on. {named}" if rules.first_row else named,
            *of_matched,
            ", ".join(map(" ".join, (*sorted(runs), *scoring.versions.items()))),
        ),
        scoring.csv(("name", "group", "kind"), cells),
        {
            "data": data,
            "split": split,
            "protocol": scoring.document(),
            "first_row": rules.first_row,
            "versions": scoring.versions,
            "candidates": [
                {"name": each.label, "file": each.file, "engine": each.engine.name}
                | dict(each.engine.settings)
                for each in candidates
            ],
            "pictures": [_picture(each, candidates, sentence) for each in pictures],
            "means": [
                {
                    "group": mean.group,
                    "pictures": mean.count,
                    "input": mean.input.as_dict(),
                    "results": _results(candidates, mean.scores),
                }
                for mean in summary
            ],
            "failed": sum(each.error is not None for each in pictures),
        },
    )


def _named(candidate: Candidate) -> str:
    """What a candidate is, for people."""
    settings = candidate.engine.settings
    if candidate.file is not None:
        return f"{candidate.label}: {candidate.file}, SHA-256 {settings['weights']['sha256']}"
    lens = settings["calibration"]["path"] if settings["calibration"] else "a generic lens"
    return f"{candidate.label}: method {settings['method']}, {lens}"


def _table(title: str, rows: Sequence[_Row], number: int) -> Table:
    """Each photograph's input beside the result of the candidate `number`, from 1."""
    before, after = (Column(f"{what} PSNR", _PSNR.digits) for what in ("Input", "Result"))
    cells = []
    for name, group, scores in rows:
        first, second = scores[0], scores[number]
        numbers = (*_three(first), *_three(second), second.psnr - first.psnr)
        cells.append((name or (f"(mean, {group})" if group else "(mean)"), numbers))
    return Table(title, (before, *_OTHERS, after, *_OTHERS, _GAIN), cells)


def _comparison(title: str, rows: Sequence[_Row], labels: Sequence[str]) -> Table:
    """The means of the input and of each candidate's results, with the PSNR of each group."""
    groups = {group: scores for name, group, scores in rows if not name}  # that of all is last
    psnrs = [Column(f"PSNR {group}" if group else "PSNR", _PSNR.digits) for group in groups]
    cells = []
    for index, label in enumerate(("input", *labels)):
        *_, (_, ssim, mae) = numbers = [_three(scores[index]) for scores in groups.values()]
        gain = groups[None][index].psnr - groups[None][0].psnr if index else None
        cells.append((label, (*(psnr for psnr, *_ in numbers), ssim, mae, gain)))
    return Table(title, (*psnrs, *_OTHERS, _GAIN), cells)


def _three(scores: Scores) -> tuple[float, float, float]:
    return scores.psnr, scores.ssim, scores.mae


def _inputs(scored: Sequence[TruthPair]) -> str:
    """What the untouched input is."""
    given = sum(each.combined is not None for each in scored)
    if given == len(scored):
        return "the combined pictures of the data set"
    if not given:
        return "the views' mean in linear light"
    return f"the data set's combined picture for {given}, else the views' mean in linear light"


def _picture(
    each: Evaluated, candidates: Sequence[Candidate], sentence: Callable[[DPDeblurError], str]
) -> dict[str, Any]:
    pair, error = each.pair, each.error
    results = _results(candidates, each.scores)
    return {
        "name": pair.name,
        "group": pair.group,
        "left": pair.left,
        "right": pair.right,
        "truth": pair.truth,
        "combined": pair.combined,
        "input": each.input and each.input.as_dict(),
        "results": [
            scores | {"run": asdict(result.run), "output": candidate.output(pair.name)}
            for scores, result, candidate in zip(results, each.results, candidates, strict=False)
        ],
        "error": error and {"type": type(error).__name__, "message": sentence(error)},
    }


def _results(candidates: Sequence[Candidate], scores: Sequence[Scores]) -> list[dict[str, Any]]:
    """What is in the scores after the first, which are the input's."""
    return [
        {"candidate": candidate.label} | _gained(scores[0], after)
        for candidate, after in zip(candidates, scores[1:], strict=False)
    ]


def _gained(before: Scores, after: Scores) -> dict[str, Any]:
    """What is in `after`, each set of scores with its gain over the input's in dB."""
    scores = after.as_dict() | {"gain": after.psnr - before.psnr}
    if before.matched is not None and after.matched is not None:
        scores["matched"] = _gained(before.matched, after.matched)
    return scores
