"""Tiles: seams blend to one, every adjoint is the transpose."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dpdeblur.optics.tiles import Tiling
from support.optimiser_reference import tile_weights

tilings = st.builds(
    Tiling,
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    halo=st.integers(0, 9),
)
runs = st.integers(1, 7)
many = settings(max_examples=40)
UNEVEN = Tiling(41, 57, 2, 3, 4)
NARROW_CELLS = Tiling(32, 32, 6, 8, 3)
CELLS_OUTSIDE = Tiling(9, 57, 8, 2, 3)


def random(*shape: int) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7)) - 0.5


def together(runs: Iterable[Tensor]) -> Tensor:
    """All tiles, `... x T x h x w`."""
    return torch.cat(list(runs), -3)


@many
@given(tilings, runs)
@example(UNEVEN, 1)
@example(NARROW_CELLS, 5)
@example(CELLS_OUTSIDE, 16)
def test_joining_what_was_cut_gives_the_frame_back(tiling: Tiling, run: int) -> None:
    frames = random(2, tiling.height, tiling.width)
    joined = tiling.join(tiling.cut(frames, run))
    torch.testing.assert_close(joined, frames, rtol=0, atol=1e-12)


@many
@given(tilings, runs)
@example(UNEVEN, 1)
@example(NARROW_CELLS, 5)
@example(CELLS_OUTSIDE, 16)
def test_adjoints_are_transposes(tiling: Tiling, run: int) -> None:
    frames = random(2, tiling.height, tiling.width)
    tiles = random(2, tiling.count, *tiling.size)
    cut, joined = together(tiling.cut(frames, run)), tiling.join(tiles.split(run, 1))
    spread = together(tiling.join_adjoint(frames, run))
    gathered = tiling.cut_adjoint(tiles.split(run, 1))
    assert float((cut * tiles).sum()) == pytest.approx(float((frames * gathered).sum()), abs=1e-9)
    assert float((joined * frames).sum()) == pytest.approx(float((tiles * spread).sum()), abs=1e-9)


@many
@given(tilings, runs)
def test_sizes_agree(tiling: Tiling, run: int) -> None:
    assert tiling.ramp % 2 == 0
    assert 0 <= tiling.ramp <= min(tiling.cell) / 4
    frames = random(2, 1, tiling.height, tiling.width)
    for parts in (tiling.cut(frames, run), tiling.join_adjoint(frames, run)):
        counts = [part.shape[2] for part in parts if part.shape == (2, 1, *part.shape[2:])]
        assert sum(counts) == tiling.rows * tiling.columns
        assert set(counts[:-1]) <= {run}


def test_tiles_lie_in_a_frame_whose_border_is_repeated() -> None:
    frame = random(1, UNEVEN.height, UNEVEN.width)
    before, (h, w), (down, along) = UNEVEN.halo + UNEVEN.ramp // 2, UNEVEN.size, UNEVEN.cell
    grown = np.pad(frame[0].numpy(), ((before, h), (before, w)), mode="edge")
    for index, tile in enumerate(UNEVEN.cut(frame)):
        row, column = divmod(index, UNEVEN.columns)
        expected = grown[row * down : row * down + h, column * along : column * along + w]
        np.testing.assert_array_equal(tile[0, 0], expected)


def test_the_reference_blends_to_one() -> None:
    for tiling in (UNEVEN, NARROW_CELLS, CELLS_OUTSIDE):
        shape, grid = (tiling.height, tiling.width), (tiling.rows, tiling.columns)
        total = sum(weight for _, weight in tile_weights(shape, grid, tiling.ramp))
        np.testing.assert_allclose(total, 1, rtol=0, atol=1e-12)
