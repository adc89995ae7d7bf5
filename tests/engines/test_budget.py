"""Which tiles follow from the memory that a picture may take."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from dpdeblur import scratch
from dpdeblur.device import Setup
from dpdeblur.engines import NetworkOptions, plan_tiles, whole
from dpdeblur.engines.budget import Budget
from dpdeblur.engines.memory_model import MemoryModel
from dpdeblur.engines.pyramid import half_size
from dpdeblur.models import MCCNetConfig, ModelDescriptor
from dpdeblur.models.config import describe

SMALL, MEDIUM, LARGE = (1120, 1680), (1400, 2000), (4480, 6720)
COMPACT = describe(MCCNetConfig())


@pytest.fixture(autouse=True)
def much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpdeblur.engines.budget.free_memory", lambda _: 100 * 10**9)
    monkeypatch.setattr("dpdeblur.scratch._fits", lambda _: True)


def tile(
    size: tuple[int, int], device: str, descriptor: ModelDescriptor, **options: Any
) -> tuple[tuple[int, int], int]:
    """The tiles of the full size, and the bytes that the largest one takes."""
    chosen = NetworkOptions(device, "fp32", **options)
    chosen.__dict__["setup"] = Setup(torch.device(device), "fp32")  # there need be no such device
    memory = MemoryModel(descriptor, "fp32", device)
    sizes = [size, half_size(size), half_size(half_size(size))]
    views = 2 * sum(scratch.to_be_taken([6 * math.prod(size)]))
    found = Budget(chosen, sizes, 2, views).tile(memory, 0, *size)
    tiles = plan_tiles(whole(*size), found, descriptor.halo, descriptor.multiple_of)
    return found, max(memory.needed(each.rows.read, each.columns.read) for each in tiles)


def test_a_picture_on_the_cpu_takes_no_more_than_a_gigabyte_for_speed() -> None:
    assert tile(SMALL, "cpu", COMPACT)[0] == SMALL
    cut, needed = tile(MEDIUM, "cpu", COMPACT)
    assert cut != MEDIUM
    assert 500e6 < needed < 2**30 - 24 * math.prod(MEDIUM)
    assert tile(MEDIUM, "cpu", COMPACT, max_memory=10**11)[0] == cut


def test_views_and_results_in_files_leave_the_memory_to_the_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, needed = tile(LARGE, "cpu", COMPACT)
    assert 600e6 < needed < 800e6
    _, needed = tile(LARGE, "cpu", COMPACT, max_memory=500 * 10**6)
    assert 300e6 < needed < 400e6
    monkeypatch.setattr("dpdeblur.scratch._fits", lambda _: False)
    _, needed = tile(LARGE, "cpu", COMPACT)
    assert 250e6 < needed < 365e6
    _, needed = tile(LARGE, "cpu", COMPACT, max_memory=500 * 10**6)
    assert 150e6 < needed < 220e6


def test_less_is_taken_where_less_is_allowed() -> None:
    _, needed = tile(SMALL, "cpu", COMPACT, max_memory=290 * 10**6)
    assert needed <= 290e6 - 7.5 * math.prod(SMALL)  # the result, and that of half the size


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_nothing_else_is_cut_for_speed(size: tuple[int, int]) -> None:
    assert tile(size, "cuda", COMPACT)[0] == size
    assert tile(size, "cpu", ModelDescriptor())[0] == size
    assert tile(size, "cpu", COMPACT, tile_size=512)[0] == size  # the tile size alone counts


def test_what_the_last_picture_left_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [10**9]
    monkeypatch.setattr("dpdeblur.engines.budget.free_memory", lambda _: free[0])
    cut, _ = tile(SMALL, "cpu", COMPACT)
    assert cut != SMALL
    monkeypatch.setattr(
        "dpdeblur.engines.budget.release_unused", lambda _: free.__setitem__(0, 2 * 10**9)
    )
    assert tile(SMALL, "cpu", COMPACT)[0] == SMALL


def test_pictures_at_once_share_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for free in (10**9, 10**10):
        monkeypatch.setattr("dpdeblur.engines.budget.free_memory", lambda _, free=free: free)
        half = tile(LARGE, "cpu", COMPACT, at_once=2)
        monkeypatch.setattr("dpdeblur.engines.budget.free_memory", lambda _, free=free: free // 2)
        assert half == tile(LARGE, "cpu", COMPACT)
