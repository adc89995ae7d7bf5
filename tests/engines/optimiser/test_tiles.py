"""Tiles: seams blend to one, every adjoint is the transpose, blur is plain convolution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dpdeblur.engines.optimiser.lens import spectra
from dpdeblur.engines.optimiser.tiles import Tiling, blur
from support.optimiser_reference import blur_slowly, double, tile_weights

tilings = st.builds(
    Tiling,
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    halo=st.integers(0, 9),
)
many = settings(max_examples=40)
UNEVEN = Tiling(41, 57, 2, 3, 4)
NARROW_CELLS = Tiling(32, 32, 6, 8, 3)
CELLS_OUTSIDE = Tiling(9, 57, 8, 2, 3)


def random(*shape: int) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7)) - 0.5


def assert_transposed(forward: Callable[[Tensor], Tensor], back: Callable[..., Tensor], x: Tensor):
    y = forward(x)
    z = random(*y.shape)
    assert float((y * z).sum()) == pytest.approx(float((x * back(z.clone())).sum()), abs=1e-9)


@many
@given(tilings)
@example(UNEVEN)
@example(NARROW_CELLS)
@example(CELLS_OUTSIDE)
def test_joining_what_was_cut_gives_the_frame_back(tiling: Tiling) -> None:
    frames = random(2, tiling.height, tiling.width)
    torch.testing.assert_close(tiling.join(tiling.cut(frames)), frames, rtol=0, atol=1e-12)


@many
@given(tilings)
@example(UNEVEN)
@example(NARROW_CELLS)
@example(CELLS_OUTSIDE)
def test_adjoints_are_transposes(tiling: Tiling) -> None:
    frames = random(2, tiling.height, tiling.width)
    assert_transposed(tiling.pad, tiling.pad_adjoint, frames)
    assert_transposed(tiling.cut, tiling.cut_adjoint, frames)
    assert_transposed(tiling.join, tiling.join_adjoint, tiling.cut(random(*frames.shape)))
    assert_transposed(
        tiling.joined, tiling.joined_adjoint, random(*tiling.empty_joined(frames).shape)
    )


@many
@given(tilings)
def test_sizes_agree(tiling: Tiling) -> None:
    tiles = tiling.cut(random(1, tiling.height, tiling.width))
    assert tiles.shape == (1, tiling.rows * tiling.columns, *tiling.size)
    assert tiling.ramp % 2 == 0
    assert 0 <= tiling.ramp <= min(tiling.cell) / 4
    assert tiling.join_adjoint(random(1, tiling.height, tiling.width)).shape == tiles.shape
    joined = tiling.joined(tiling.empty_joined(tiles))
    assert joined.shape == (1, tiling.height, tiling.width)
    assert tiling.empty_padded(tiles).shape == tiling.pad(joined).shape


def test_a_grown_frame_repeats_its_border() -> None:
    frame = random(1, UNEVEN.height, UNEVEN.width)
    padded = UNEVEN.pad(frame)[0].numpy()
    before = UNEVEN.halo + UNEVEN.ramp // 2
    below, beside = (
        side - before - inside for side, inside in zip(padded.shape, frame.shape[1:], strict=True)
    )
    expected = np.pad(frame[0].numpy(), ((before, below), (before, beside)), mode="edge")
    np.testing.assert_array_equal(padded, expected)


@pytest.mark.parametrize(
    "tiling",
    [UNEVEN, NARROW_CELLS, CELLS_OUTSIDE, Tiling(40, 56, 1, 1, 6), Tiling(80, 45, 3, 1, 2)],
)
@pytest.mark.parametrize("everywhere_the_same", [False, True])
def test_blur_is_direct_convolution_with_blended_seams(
    tiling: Tiling, everywhere_the_same: bool
) -> None:
    side = 2 * min(tiling.halo, 3) + 1
    kernels = random(2, 1 if everywhere_the_same else tiling.count, side, side) + 0.6
    frames = random(2, tiling.height, tiling.width)
    left, right = spectra(kernels, tiling.size)
    views = blur(frames, tiling, (left, right)).numpy()
    grid = tiling.rows, tiling.columns
    for view, kernel in zip(views, kernels.numpy(), strict=True):
        for blurred, frame in zip(view, frames.numpy(), strict=True):
            expected = blur_slowly(frame, kernel, grid, tiling.ramp)
            np.testing.assert_allclose(blurred, expected, rtol=0, atol=1e-11)


def test_the_reference_blends_to_one() -> None:
    for tiling in (UNEVEN, NARROW_CELLS, CELLS_OUTSIDE):
        shape, grid = (tiling.height, tiling.width), (tiling.rows, tiling.columns)
        total = sum(weight for _, weight in tile_weights(shape, grid, tiling.ramp))
        np.testing.assert_allclose(total, 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("tiling", [Tiling(9, 17, 1, 2, 1), Tiling(17, 8, 2, 1, 1)])
@pytest.mark.slow
def test_the_gradient_of_blur(tiling: Tiling) -> None:
    side = 2 * tiling.halo + 1
    left, right = spectra(random(2, tiling.count, side, side), tiling.size)
    frames = random(1, tiling.height, tiling.width).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: blur(x, tiling, (left, right)), (frames,))


def test_a_gray_frame_stays_gray() -> None:
    kernels = double(np.full((2, 6, 5, 5), 1 / 25))
    left, right = spectra(kernels, UNEVEN.size)
    gray = torch.full((1, UNEVEN.height, UNEVEN.width), 0.3, dtype=torch.float64)
    blurred = blur(gray, UNEVEN, (left, right))
    torch.testing.assert_close(blurred, gray.expand_as(blurred), rtol=0, atol=1e-12)
