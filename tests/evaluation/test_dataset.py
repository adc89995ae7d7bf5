"""Restoring and scoring a data set."""

from __future__ import annotations

import weakref
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from dpdeblur.datasets import TruthPair
from dpdeblur.engines import ProgressCallback, Restored
from dpdeblur.errors import DiskFullError, IdenticalViewsError, NonFiniteResultError
from dpdeblur.evaluation import (
    Candidate,
    Rules,
    evaluate,
    report_evaluation,
    save_results,
)
from dpdeblur.io import read_picture, write_picture
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


def test_a_full_disk_ends_it(tmp_path: Path) -> None:
    """All the others would be computed and lost."""
    for seed, name in enumerate("lrt"):
        write_picture(tmp_path / f"{name}.png", view(seed))
    files = [tmp_path / f"{name}.png" for name in "lrt"]
    kept: list[str] = []

    def full(pair: TruthPair, _number: int, _pixels: object) -> None:
        kept.append(pair.name)
        raise DiskFullError(tmp_path / "a.png", 9, 0)

    with pytest.raises(DiskFullError):
        list(evaluate([FakeEngine()], [TruthPair(name, *files) for name in "ab"], keep=full))
    assert kept == ["a"]


def test_results_have_the_colour_profile_of_the_views(tmp_path: Path) -> None:
    profile = bytes(imagecodecs.cms_profile("adobergb"))
    for seed, name in enumerate("lrt"):
        pixels = np.rint(view(seed) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png", icc_profile=profile)
    left, right, truth = (tmp_path / f"{name}.png" for name in "lrt")
    fake = Candidate("fake", FakeEngine, folder=tmp_path)
    (found,) = evaluate(
        [fake.engine], [TruthPair("made", left, right, truth)], keep=save_results([fake])
    )
    assert found.error is None
    made = read_picture(tmp_path / "made.png")
    assert (made.info.icc, made.info.bit_depth) == (profile, 16)


def test_the_report_says_what_the_input_of_those_that_were_scored_was(tmp_path: Path) -> None:
    for seed, name in enumerate("lrtc"):
        write_picture(tmp_path / f"{name}.png", view(seed))
    left, right, truth, combined = (tmp_path / f"{name}.png" for name in "lrtc")
    pairs = [TruthPair("a", left, right, truth, combined), TruthPair("b", left, left, truth)]
    engine = FakeEngine()
    engine.settings = {"method": "fast", "calibration": ""}
    found = list(evaluate([engine], pairs))
    fake = Candidate("fake", lambda: engine)
    report = report_evaluation(tmp_path, "test", Rules(), [fake], found)
    assert "Input: the combined pictures of the data set." in report.sentences
