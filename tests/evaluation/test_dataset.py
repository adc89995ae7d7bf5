"""Restoring and scoring a data set."""

from __future__ import annotations

import weakref
from pathlib import Path

from dpdeblur.datasets import TruthPair
from dpdeblur.engines import ProgressCallback, Restored
from dpdeblur.errors import IdenticalViewsError, NonFiniteResultError
from dpdeblur.evaluation import evaluate
from dpdeblur.io import write_picture
from dpdeblur.pair import DualPixelPair
from support.batches import FakeEngine, view


def test_of_a_photograph_that_fails_only_the_error_stays(tmp_path: Path) -> None:
    for seed, name in enumerate("lrt"):
        write_picture(tmp_path / f"{name}.png", view(seed))
    left, right, truth = (tmp_path / f"{name}.png" for name in "lrt")
    seen: list[weakref.ref[DualPixelPair]] = []

    def fail(pair: DualPixelPair, _progress: ProgressCallback | None) -> Restored:
        seen.append(weakref.ref(pair))
        raise NonFiniteResultError

    pairs = [TruthPair("a", left, right, truth), TruthPair("b", left, left, truth)]
    failed = list(evaluate([FakeEngine(fail)], pairs))
    assert [type(each.error) for each in failed] == [NonFiniteResultError, IdenticalViewsError]
    assert seen[0]() is None
