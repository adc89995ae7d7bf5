"""How good weights are on a data set: restore every photograph and compare it with the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dpdeblur.datasets import TruthPair
from dpdeblur.errors import DPDeblurError, OptionError
from dpdeblur.evaluation.protocols import DEFAULT_PROTOCOL, PROTOCOLS, Scores, mean_scores, score
from dpdeblur.io import read_beside, read_views

if TYPE_CHECKING:
    from dpdeblur.engines import RestoreOptions
    from dpdeblur.models import LoadedModel
    from dpdeblur.pair import DPViews

KeepCallback = Callable[[TruthPair, int, NDArray[np.float32]], None]
"""Takes a restored picture, upright, with the number (from 0) of the model that made it."""


@dataclass(frozen=True)
class Rules:
    """How results are compared: a protocol of `PROTOCOLS`, from row `first_row` (from 0) down.

    Rows are those of the views as they went through the network. With `match_exposure` all scores
    have `matched` ones as well, over the same rows. Raises OptionError.
    """

    protocol: str = DEFAULT_PROTOCOL
    first_row: int = 0
    match_exposure: bool = False

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            known = " or ".join(PROTOCOLS)
            raise OptionError("protocol", f"'{self.protocol}' is unknown; use {known}")
        if self.first_row < 0:
            raise OptionError("first_row", f"{self.first_row} is below 0")

    def score(self, picture: NDArray[np.float32], truth: NDArray[np.float32]) -> Scores:
        """The scores of a picture H x W x 3 in [0, 1] that has all its rows, as the truth has."""
        if self.first_row >= len(truth):
            raise OptionError(
                "first_row", f"{self.first_row} is beyond the picture's {len(truth)} rows"
            )
        return score(
            picture[self.first_row :],
            truth[self.first_row :],
            self.protocol,
            match_exposure=self.match_exposure,
        )


@dataclass(frozen=True)
class Result:
    """What one model made of one photograph, and how (see `engines.Restored`)."""

    scores: Scores
    seconds: float
    device: str
    precision: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluated:
    """One photograph: the untouched input's scores and each model's result.

    Where it could not be had `error` says why, and there are no scores. `warnings` are sentences
    about its files.
    """

    pair: TruthPair
    input: Scores | None = None
    results: tuple[Result, ...] = ()
    warnings: tuple[str, ...] = ()
    error: DPDeblurError | None = None


@dataclass(frozen=True)
class Means:
    """Means over the `count` photographs of a group (None: all) that have scores."""

    group: str | None
    count: int
    input: Scores
    results: tuple[Scores, ...]


def evaluate(
    models: Sequence[LoadedModel],
    pairs: Sequence[TruthPair],
    options: RestoreOptions | None = None,
    rules: Rules = Rules(),
    *,
    keep: KeepCallback | None = None,
    progress: Callable[[TruthPair, float], None] | None = None,
) -> Iterator[Evaluated]:
    """Restore each photograph by each model and score it, one photograph at a time.

    The untouched input is the combined picture where the data set has one, else the views' mean.
    A photograph that fails for any model, or in `keep`, by an error of this package has that error
    and no scores, so that all means are of the same photographs; the others go on. `progress` is
    told the share of the photograph that is done.
    """
    from dpdeblur.engines import RestoreOptions  # with PyTorch, as in `evaluate_views`

    options = options or RestoreOptions()  # one for all, so that the device is tried out once
    for pair in pairs:
        try:
            evaluated = _evaluate_one(models, pair, options, rules, keep, progress)
        except DPDeblurError as error:
            evaluated = Evaluated(pair, error=error)
        yield evaluated


def evaluate_views(
    model: LoadedModel,
    views: DPViews,
    truth: NDArray[np.float32],
    options: RestoreOptions | None = None,
    rules: Rules = Rules(),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Result, NDArray[np.float32]]:
    """Restore one pair of views by one model; its scores against `truth`, and the picture.

    `truth` is H x W x 3 in [0, 1], sRGB-encoded, in the views' rows. Raises what `restore` and
    `score` raise.
    """
    from dpdeblur.engines import restore  # with PyTorch, which scores of files do without

    restored = restore(model, views, options, progress)
    scores = rules.score(restored.pixels, truth)
    result = Result(scores, restored.seconds, restored.device, restored.precision, restored.notes)
    return result, restored.pixels


def means(pictures: Sequence[Evaluated]) -> list[Means]:
    """The means of each group in order of first appearance, and last of all; [] if none scored."""
    groups = dict.fromkeys(each.pair.group for each in pictures if each.pair.group is not None)
    return [
        mean
        for group in (*groups, None)
        if (mean := _mean(group, [p for p in pictures if group in {None, p.pair.group}]))
    ]


def _mean(group: str | None, pictures: Sequence[Evaluated]) -> Means | None:
    inputs = [each.input for each in pictures if each.input is not None]
    if not inputs:
        return None
    results = zip(*(each.results for each in pictures if each.input is not None), strict=True)
    return Means(
        group,
        len(inputs),
        mean_scores(inputs),
        tuple(mean_scores([result.scores for result in each]) for each in results),
    )


def _evaluate_one(
    models: Sequence[LoadedModel],
    pair: TruthPair,
    options: RestoreOptions | None,
    rules: Rules,
    keep: KeepCallback | None,
    progress: Callable[[TruthPair, float], None] | None,
) -> Evaluated:
    views = read_views(pair.left, pair.right)
    warnings = list(views.source.warnings)

    def read(path: Path) -> NDArray[np.float32]:
        """A picture in the views' rows."""
        picture = read_beside(path, views)
        warnings.extend(picture.info.warnings)
        return picture.srgb()

    truth = read(pair.truth)
    untouched = views.combined() if pair.combined is None else read(pair.combined)
    before = rules.score(untouched, truth)
    results = []
    for number, model in enumerate(models):

        def advance(done: int, rows: int, number: int = number) -> None:
            if progress is not None:
                progress(pair, (number + done / rows) / len(models))

        result, pixels = evaluate_views(model, views, truth, options, rules, progress=advance)
        results.append(result)
        if keep is not None:
            keep(pair, number, views.source.upright(pixels))
    return Evaluated(pair, before, tuple(results), tuple(warnings))
