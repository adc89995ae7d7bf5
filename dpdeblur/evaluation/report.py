"""Scores as they are reported: tables for people, CSV, and a document for JSON.

All of it is plain data, which the caller prints or writes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from dpdeblur.datasets import FolderMatch
from dpdeblur.evaluation.defocus import MAP_RULES, MapScores
from dpdeblur.evaluation.protocols import MATCH_RULES, MATCHED, PROTOCOLS, Rules, Scores, versions
from dpdeblur.io.atomic import write_whole

AnyScores = Scores | MapScores
ScoresT = TypeVar("ScoresT", bound=AnyScores)


class Column(NamedTuple):
    """The heading of numbers, and the digits that they are shown with, as in ".2f"."""

    heading: str
    digits: str

    def text(self, number: float | None) -> str:
        """A number of this column, or nothing where there is none."""
        return "" if number is None else f"{number:{self.digits}}"


@dataclass(frozen=True)
class Table:
    """Named rows of numbers, one for each column; None leaves a cell blank."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[float | None]]]

    def texts(self) -> list[tuple[str, ...]]:
        """Each row's name and its numbers with their digits."""
        return [(name, *map(Column.text, self.columns, numbers)) for name, numbers in self.rows]


@dataclass(frozen=True)
class Report:
    """Tables and the sentences below them; the same and more as CSV, and as a document for JSON."""

    tables: Sequence[Table]
    sentences: Sequence[str]
    csv: str
    document: dict[str, Any]

    def write_csv(self, path: Path) -> None:
        """Replaces what is there, and raises UnwritableOutputError."""
        # File names may hold bytes that are no UTF-8.
        write_whole(path, self.csv.encode("utf-8", "surrogateescape"))


PICTURE_COLUMNS = {
    "psnr": Column("PSNR (dB)", ".2f"),
    "ssim": Column("SSIM", ".4f"),
    "mae": Column("MAE", ".4f"),
}
_MATCHED_COLUMNS = {f"matched_{key}": column for key, column in PICTURE_COLUMNS.items()} | {
    "matched_psnr": Column("Matched PSNR", ".2f")
}
_MAP_COLUMNS = {
    "aiwe1": Column("AIWE(1)", ".4f"),
    "aiwe2": Column("AIWE(2)", ".4f"),
    "spearman": Column("1-|rho|", ".4f"),
}


@dataclass(frozen=True)
class Scoring:
    """The rules behind scores, and the columns that these have in tables and CSV, by name.

    `matched` says that there are scores with the exposure matched, too, whose columns are last.
    """

    name: str
    title: str
    description: str
    versions: Mapping[str, str]
    columns: Mapping[str, Column]
    matched: bool = False

    def sentences(self) -> tuple[str, ...]:
        """One for the rules, and one for `matched` scores under them, if there are."""
        plain = f"{self.title}: {self.description}."
        return (plain, f"{self.title}, {MATCHED}: {MATCH_RULES}.") if self.matched else (plain,)

    def document(self) -> dict[str, Any]:
        """The same for JSON."""
        plain = {"name": self.name, "description": self.description}
        matched = {"name": f"{self.name}, {MATCHED}", "description": MATCH_RULES}
        return plain | {"matched": matched} if self.matched else plain

    def table(self, title: str, rows: Iterable[tuple[str, AnyScores]]) -> Table:
        """All scores, a row for each name."""
        columns = tuple(self.columns.values())
        return Table(title, columns, [(name, self._numbers(scores)) for name, scores in rows])

    def csv(self, names: Sequence[str], rows: Iterable[tuple[Sequence[str], AnyScores]]) -> str:
        """All scores, after cells that have the `names`."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow((*names, *self.columns))
        writer.writerows((*cells, *self._numbers(scores)) for cells, scores in rows)
        return text.getvalue()

    def _numbers(self, scores: AnyScores) -> list[float]:
        own = scores.as_dict()
        matched = {f"matched_{key}": value for key, value in own.get("matched", {}).items()}
        return [(own | matched)[key] for key in self.columns]


def picture_scoring(rules: Rules) -> Scoring:
    """That of pictures under a protocol."""
    protocol, matched = PROTOCOLS[rules.protocol], rules.match_exposure
    return Scoring(
        protocol.name,
        f"Protocol {protocol.name}",
        protocol.description,
        versions(),
        PICTURE_COLUMNS | _MATCHED_COLUMNS if matched else PICTURE_COLUMNS,
        matched,
    )


def map_scoring() -> Scoring:
    """That of maps of defocus."""
    used = {name: number for name, number in versions().items() if name != "scikit-image"}
    used["scipy"] = version("scipy")
    return Scoring("map", "Maps", MAP_RULES, used, _MAP_COLUMNS)


def mean_scores(scores: Sequence[ScoresT]) -> ScoresT:
    """The mean of per-picture scores, as the field reports it; inf if one PSNR is.

    It has `matched` scores if all have. Raises ValueError if there are none.

    >>> mean_scores([Scores(30.0, 0.9, 0.02), Scores(34.0, 0.8, 0.01)]).psnr
    32.0
    """
    if not scores:
        raise ValueError("the mean of no scores is not defined")
    mean: dict[str, Any] = {}
    for key in vars(scores[0]):
        values = [getattr(each, key) for each in scores]
        if all(isinstance(value, Scores) for value in values):
            mean[key] = mean_scores(values)
        elif all(isinstance(value, int | float) for value in values):
            mean[key] = float(np.mean(values))
    return type(scores[0])(**mean)


def report_files(
    scoring: Scoring, match: FolderMatch, scores: Sequence[Mapping[str, AnyScores]]
) -> Report:
    """The scores of files by kind, as `score_pictures` or `score_maps` gives them for each."""
    names = [files.name for files in match.pictures]
    mean = {kind: mean_scores([each[kind] for each in scores]) for kind in scores[0]}
    tables, rows = [], []
    for kind, average in mean.items():
        own = [(name, each[kind]) for name, each in zip(names, scores, strict=True)]
        tables.append(scoring.table(f"The {kind}", [*own, ("(mean)", average)]))
        rows += [((name, kind), each) for name, each in own]
        rows.append((("", f"mean {kind}"), average))
    return Report(
        tables,
        (*scoring.sentences(), ", ".join(map(" ".join, scoring.versions.items()))),
        scoring.csv(("name", "kind"), rows),
        {
            "protocol": scoring.document(),
            "versions": scoring.versions,
            "pictures": [
                {"name": name} | _documents(each) for name, each in zip(names, scores, strict=True)
            ],
            "mean": _documents(mean),
            "unmatched": {
                "predictions": match.unmatched_predictions,
                "truths": match.unmatched_truths,
            },
        },
    )


def _documents(scores: Mapping[str, AnyScores]) -> dict[str, Any]:
    return {kind: each.as_dict() for kind, each in scores.items()}
