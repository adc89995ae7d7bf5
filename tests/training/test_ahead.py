"""Batches are the same, in the same order, whoever makes them."""

from __future__ import annotations

import threading

import pytest
import torch

from dpdeblur.errors import OptionError
from dpdeblur.training import SceneConfig, SyntheticPairs
from dpdeblur.training.ahead import Wanted, batches

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
        ],
    ),
]
WANTED: list[Wanted] = [(3, 2, (16, 24)), (4, 1, (32, 16)), (5, 2, (16, 16))]


def pairs(device: str) -> SyntheticPairs:
    rng = torch.Generator().manual_seed(1)
    photos = torch.randint(0, 256, (2, 3, 80, 90), generator=rng, dtype=torch.uint8)
    return SyntheticPairs(list(photos.to(device)), SceneConfig(), seed=2)


@pytest.mark.parametrize("device", DEVICES)
def test_batches_come_in_order(device: str) -> None:
    source = pairs(device)
    for wanted, batch in zip(WANTED, batches(source, WANTED), strict=True):
        expected = source.batch(*wanted)
        for name in ("left", "right", "sharp"):
            assert torch.equal(getattr(batch, name), getattr(expected, name))


@pytest.mark.parametrize("device", DEVICES)
def test_what_cannot_be_made_is_told_when_its_turn_comes(device: str) -> None:
    made = batches(pairs(device), [WANTED[0], (6, 1, (160, 16)), WANTED[1]])
    next(made)
    with pytest.raises(OptionError, match="crops of 160 pixels"):
        next(made)


@pytest.mark.parametrize("device", DEVICES)
def test_whoever_stops_early_leaves_no_thread(device: str) -> None:
    before = threading.active_count()
    made = batches(pairs(device), iter(WANTED))
    next(made)
    del made
    assert threading.active_count() == before
