"""Weights of a tiny network that is instant, as a file; and batches with them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from dpdeblur.batch import plan_jobs, run_batch
from dpdeblur.engines import make_engine
from dpdeblur.models import MCCNet, MCCNetConfig, save_model
from support.batches import write_pair

NETWORK = MCCNetConfig(
    levels=1,
    use_cc=False,
    use_bank=False,
    use_volume=False,
    use_selection=False,
    widths=(4, 4, 4),
    blocks=(1, 1, 1),
)


def toy_weights(path: Path) -> Path:
    torch.manual_seed(0)
    network = MCCNet(NETWORK)
    for parameter in network.parameters():  # so that it does something
        torch.nn.init.normal_(parameter, std=0.1)
    save_model(network, path, {})
    return path


def making(weights: Path) -> partial[object]:
    return partial(make_engine, weights=weights, device="cpu", precision="fp32")


def pairs(folder: Path, count: int) -> Path:
    for number in range(count):
        write_pair(folder, f"{number:03}", number)
    return folder


def restore_folder(source: Path, out: Path, weights: Path) -> None:
    engine = make_engine(weights=weights, device="cpu", precision="fp32")
    run_batch(engine, plan_jobs(source, out))
