"""Engines whose pictures are as someone wishes, on scenes of known depth."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.metrics import peak_signal_noise_ratio

import dpdeblur
from dpdeblur.batch import plan_jobs, run_batch
from dpdeblur.engines import ProgressCallback, Restored
from dpdeblur.errors import OptionError, ShapeMismatchError
from dpdeblur.io import INVERSE, PictureInfo, turn
from dpdeblur.pair import DualPixelPair
from dpdeblur.steer import Steered, Wishes
from support.batches import FakeEngine, fake_run, write_pair
from support.planes import DISK, HEIGHT, WALL, WIDTH, Planes, planes

NEAR_AND_FAR = planes(-3.0, 4.0)
TRANSITION = 0.04 * WIDTH


def almost(sharp: NDArray[np.float32]) -> FakeEngine:
    """An engine that knows the truth but for some noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, sharp.shape)
    image = (sharp + noise).clip(0, 1).astype(np.float32)

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        return replace(fake_run(pair, progress), samples=image)

    return FakeEngine(act)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scene", "wishes", "disk"),
    [
        (NEAR_AND_FAR, Wishes(only="near"), True),
        (NEAR_AND_FAR, Wishes(only="far"), False),
        (NEAR_AND_FAR, Wishes(focus_at=(WALL,), depth_range=1.5), False),
        (planes(1.5, 6.0), Wishes(keep_beyond=3.5), True),
        (planes(-5.0, 0.5), Wishes(focus_at=(DISK,)), True),
    ],
)
def test_one_part_stays_and_the_other_is_restored(
    scene: Planes, wishes: Wishes, disk: bool
) -> None:
    engine = almost(scene.sharp)
    before, restored = scene.pair.combined(), engine.run(scene.pair).image
    result = Steered(engine, wishes).run(scene.pair).image
    inside = distance_transform_edt(scene.disk) + distance_transform_edt(~scene.disk)
    wanted = (scene.disk == disk) & (inside > TRANSITION)
    kept = (scene.disk != disk) & (inside > TRANSITION)
    assert np.abs(result - before)[kept].max() < 0.5 / 255

    def gain(picture: NDArray[np.float32]) -> float:
        scores = (
            peak_signal_noise_ratio(scene.sharp[wanted], each[wanted], data_range=1)
            for each in (picture, before)
        )
        return float(next(scores) - next(scores))

    assert gain(result) > 0.95 * gain(restored)


def test_without_depth_there_is_no_map(tmp_path: Path) -> None:
    """So pictures too small for one are no error."""
    left, right = np.random.default_rng(0).random((2, 18, 24, 3), dtype=np.float32)
    pair = DualPixelPair(left, right)
    engine = almost(left)
    result = Steered(engine, Wishes(strength=0.0)).run(pair)
    assert np.array_equal(result.image, pair.combined())
    assert result.run.settings == {"wishes": {"strength": 0.0}}
    json.dumps(asdict(result.run))


@pytest.mark.slow
@pytest.mark.parametrize("tag", [6])
def test_points_and_masks_are_of_the_upright_picture(tag: int) -> None:
    scene = NEAR_AND_FAR
    size = turn(scene.radius, tag).shape
    at = np.zeros((HEIGHT, WIDTH), np.float32)
    at[WALL[1], WALL[0]] = 1
    row, column = np.argwhere(turn(at, tag))[0]
    mask = np.zeros(size, np.float32)
    mask[:50, :80] = 1
    info = PictureInfo(Path("a.png"), 16, gray=False, orientation=tag)
    pair = replace(scene.pair, info=info)
    for wishes, plain in (
        (Wishes(focus_at=((column, row),)), Wishes(focus_at=(WALL,))),
        (Wishes(mask=mask), Wishes(mask=turn(mask, INVERSE[tag]))),
    ):
        wishes.check(size)
        turned = Steered(almost(scene.sharp), wishes).run(pair).image
        expected = Steered(almost(scene.sharp), plain).run(scene.pair).image
        # At jumps, which of two surfaces is nearest may hang on the order of rows.
        assert np.abs(turned - expected).mean() < 1e-4


def test_what_does_not_fit_is_said_before_the_engine_works() -> None:
    def never(*_: Any) -> Restored:
        raise AssertionError

    pair = NEAR_AND_FAR.pair
    with pytest.raises(OptionError, match="outside"):
        Steered(FakeEngine(never), Wishes(focus_at=((WIDTH, 3),))).run(pair)
    with pytest.raises(ShapeMismatchError, match="mask"):
        Steered(FakeEngine(never), Wishes(mask=np.ones((3, 4), np.float32))).run(pair)


def test_batch_notices_other_wishes(tmp_path: Path) -> None:
    write_pair(tmp_path / "in", "a", 1)
    for strength, notes in ((0.5, 0), (0.5, 0), (0.7, 1)):
        plan = plan_jobs(tmp_path / "in", tmp_path / "out")
        report = run_batch(Steered(FakeEngine(), Wishes(strength=strength)), plan)
        assert len(report.notes) == notes
    manifest = json.loads((tmp_path / "out" / "batch.json").read_text())
    assert manifest["pictures"][0]["run"]["settings"]["wishes"] == {"strength": 0.5}


def test_in_one_call() -> None:
    scene = NEAR_AND_FAR
    left, right = scene.pair.left, scene.pair.right
    engine, wishes = almost(scene.sharp), Wishes(strength=0.5)
    result = dpdeblur.deblur(left, right, engine=engine, wishes=wishes)
    assert np.array_equal(result, Steered(engine, wishes).run(scene.pair).image)
