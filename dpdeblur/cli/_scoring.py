"""What `dpdeblur score` compares, pictures or maps: how files are scored, and scores shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from dpdeblur.errors import InvalidMapError, ShapeMismatchError
from dpdeblur.evaluation import MAP_RULES, PROTOCOLS, score, score_map, versions
from dpdeblur.io import read_map, read_picture

Scores = dict[str, Any]
"""The scores of one file, or their means, by name, as JSON has them.

They are numbers, but for those of a picture with its exposure matched: these are a dictionary of
their own, `matched`, in which a file's also have `channel_gains`.
"""
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """Rules for files of one kind, and the headings and digits that their scores have in a table.

    `matched` says whether pictures are scored with their exposure matched as well. `score` takes
    predictions, the one truth that all are compared with, and what is called with each sentence of
    warning; its errors name the files.
    """

    name: str
    description: str
    versions: Mapping[str, str]
    columns: Mapping[str, tuple[str, int]]
    matched: bool
    score: Callable[[Sequence[Path], Path, Warn], list[Scores]]

    def table(self, title: str, rows: Sequence[tuple[str, Scores]]) -> Table:
        """A table for people, one row for each name."""
        table = Table(title=title, title_justify="left")
        table.add_column("", overflow="fold")
        for heading, _ in self.columns.values():
            table.add_column(heading, justify="right")
        for name, scores in rows:
            cells = zip(self._numbers(scores), self.columns.values(), strict=True)
            table.add_row(name, *(f"{number:.{digits}f}" for number, (_, digits) in cells))
        return table

    def csv(self, names: Sequence[str], scores: Mapping[str, Sequence[Scores]]) -> str:
        """All scores by kind, in the order of `names`, then means: of "mean kind", without name."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(("name", "kind", *self.columns))
        for kind, each in scores.items():
            for name, row in zip(names, each, strict=True):
                writer.writerow((name, kind, *self._numbers(row)))
            writer.writerow(("", f"mean {kind}", *self._numbers(means(each))))
        return text.getvalue()

    def _numbers(self, scores: Scores) -> list[float]:
        """One for each column; those of `matched` scores begin with that word."""
        matched = {f"matched_{key}": value for key, value in scores.get("matched", {}).items()}
        return [(scores | matched)[key] for key in self.columns]


def means(scores: Sequence[Scores]) -> Scores:
    """The means of the files' scores, as the field reports them; inf if one is."""
    numbers = [key for key, value in scores[0].items() if isinstance(value, float)]
    mean: Scores = {key: float(np.mean([each[key] for each in scores])) for key in numbers}
    if "matched" in scores[0]:
        mean["matched"] = means([each["matched"] for each in scores])
    return mean


def pictures(protocol: str, *, match_exposure: bool) -> Comparison:
    """Sharp pictures under one of the protocols, and with their exposure matched if asked for."""
    columns = {"psnr": ("PSNR (dB)", 2), "ssim": ("SSIM", 4), "mae": ("MAE", 4)}
    if match_exposure:
        columns |= {
            "matched_psnr": ("Matched PSNR", 2),
            "matched_ssim": ("SSIM", 4),
            "matched_mae": ("MAE", 4),
        }

    def compare(predictions: Sequence[Path], truth: Path, warn: Warn) -> list[Scores]:
        sharp, found = read_picture(truth), []
        for warning in sharp.info.warnings:
            warn(warning)
        truth_pixels = sharp.srgb()
        for path in predictions:
            picture = read_picture(path)
            sizes = picture.samples.shape[:2], sharp.samples.shape[:2]
            if sizes[0] != sizes[1]:
                raise ShapeMismatchError(f"{path} and {truth}", *sizes)
            for warning in picture.info.warnings:
                warn(warning)
            scores = score(picture.srgb(), truth_pixels, protocol, match_exposure=match_exposure)
            found.append(scores.as_dict())
        return found

    description = PROTOCOLS[protocol].description
    return Comparison(protocol, description, versions(), columns, match_exposure, compare)


def maps() -> Comparison:
    """Maps of defocus."""
    columns = {"aiwe1": ("AIWE(1)", 4), "aiwe2": ("AIWE(2)", 4), "spearman": ("1-|rho|", 4)}
    used = {name: number for name, number in versions().items() if name != "scikit-image"}
    used["scipy"] = version("scipy")
    return Comparison("map", MAP_RULES, used, columns, False, _score_maps)


def _score_maps(predictions: Sequence[Path], truth: Path, _: Warn) -> list[Scores]:
    known, found = read_map(truth), []
    for path in predictions:
        # 0 is a defocus like any other in a map that was made; only a truth has gaps.
        made = read_map(path, zero_is_unknown=False)
        try:
            found.append(asdict(score_map(made, known)))
        except ShapeMismatchError as error:
            raise ShapeMismatchError(f"{path} and {truth}", error.first, error.second) from error
        except InvalidMapError as error:
            blamed = path if "predicted" in error.what else truth
            raise InvalidMapError(str(blamed), error.reason) from error
    return found
