"""The loss of a step: levels and their weights, and the margin, by NumPy in float64."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dpdeblur.models import MCCNet, MCCNetConfig, save_model
from dpdeblur.training import Batch, Stage, StepReport, TrainConfig, train
from support.toy_training import Noise

SIZE = (40, 48)
CONFIG = TrainConfig(
    steps=3,
    warm_up=1,
    rate=1e-2,
    ema=0.0,
    epsilon=0.02,
    optimiser="muon",
    precision="fp32",
    stages=(Stage(0, *SIZE, 2),),
    model=MCCNetConfig(
        use_bank=False,
        use_volume=False,
        widths=(4, 4, 4),
        blocks=(1, 1, 1),
        view_widths=(2, 2),
        bands=(1, 1),
    ),
)


class Changed(Noise):
    """The truth is another in pixels less than `rim` from the border, or only in those beyond."""

    def __init__(self, rim: int, *, inside: bool = False) -> None:
        super().__init__()
        self.rim, self.inside = rim, inside

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        batch = super().batch(step, count, size)
        inner = torch.zeros(size, dtype=torch.bool)
        inner[self.rim : -self.rim, self.rim : -self.rim] = True
        keep = ~inner if self.inside else inner
        return dataclasses.replace(batch, sharp=torch.where(keep, batch.sharp, 1 - batch.sharp))


def run(config: TrainConfig, pairs: Noise, folder: Path, steps: int = 1) -> tuple[float, MCCNet]:
    """The last step's loss and the weights after it."""
    reports: list[StepReport] = []
    folder.mkdir()
    network = train(
        config, pairs, folder / "run", stop_after=steps, on_step=lambda r, _: reports.append(r)
    )
    return reports[-1].loss, network


def halved(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    count, channels, height, width = linear.shape
    mean = linear.reshape(count, channels, height // 2, 2, width // 2, 2).mean((3, 5))
    return np.where(mean <= 0.0031308, mean * 12.92, 1.055 * mean ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    ("margin", "weights"),
    [(0, (1.0, 0.5, 0.25)), (6, (1.0, 0.5, 0.25)), (5, (0.3, 0.0, 2.0)), (3, (1.0, 0.7, 0.1, 9.0))],
)
def test_the_loss_of_a_step_by_hand(
    tmp_path: Path, margin: int, weights: tuple[float, ...]
) -> None:
    torch.manual_seed(1)
    network = MCCNet(CONFIG.model)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)  # so that it does something to its input
    save_model(network, tmp_path / "initial", {}, half=False)
    config = dataclasses.replace(
        CONFIG, initial=str(tmp_path / "initial"), margin=margin, level_weights=weights
    )
    loss, _ = run(config, Noise(), tmp_path / "a")

    batch = Noise().batch(0, 2, SIZE)
    truth = batch.sharp.double().numpy()
    expected = 0.0
    with torch.no_grad():
        results = network.pyramid(batch.left, batch.right, 3)
    cuts = {0: (0, 0, 0), 6: (6, 3, 1), 5: (5, 2, 1), 3: (3, 1, 0)}[margin]
    for result, cut, weight in zip(reversed(results), cuts, weights, strict=False):
        difference = result.double().numpy() - truth
        assert difference.shape == (2, 3, *(side * truth.shape[2] // 40 for side in SIZE))
        inner = difference[:, :, cut : truth.shape[2] - cut, cut : truth.shape[3] - cut]
        expected += weight * np.sqrt(inner**2 + 0.02**2).mean()
        truth = halved(truth)
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("margin", "weights"), [(8, (1.0, 0.5, 0.25)), (5, (1.0, 0.0, 0.0))])
@pytest.mark.slow
def test_the_truth_in_the_margin_changes_nothing(
    tmp_path: Path, margin: int, weights: tuple[float, ...]
) -> None:
    config = dataclasses.replace(CONFIG, margin=margin, level_weights=weights)
    loss, network = run(config, Noise(), tmp_path / "a", steps=3)
    for name, pairs, same in (
        ("in the margin", Changed(margin), True),
        ("a pixel more", Changed(margin + 1), False),
        ("inside", Changed(margin, inside=True), False),
    ):
        other_loss, other = run(config, pairs, tmp_path / name, steps=3)
        assert (other_loss == loss) == same
        assert all(map(torch.equal, network.parameters(), other.parameters())) == same
