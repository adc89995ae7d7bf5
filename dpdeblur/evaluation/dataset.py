"""How good weights are on a data set: restore every photograph and compare it with the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dpdeblur.datasets import TruthPair
from dpdeblur.errors import DPDeblurError
from dpdeblur.evaluation.protocols import DEFAULT_RULES, Rules, Scores
from dpdeblur.evaluation.report import mean_scores
from dpdeblur.io import read_beside, read_views

if TYPE_CHECKING:
    from dpdeblur.engines import Restored, RestoreOptions
    from dpdeblur.models import LoadedModel
    from dpdeblur.pair import DPViews

KeepCallback = Callable[[TruthPair, int, NDArray[np.float32]], None]
"""Takes a restored picture, upright, with the number (from 0) of the model that made it."""


@dataclass(frozen=True)
class RunInfo:
    """How a picture was made: what `engines.Restored` says beside the picture itself."""

    device: str
    precision: str
    strip_height: int
    strips: int
    seconds: float
    peak_memory: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """What one model made of one photograph, and how."""

    scores: Scores
    run: RunInfo


@dataclass(frozen=True)
class Evaluated:
    """One photograph: the untouched input's scores and each model's result.

    Where it could not be had `error` says why, and there are no scores. `warnings` are sentences
    about its files.
    """

    pair: TruthPair
    input: Scores | None = None
    results: tuple[Scored, ...] = ()
    warnings: tuple[str, ...] = ()
    error: DPDeblurError | None = None

    @property
    def scores(self) -> tuple[Scores, ...]:
        """The input's scores and those of each result, or () if there are none."""
        return () if self.input is None else (self.input, *(each.scores for each in self.results))


@dataclass(frozen=True)
class Means:
    """Means over the `count` photographs of a group (None: all) that have scores."""

    group: str | None
    count: int
    input: Scores
    results: tuple[Scores, ...]

    @property
    def scores(self) -> tuple[Scores, ...]:
        """The input's and those of each result."""
        return self.input, *self.results


def evaluate(
    models: Sequence[LoadedModel],
    pairs: Sequence[TruthPair],
    options: RestoreOptions | None = None,
    rules: Rules = DEFAULT_RULES,
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
    rules: Rules = DEFAULT_RULES,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Scored, NDArray[np.float32]]:
    """Restore one pair of views by one model; its scores against `truth`, and the picture.

    `truth` is H x W x 3 in [0, 1], sRGB-encoded, in the views' rows. Raises what `restore` and
    `score` raise.
    """
    from dpdeblur.engines import restore  # with PyTorch, which scores of files do without

    restored = restore(model, views, options, progress)
    scored = Scored(rules.score(restored.pixels, truth), _run_info(restored))
    return scored, restored.pixels


def means(pictures: Sequence[Evaluated]) -> list[Means]:
    """The means of each group in order of first appearance, and last of all; [] if none scored."""
    groups = dict.fromkeys(each.pair.group for each in pictures if each.pair.group is not None)
    found = []
    for group in (*groups, None):
        scored = [p.scores for p in pictures if p.scores and group in {None, p.pair.group}]
        if scored:
            before, *results = map(mean_scores, zip(*scored, strict=True))
            found.append(Means(group, len(scored), before, tuple(results)))
    return found


def _run_info(restored: Restored) -> RunInfo:
    return RunInfo(**{field.name: getattr(restored, field.name) for field in fields(RunInfo)})


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
