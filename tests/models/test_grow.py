"""Networks that grow without changing what they make."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from dpdeblur.errors import OptionError
from dpdeblur.models import PAPER, MCCNet, MCCNetConfig, grown, save_model
from dpdeblur.training import SceneConfig, Stage, SyntheticPairs, TrainConfig, train

SMALL = MCCNetConfig(
    widths=(4, 6, 8), blocks=(1, 1, 1), view_widths=(3, 4), bands=(2, 1), radii=(-2.0, 1.5)
)
LARGE = dataclasses.replace(SMALL, widths=(8, 6, 12), blocks=(1, 2, 3))


def small(**changes: object) -> MCCNet:
    """Random weights, which do something to the views."""
    torch.manual_seed(1)
    network = MCCNet(dataclasses.replace(SMALL, **changes)).eval()  # type: ignore[arg-type]
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network


@pytest.mark.parametrize("use_cc", [True, False])
@pytest.mark.parametrize("levels", [1, 3])
def test_a_grown_network_makes_the_same_and_all_of_it_can_learn(use_cc: bool, levels: int) -> None:
    network = small(use_cc=use_cc, levels=levels)
    larger = grown(network, LARGE)
    assert larger.config == dataclasses.replace(
        network.config, widths=LARGE.widths, blocks=LARGE.blocks
    )
    left, right = torch.rand(2, 1, 3, 64, 96)
    expected = network(left, right)
    assert (expected - (left + right) / 2).abs().max() > 0.1
    assert (larger(left, right) - expected).abs().max() < 1e-5
    optimiser = torch.optim.SGD(larger.parameters(), 0.1)
    before = {name: parameter.clone() for name, parameter in larger.named_parameters()}
    for _ in range(2):  # what reads new channels starts at 0, so these learn from the second step
        optimiser.zero_grad()
        (larger(left, right) - left).square().mean().backward()
        optimiser.step()
    for name, parameter in larger.named_parameters():
        changed = parameter != before[name]
        old = network.state_dict().get(name, parameter[:0])
        assert changed.any(), name
        for axis in range(min(2, parameter.ndim)):  # new outputs, new inputs
            new = changed.narrow(axis, old.shape[axis], changed.shape[axis] - old.shape[axis])
            assert new.any() or not new.numel(), name


def test_nothing_to_grow_is_the_network_itself() -> None:
    network = small()
    assert grown(network, SMALL) is network


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            dataclasses.replace(LARGE, widths=(4, 5, 12)),
            r"^model.widths: \[4, 5, 12\] is less than",
        ),
        (dataclasses.replace(LARGE, blocks=(1, 0, 3)), r"^model.blocks: \[1, 0, 3\] is less than"),
    ],
)
def test_networks_do_not_shrink(config: MCCNetConfig, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        grown(small(), config)


def test_the_papers_network_does_not_grow() -> None:
    with pytest.raises(OptionError, match=r"^grow: only a compact network"):
        grown(MCCNet(PAPER), MCCNetConfig())


def test_a_recipe_grows_its_initial_weights(tmp_path: Path) -> None:
    network = small(levels=1)
    save_model(network, tmp_path / "initial", {}, half=False)
    photos = [torch.randint(256, (3, 96, 96), dtype=torch.uint8)]
    recipe = TrainConfig(
        steps=1,
        rate=1e-9,
        initial=str(tmp_path / "initial"),
        grow=True,
        model=LARGE,
        stages=(Stage(0.0, 32, 32, 1),),
        precision="fp32",
    )
    scenes = SceneConfig(large_range=(1.0, 3.0), moderate_range=(0.5, 3.0))
    pairs = SyntheticPairs(photos, scenes, seed=0)
    found = train(recipe, pairs, tmp_path / "run.pt").eval()
    assert found.config.widths == LARGE.widths
    left, right = torch.rand(2, 1, 3, 32, 32)
    assert (found(left, right) - network(left, right)).abs().max() < 1e-4
    with pytest.raises(OptionError, match=r"^grow: there is nothing to grow from"):
        train(dataclasses.replace(recipe, initial=""), pairs, tmp_path / "other.pt")
