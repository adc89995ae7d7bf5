"""The mean of networks, by the library and by the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dpdeblur.errors import OptionError
from dpdeblur.models import MCCNet, MCCNetConfig, load_model, mean_of, save_model
from support.command import failure, run

CONFIG = MCCNetConfig(radii=(-2.0, 2.0), widths=(4, 4, 4), view_widths=(2, 2))


def network(seed: int, config: MCCNetConfig = CONFIG) -> MCCNet:
    torch.manual_seed(seed)
    return MCCNet(config).eval()


def test_is_the_weighted_mean_of_all_weights() -> None:
    three = [network(seed) for seed in range(3)]
    mean = mean_of(three, [1, 0.5, 2.5]).state_dict()
    states = [{k: v.numpy() for k, v in each.state_dict().items()} for each in three]
    for name, found in mean.items():
        expected = np.average([state[name] for state in states], axis=0, weights=[1, 0.5, 2.5])
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    equal = mean_of(three).state_dict()
    for name, found in equal.items():
        expected = np.mean([state[name] for state in states], axis=0)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_leaves_the_others_alone() -> None:
    one, two = network(0), network(1)
    before = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    drawn = torch.get_rng_state()
    mean_of([one, two])
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(tensor, before[name]) for name, tensor in one.state_dict().items())


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([1], "1 for 2"),
        ([1, -1], "0 or more"),
        ([0, 0], "not all"),
        ([1, float("nan")], "0 or"),
        ([1, float("inf")], "finite"),
    ],
)
def test_shares_that_do_not_suit(shares: list[float], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        mean_of([network(0), network(1)], shares)


def test_networks_that_do_not_suit() -> None:
    other = network(0, MCCNetConfig(radii=(-2.0, 2.0), widths=(4, 4, 8), view_widths=(2, 2)))
    with pytest.raises(OptionError, match="number 2 is a different kind"):
        mean_of([network(0), other])
    with pytest.raises(OptionError, match="there are none"):
        mean_of([])


def test_the_command(tmp_path: Path) -> None:
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for seed, file in enumerate(files):
        save_model(network(seed), file, {}, half=False)
    output = tmp_path / "mean.safetensors"
    call = ("mean", *files, "--shares", "1,3", "-o", output)
    report = json.loads(run(*call, "--json").stdout)
    found = load_model(output)
    expected = mean_of([load_model(file).network for file in files], [1, 3]).state_dict()
    for name, tensor in found.network.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], atol=1e-3, rtol=1e-3)  # it is fp16
    assert report["sha256"] == found.sha256
    assert [part["share"] for part in report["parts"]] == [0.25, 0.75]
    assert "0.75 b" in found.card["mean"]
    assert "already exists" in failure(run(*call))
    assert "inputs" in failure(run("mean", *files, "-o", files[0], "--overwrite"))
    assert "commas" in failure(
        run("mean", *files, "--shares", "1;2", "-o", tmp_path / "c.safetensors")
    )
    assert "nope" in failure(run("mean", "nope", "-o", tmp_path / "c.safetensors"))
