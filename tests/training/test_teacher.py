"""Learning from trained weights in the truth's place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from dpdeblur.engines import Network, NetworkOptions
from dpdeblur.errors import OptionError, WeightsError
from dpdeblur.models import MCCNet, MCCNetConfig, load_model, save_model
from dpdeblur.pair import DualPixelPair
from dpdeblur.training import Batch, SceneConfig, Stage, SyntheticPairs, TrainConfig, train
from dpdeblur.training.teacher import Teacher

SMALL = MCCNetConfig(radii=(-3.0, 3.0), widths=(8, 8, 8), blocks=(1, 1, 1), use_cc=False)
RECIPE = TrainConfig(
    steps=1, stages=(Stage(0, 64, 64, 2),), model=SMALL, warm_up=0, precision="fp32", seed=3
)


@pytest.fixture(scope="module")
def pairs() -> SyntheticPairs:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(3, 3, 50, 60, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    return SyntheticPairs(list((fine * 255).to(torch.uint8)), SceneConfig(sharp=0), 7)


def test_what_it_teaches_is_what_the_engine_makes_of_an_ensemble(
    pairs: SyntheticPairs, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    network = MCCNet(SMALL)
    with torch.no_grad():
        weight = network.body.head.get_parameter("weight")  # at first zero: all passes are alike
        weight.copy_(0.02 * torch.randn_like(weight))
    file = tmp_path / "teacher.safetensors"
    save_model(network, file, {})
    batch = pairs.batch(0, 2, (64, 96))
    taught = Teacher(str(file), torch.device("cpu"), "fp32")(batch)
    engines = [
        Network(load_model(file), NetworkOptions("cpu", "fp32", ensemble=ensemble))
        for ensemble in (True, False)
    ]
    for index, picture in enumerate(taught):
        left, right = (
            view[index].permute(1, 2, 0).contiguous().numpy() for view in (batch.left, batch.right)
        )
        mean, single = (engine.run(DualPixelPair(left, right)).image for engine in engines)
        found = picture.permute(1, 2, 0).clamp(0, 1).numpy()
        assert np.abs(found - mean).max() < 2e-5
        assert np.abs(found - single).max() > 1e-3


def test_it_stands_in_the_place_of_the_truth(pairs: SyntheticPairs, tmp_path: Path) -> None:
    torch.manual_seed(RECIPE.seed)
    file = tmp_path / "same.safetensors"
    save_model(MCCNet(SMALL), file, {})
    losses: list[float] = []
    for teacher in ("", str(file)):
        config = dataclasses.replace(RECIPE, teacher=teacher)
        checkpoint = tmp_path / f"{len(losses)}.pt"
        train(config, pairs, checkpoint, on_step=lambda step, _: losses.append(step.loss))
    # As at first it makes the same of all mirrored scenes, it has nothing to learn from itself.
    least = RECIPE.epsilon * sum(RECIPE.level_weights)
    assert losses[1] == pytest.approx(least, rel=0.1)
    assert losses[0] > 1.3 * losses[1]


def test_overshoot_is_still_beyond_the_truth(tmp_path: Path) -> None:
    torch.manual_seed(RECIPE.seed)
    file = tmp_path / "same.safetensors"
    save_model(MCCNet(SMALL), file, {})
    gray, bright = torch.full((1, 3, 64, 64), 0.5), torch.full((1, 3, 64, 64), 0.7)

    class Brighter(SyntheticPairs):
        def batch(self, step: int, batch: int, size: tuple[int, int]) -> Batch:
            return Batch(bright, bright, gray)

    source = Brighter([torch.zeros(3, 200, 200, dtype=torch.uint8)], SceneConfig(), 0)
    losses: list[float] = []
    for weight in (0.0, 1.0):
        config = dataclasses.replace(RECIPE, teacher=str(file), overshoot=weight)
        checkpoint = tmp_path / f"{weight}.pt"
        train(config, source, checkpoint, on_step=lambda step, _: losses.append(step.loss))
    beyond = 0.2 * sum(RECIPE.level_weights)
    assert losses[1] - losses[0] == pytest.approx(beyond, rel=0.05)


def test_a_teacher_that_is_not_there(pairs: SyntheticPairs, tmp_path: Path) -> None:
    config = dataclasses.replace(RECIPE, teacher=str(tmp_path / "none.safetensors"))
    with pytest.raises(WeightsError):
        train(config, pairs, tmp_path / "run.pt")


def test_a_run_goes_on_with_its_own_teacher_only(pairs: SyntheticPairs, tmp_path: Path) -> None:
    file, checkpoint = tmp_path / "teacher.safetensors", tmp_path / "run.pt"
    config = dataclasses.replace(RECIPE, steps=2, teacher=str(file))
    torch.manual_seed(1)
    network = MCCNet(SMALL)
    save_model(network, file, {})
    train(config, pairs, checkpoint, stop_after=1)
    renamed = file.rename(tmp_path / "same.safetensors")
    train(dataclasses.replace(config, teacher=str(renamed)), pairs, checkpoint, stop_after=1)
    torch.nn.init.ones_(network.body.head.get_parameter("bias"))
    save_model(network, file, {})
    with pytest.raises(OptionError, match="it belongs to a run with teacher = "):
        train(config, pairs, checkpoint)
