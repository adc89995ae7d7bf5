"""An evaluation as it is shown: for people, as CSV, and as JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from dpdeblur.cli import _protocol
from dpdeblur.errors import DPDeblurError
from dpdeblur.evaluation import Evaluated, Rules, means
from dpdeblur.metrics import MATCHED, PROTOCOLS, Scores, versions
from dpdeblur.models import LoadedModel


@dataclass(frozen=True)
class Weights:
    """Weights under the name that tables give them, and where their results are saved, if so."""

    label: str
    file: Path
    model: LoadedModel
    folder: Path | None

    def output(self, name: str) -> Path | None:
        """The file of the result called `name`."""
        # Not with_suffix: the name may have a dot of its own.
        return None if self.folder is None else self.folder / f"{name}.png"


@dataclass(frozen=True)
class Report:
    """The scores of `pictures` by `weights`, in the order in which these were evaluated."""

    data: Path
    split: str
    rules: Rules
    weights: Sequence[Weights]
    pictures: Sequence[Evaluated]

    def human(self) -> Group:
        """A table for each weights, one that compares them if there are several, and the rules.

        Each is followed by one of the matched scores, if there are any.
        """
        kinds = (False, True) if self.rules.match_exposure else (False,)
        numbers = range(len(self.weights))
        tables = [self._table(index, matched=kind) for index in numbers for kind in kinds]
        if len(self.weights) > 1:
            tables += [self._comparison(matched=kind) for kind in kinds]
        rows = f"Rows from {self.rules.first_row} on. " if self.rules.first_row else ""
        protocol = PROTOCOLS[self.rules.protocol]
        named, *of_matched = _protocol.sentences(
            f"Protocol {protocol.name}",
            protocol.description,
            matched=self.rules.match_exposure,
        )
        runs = {(run.device, run.precision) for each in self.pictures for run in each.results}
        made_with = (*map(" ".join, sorted(runs)), *map(" ".join, versions().items()))
        return Group(
            *tables,
            *(f"{each.label}: {each.file}, SHA-256 {each.model.sha256}" for each in self.weights),
            f"Input: {self._inputs()}.",
            f"{rows}{named}",
            *of_matched,
            ", ".join(made_with),
        )

    def csv(self) -> str:
        """All scores, a row each; means have no name, and the kinds "mean input", "mean ..."."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        columns = ["psnr", "ssim", "mae"]
        if self.rules.match_exposure:
            columns += [f"matched_{name}" for name in columns]
        writer.writerow(("name", "group", "kind", *columns))
        kinds = ("input", *(each.label for each in self.weights))
        for name, group, scores in self._rows():
            prefix = "" if name else "mean "
            for kind, each in zip(kinds, scores, strict=True):
                writer.writerow((name, group or "", prefix + kind, *_numbers(each)))
        return text.getvalue()

    def document(self, sentence: Callable[[DPDeblurError], str]) -> dict[str, Any]:
        """Everything, for JSON; `sentence` makes the text of an error."""
        protocol = PROTOCOLS[self.rules.protocol]
        return {
            "data": self.data,
            "split": self.split,
            "protocol": _protocol.document(
                protocol.name, protocol.description, matched=self.rules.match_exposure
            ),
            "first_row": self.rules.first_row,
            "versions": versions(),
            "weights": [
                {"name": each.label, "file": each.file, "sha256": each.model.sha256}
                for each in self.weights
            ],
            "pictures": [self._picture(each, sentence) for each in self.pictures],
            "means": [
                {
                    "group": mean.group,
                    "pictures": mean.count,
                    "input": mean.input.as_dict(),
                    "results": self._scored(mean.input, mean.results),
                }
                for mean in means(self.pictures)
            ],
            "failed": sum(each.error is not None for each in self.pictures),
        }

    def _rows(self) -> Iterator[tuple[str, str | None, tuple[Scores, ...]]]:
        """Name, group, and the scores of the input and each result; means follow, without name."""
        for each in self.pictures:
            if each.input is not None:
                scores = (each.input, *(result.scores for result in each.results))
                yield each.pair.name, each.pair.group, scores
        for mean in means(self.pictures):
            yield "", mean.group, (mean.input, *mean.results)

    def _table(self, index: int, *, matched: bool) -> Table:
        headings = ("Input PSNR", "SSIM", "MAE", "Result PSNR", "SSIM", "MAE", "Gain (dB)")
        title = f"{self.weights[index].label} on {self.data}"
        table = _empty_table(f"{title}, {MATCHED}" if matched else title, headings)
        for name, group, scores in self._rows():
            before, *results = _shown(scores, matched=matched)
            after = results[index]
            mean = "(mean)" if group is None else f"(mean, {group})"
            table.add_row(name or mean, *_cells(before), *_cells(after), _gain(before, after))
        return table

    def _comparison(self, *, matched: bool) -> Table:
        means_ = [
            (mean.group, _shown((mean.input, *mean.results), matched=matched))
            for mean in means(self.pictures)
        ]
        parts = [f"PSNR {group}" if group else "PSNR" for group, _ in means_]
        title = f"Means, {MATCHED}" if matched else "Means"
        table = _empty_table(title, (*parts, "SSIM", "MAE", "Gain (dB)"))
        for index, label in enumerate(("input", *(each.label for each in self.weights))):
            if not means_:
                break
            cells = [_cells(scores[index]) for _, scores in means_]
            before, after = means_[-1][1][0], means_[-1][1][index]
            gain = _gain(before, after) if index else ""
            table.add_row(label, *(psnr for psnr, *_ in cells), *cells[-1][1:], gain)
        return table

    def _picture(self, each: Evaluated, sentence: Callable[[DPDeblurError], str]) -> dict[str, Any]:
        pair, error = each.pair, each.error
        data: dict[str, Any] = {
            "name": pair.name,
            "group": pair.group,
            "left": pair.left,
            "right": pair.right,
            "truth": pair.truth,
            "combined": pair.combined,
            "input": None,
            "results": [],
            "error": error and {"type": type(error).__name__, "message": sentence(error)},
        }
        if each.input is None:
            return data
        scored = self._scored(each.input, [result.scores for result in each.results])
        for weights, scores, result in zip(self.weights, scored, each.results, strict=True):
            run = dataclasses.asdict(result)
            del run["scores"]
            data["results"].append(scores | run | {"output": weights.output(pair.name)})
        return data | {"input": each.input.as_dict()}

    def _scored(self, before: Scores, results: Sequence[Scores]) -> list[dict[str, Any]]:
        return [
            {"weights": weights.label} | _gained(before, after)
            for weights, after in zip(self.weights, results, strict=True)
        ]

    def _inputs(self) -> str:
        """What the untouched input is."""
        given = sum(each.pair.combined is not None for each in self.pictures)
        if given == len(self.pictures):
            return "the combined pictures of the data set"
        if not given:
            return "the views' mean in linear light"
        return f"the data set's combined picture for {given}, else the views' mean in linear light"


def _empty_table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _shown(scores: Sequence[Scores], *, matched: bool) -> list[Scores]:
    """The scores, or instead of them those that they have with the exposure matched."""
    if not matched:
        return list(scores)
    return [each.matched for each in scores if each.matched is not None]


def _numbers(scores: Scores) -> tuple[float, ...]:
    """A row of CSV, those with the exposure matched last."""
    own = (scores.psnr, scores.ssim, scores.mae)
    return own if scores.matched is None else own + _numbers(scores.matched)


def _gained(before: Scores, after: Scores) -> dict[str, Any]:
    """What is in `after`, each set of scores with its gain over the input's in dB."""
    scores = after.as_dict() | {"gain": after.psnr - before.psnr}
    if before.matched is not None and after.matched is not None:
        scores["matched"] = _gained(before.matched, after.matched)
    return scores


def _cells(scores: Scores) -> tuple[str, str, str]:
    return f"{scores.psnr:.2f}", f"{scores.ssim:.4f}", f"{scores.mae:.4f}"


def _gain(before: Scores, after: Scores) -> str:
    return f"{after.psnr - before.psnr:+.2f}"
