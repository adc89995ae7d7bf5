"""How good engines are on a data set: restore every photograph and compare it with the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dpdeblur.datasets import TruthPair
from dpdeblur.errors import DiskFullError, DPDeblurError
from dpdeblur.evaluation.protocols import DEFAULT_RULES, Rules, Scores
from dpdeblur.evaluation.report import mean_scores
from dpdeblur.pair import DualPixelPair, read_beside, read_pair

if TYPE_CHECKING:
    from dpdeblur.engines import Engine, ProgressCallback, RunInfo

KeepCallback = Callable[[TruthPair, int, NDArray[np.float32]], None]
"""Takes a restored picture, upright, with the number (from 0) of the engine that made it."""


@dataclass(frozen=True)
class Scored:
    """What one engine made of one photograph, and how."""

    scores: Scores
    run: RunInfo


@dataclass(frozen=True)
class Evaluated:
    """One photograph: the untouched input's scores and each engine's result.

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
    engines: Sequence[Engine],
    pairs: Sequence[TruthPair],
    rules: Rules = DEFAULT_RULES,
    *,
    keep: KeepCallback | None = None,
    progress: Callable[[TruthPair, float], None] | None = None,
) -> Iterator[Evaluated]:
    """Restore each photograph by each engine and score it, one photograph at a time.

    The untouched input is the combined picture where the data set has one, else the views' mean.
    A photograph that fails for any engine, or in `keep`, by an error of this package has that error
    and no scores, so that all means are of the same photographs; the others go on.

    Args:
        engines: what restores; their results have this order.
        pairs: the photographs, as `datasets.find_truth_pairs` gives them.
        rules: how results are compared.
        keep: called with each result.
        progress: called with the photograph and the share of it that is done.

    Yields:
        Each photograph's scores, or its error.

    Raises:
        DiskFullError: as `keep` does; the others would be lost, too.
    """
    for pair in pairs:
        try:
            evaluated = _evaluate_one(engines, pair, rules, keep, progress)
        except DiskFullError:  # all the others would be computed and lost
            raise
        except DPDeblurError as error:
            # Without its past, whose frames would hold the pictures for as long as the report.
            error.__traceback__ = error.__cause__ = error.__context__ = None
            evaluated = Evaluated(pair, error=error)
        yield evaluated


def evaluate_pair(
    engine: Engine,
    pair: DualPixelPair,
    truth: NDArray[np.float32],
    rules: Rules = DEFAULT_RULES,
    *,
    progress: ProgressCallback | None = None,
) -> tuple[Scored, NDArray[np.float32]]:
    """Restore one pair of views by one engine; its scores against `truth`, and the picture.

    `truth` is H x W x 3 in [0, 1], sRGB-encoded, in the views' rows. Raises what the engine's `run`
    and `score` raise.
    """
    restored = engine.run(pair, progress)
    return Scored(rules.score(restored.image, truth), restored.run), restored.image


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


def _evaluate_one(
    engines: Sequence[Engine],
    files: TruthPair,
    rules: Rules,
    keep: KeepCallback | None,
    progress: Callable[[TruthPair, float], None] | None,
) -> Evaluated:
    pair = engines[0].read(read_pair(files.left, files.right))
    warnings = list(pair.warnings)

    def read(path: Path) -> NDArray[np.float32]:
        """A picture in the views' rows."""
        picture = read_beside(path, pair)
        warnings.extend(picture.info.warnings)
        return picture.srgb()

    truth = read(files.truth)
    untouched = pair.combined() if files.combined is None else read(files.combined)
    before = rules.score(untouched, truth)
    results = []
    for number, engine in enumerate(engines):

        def advance(done: int, parts: int, number: int = number) -> None:
            if progress is not None:
                progress(files, (number + done / parts) / len(engines))

        result, pixels = evaluate_pair(engine, pair, truth, rules, progress=advance)
        results.append(result)
        if keep is not None:
            keep(files, number, pair.upright(pixels))
    return Evaluated(files, before, tuple(results), tuple(warnings))
