"""The blur of both views: plain convolution in tiles, and its adjoint the transpose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dpdeblur.optics import Blur
from dpdeblur.optics.fourier import spectra
from support.optimiser_reference import blur_slowly, double


def random(seed: int, *shape: int) -> Tensor:
    return double(np.random.default_rng(seed).uniform(-0.5, 0.5, shape))


@dataclass(frozen=True)
class Case:
    """A blur of random kernels, one layer for each of `reaches`, and random shares."""

    shape: tuple[int, int]
    grid: tuple[int, int]
    reaches: tuple[int, ...]
    own: bool
    """Whether each tile has kernels of its own."""
    layered: bool = True
    margin: int = 0

    @property
    def kernels(self) -> list[Tensor]:
        """Of unlike views, with negative numbers, too: a blur is linear in any case."""
        tiles = self.grid[0] * self.grid[1] if self.own else 1
        sides = [2 * reach + 1 for reach in self.reaches]
        return [random(index, 2, tiles, side, side) for index, side in enumerate(sides)]

    @property
    def shares(self) -> Tensor:
        """Some layers do not show in some tiles."""
        count = len(self.reaches)
        if not self.layered:
            return torch.ones(count, *self.shape, dtype=torch.float64)
        shares = random(9, count, *self.shape)
        shares[-1, self.shape[0] // 2 :] = 0
        shares[0, :, : self.shape[1] // 3] = 0
        return shares

    @property
    def blur(self) -> Blur:
        shares = self.shares if self.layered else None
        return Blur(self.shape, self.grid, self.kernels, shares, self.margin)


def cases(largest: int = 60) -> st.SearchStrategy[Case]:
    sides = st.integers(1, largest)
    cells, reach = st.integers(1, 4), st.integers(0, 5)
    return st.builds(
        Case,
        shape=st.tuples(sides, sides),
        grid=st.tuples(cells, cells),
        reaches=st.lists(reach, min_size=1, max_size=4).map(tuple),
        own=st.booleans(),
        layered=st.booleans(),
        margin=st.integers(0, 6),
    )


@settings(max_examples=60)
@given(cases(), st.integers(1, 3))
def test_the_adjoint_is_the_transpose(case: Case, count: int) -> None:
    frames, views = random(3, count, *case.shape), random(4, 2, count, *case.shape)
    forth = float((case.blur.forward(frames) * views).sum())
    back = float((frames * case.blur.adjoint(views)).sum())
    assert forth == pytest.approx(back, rel=1e-11, abs=1e-11)


@settings(max_examples=25)
@given(cases(40))
def test_it_is_direct_convolution_with_blended_seams(case: Case) -> None:
    frames, blur = random(5, 2, *case.shape), case.blur
    views = blur.forward(frames).numpy()
    assert views.shape == (2, 2, *case.shape)
    shares = case.shares.numpy()
    for side, number in np.ndindex(2, 2):
        expected = np.zeros(case.shape)
        for share, kernels in zip(shares, case.kernels, strict=True):
            layer, kernel = share * frames[number].numpy(), kernels[side].numpy()
            expected += blur_slowly(layer, kernel, case.grid, blur.tiling.ramp)
        np.testing.assert_allclose(views[side, number], expected, rtol=0, atol=1e-11)


@settings(max_examples=15)
@given(cases(30))
def test_showing_shares_is_as_if_made_with_them(case: Case) -> None:
    """However many tiles are in work at once."""
    shares = random(8, len(case.reaches), *case.shape)
    frames = random(5, 2, *case.shape)
    made = Blur(case.shape, case.grid, case.kernels, shares, case.margin)
    shown = case.blur.showing(shares)
    torch.testing.assert_close(shown.forward(frames), made.forward(frames), rtol=0, atol=1e-12)
    views = made.forward(frames)
    torch.testing.assert_close(shown.wiener(views), made.wiener(views), rtol=0, atol=1e-9)


@pytest.mark.parametrize("layered", [False, True])
@pytest.mark.parametrize("shape", [(9, 17), (17, 8)])
@pytest.mark.slow
def test_the_gradient(shape: tuple[int, int], layered: bool) -> None:
    blur = Case(shape, (1, 2), (1,), own=True, layered=layered).blur
    assert torch.autograd.gradcheck(blur.forward, (random(1, 1, *shape).requires_grad_(),))


def near_points() -> Blur:
    """A single layer's kernels whose inverse is short, in a grid of one tile."""
    kernels = 0.02 * random(7, 2, 1, 5, 5)
    kernels[..., 2, 2] = 1
    return Blur((70, 81), (1, 1), [kernels], margin=20)


def test_the_wiener_filter_without_noise_is_the_inverse() -> None:
    blur, picture = near_points(), random(6, 2, 70, 81)
    # The picture's border is known to the filter as that of the views: it is off there.
    inner = np.s_[:, 20:-20, 20:-20]
    found = blur.wiener(blur.forward(picture), 0.0)
    torch.testing.assert_close(found[inner], picture[inner], rtol=0, atol=1e-9)


def test_missing_is_what_the_picture_blurred_again_lacks_of_the_views() -> None:
    blur, views = near_points(), random(6, 2, 3, 70, 81)
    inner = np.s_[:, :, 20:-20, 20:-20]
    lacks = views - blur.forward(blur.wiener(views, 0.05))
    torch.testing.assert_close(blur.missing(views, 0.05)[inner], lacks[inner], rtol=0, atol=1e-9)
    noise = torch.full((blur.tiling.size[0], blur.tiling.size[1] // 2 + 1), 0.05)
    torch.testing.assert_close(blur.missing(views, noise.double()), blur.missing(views, 0.05))


def test_a_gray_frame_stays_gray() -> None:
    blur = Blur((41, 57), (2, 3), [double(np.full((2, 6, 5, 5), 1 / 25))])
    gray = torch.full((1, 41, 57), 0.3, dtype=torch.float64)
    blurred = blur.forward(gray)
    torch.testing.assert_close(blurred, gray.expand_as(blurred), rtol=0, atol=1e-12)


def test_the_power_is_of_all_tiles_kernels() -> None:
    case = Case((40, 57), (2, 3), (2,), own=True, layered=False)
    blur = case.blur
    expected = spectra(case.kernels[0], blur.tiling.size).abs().square().sum(0)
    torch.testing.assert_close(blur.power(), expected[None])


@pytest.mark.parametrize("side", [1, 5])
def test_spectra_have_the_kernels_middle_at_the_origin(side: int) -> None:
    kernel = random(8, 3, side, side)
    place = np.arange(side) - side // 2
    down = np.exp(-2j * np.pi * np.outer(np.arange(20), place) / 20)
    along = np.exp(-2j * np.pi * np.outer(np.arange(27 // 2 + 1), place) / 27)
    expected = down @ kernel.numpy() @ along.T
    np.testing.assert_allclose(spectra(kernel, (20, 27)).numpy(), expected, atol=1e-12)
