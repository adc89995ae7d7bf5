"""The all-in-focus picture behind a known map: the linear model, its inverse and its optimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mpi_reference import (
    Array,
    asymmetric_calibration,
    blur_slowly,
    double,
    plane,
    psnr,
    texture,
)
from torch import Tensor

from dpdeblur.mpi.lens import Lens
from dpdeblur.mpi.picture import LayeredBlur, PictureOptions, sharpen

SIZE = (40, 57)
RADII = (3.0, 0.8, 0.0, -2.0)
LENSES = [Lens(), Lens(asymmetric_calibration())]
lenses = pytest.mark.parametrize("lens", LENSES, ids=["generic", "calibrated"])


def some_shares() -> Array:
    """Of four layers, one of which shows in a corner only."""
    shares = np.random.default_rng(1).uniform(0, 1, (4, *SIZE))
    shares[3, 10:] = 0
    shares[3, :, 10:] = 0
    return shares / shares.sum(0)


SHARES = some_shares()


def random(*shape: int) -> Tensor:
    return double(np.random.default_rng(2).uniform(-1, 1, shape))


@lenses
def test_views_are_the_sum_of_blurred_layers(lens: Lens) -> None:
    blur = LayeredBlur(double(SHARES), RADII, lens)
    pictures = random(2, *SIZE)
    views = blur.forward(pictures).numpy()
    assert views.shape == (2, 2, *SIZE)
    kernels = [lens.kernels(radius).numpy().astype(np.float64) for radius in RADII]
    for side in range(2):
        for picture, view in zip(pictures.numpy(), views[side], strict=True):
            expected = np.zeros(SIZE)
            for share, kernel in zip(SHARES, kernels, strict=True):
                grid, ramp = lens.grid(*SIZE), blur.tiling.ramp
                expected += blur_slowly(share * picture, kernel[side], grid, ramp)
            np.testing.assert_allclose(view, expected, atol=2e-6)


@lenses
def test_the_adjoint_is_the_transpose(lens: Lens) -> None:
    blur = LayeredBlur(double(SHARES), RADII, lens)
    picture, views = random(3, *SIZE), random(2, 3, *SIZE)
    forth = float((blur.forward(picture) * views).sum())
    back = float((picture * blur.adjoint(views.clone())).sum())
    # The spectra are float32: what rounding leaves of their symmetry is lost one way only.
    assert forth == pytest.approx(back, abs=2e-6 * float(views.norm() * picture.norm()))


@lenses
def test_the_preconditioner_is_positive(lens: Lens) -> None:
    blur = LayeredBlur(double(SHARES), RADII, lens)
    picture = random(1, *SIZE)
    assert float((picture * blur.precondition(picture)).sum()) > 0


@pytest.mark.parametrize("radius", [2.4, -3.0, 0.0])
def test_wiener_is_the_formula(radius: float) -> None:
    lens, noise = Lens(), 0.01
    blur = LayeredBlur(torch.ones(1, *SIZE, dtype=torch.float64), [radius], lens)
    views = random(2, 3, *SIZE)
    kernels = lens.kernels(radius)[:, 0].numpy().astype(np.float64)
    tiling, reach = blur.tiling, kernels.shape[-1] // 2
    before = tiling.halo + tiling.ramp // 2
    pads = [(before, whole - side - before) for whole, side in zip(tiling.size, SIZE, strict=True)]
    spectra = []
    for kernel in kernels:
        grown = np.zeros(tiling.size)
        grown[: 2 * reach + 1, : 2 * reach + 1] = kernel
        spectra.append(np.fft.fft2(np.roll(grown, (-reach, -reach), (0, 1))))
    left, right = spectra
    for channel, picture in enumerate(blur.wiener(views, noise)):
        seen = [np.fft.fft2(np.pad(view[channel], pads, mode="edge")) for view in views.numpy()]
        joint = (left.conj() * seen[0] + right.conj() * seen[1]) / (
            np.abs(left) ** 2 + np.abs(right) ** 2 + noise
        )
        expected = np.fft.ifft2(joint).real[before : before + SIZE[0], before : before + SIZE[1]]
        np.testing.assert_allclose(picture, expected, atol=2e-5)


@lenses
def test_wiener_of_equal_layers_is_that_of_one(lens: Lens) -> None:
    views = random(2, 1, *SIZE)
    one = LayeredBlur(torch.ones(1, *SIZE, dtype=torch.float64), [2.0], lens)
    four = LayeredBlur(double(SHARES), [2.0] * 4, lens)
    torch.testing.assert_close(four.wiener(views), one.wiener(views), rtol=0, atol=1e-9)


def scene(lens: Lens, radius: float) -> tuple[LayeredBlur, Tensor, Array]:
    """Colour views of a plane with noise of 0.2 %, `2 x 3 x H x W`, and the truth `H x W x 3`."""
    height, width = 64, 72
    truth = np.stack([texture(seed, height, width) for seed in range(3)])
    views = np.stack([plane(channel, lens, radius) for channel in truth], 1)
    views += np.random.default_rng(0).normal(0, 2e-3, views.shape)
    blur = LayeredBlur(torch.ones(1, height, width), [radius], lens)
    return blur, torch.from_numpy(views.astype(np.float32)), truth.transpose(1, 2, 0)


def objective(picture: Tensor, blur: LayeredBlur, views: Tensor, options: PictureOptions) -> float:
    """Penalties of residuals and of gradients (one norm over directions and channels), float64."""
    x = picture.numpy().astype(np.float64)
    residual = (blur.forward(picture) - views).numpy().astype(np.float64)
    data = options.outlier**2 * np.sqrt(residual**2 / options.outlier**2 + 1)
    square = np.zeros(x.shape[1:])
    square[:, :-1] += (np.diff(x, axis=2) ** 2).sum(0)
    square[:-1] += (np.diff(x, axis=1) ** 2).sum(0)
    return float(data.sum() + options.smoothness * np.sqrt(square + options.edge**2).sum())


def as_picture(picture: Tensor) -> Array:
    return picture.numpy().transpose(1, 2, 0).astype(np.float64)


@lenses
def test_sharpen_beats_wiener_and_lowers_its_objective(lens: Lens) -> None:
    blur, views, truth = scene(lens, 3.0)
    start = blur.wiener(views)
    options = PictureOptions(rounds=3, steps=6, tolerance=0)
    pictures = [start]
    for rounds in (1, 2, 3):
        one = PictureOptions(rounds=rounds, steps=6, tolerance=0)
        pictures.append(sharpen(blur, views, start, one))
    costs = [objective(picture, blur, views, options) for picture in pictures]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[0]
    mean, filtered, sharp = (
        psnr(as_picture(picture), truth) for picture in (views.mean(0), start, pictures[-1])
    )
    assert filtered > mean + 2
    assert sharp > filtered + 0.5


def test_a_round_solves_its_quadratic() -> None:
    """Conjugate gradients against numpy.linalg.solve of the reweighted normal equations."""
    (height, width), lens = (14, 16), Lens()
    options = PictureOptions(rounds=1, steps=25, tolerance=0)
    truth = 0.3 + 0.4 * texture(1, height, width)
    views = plane(truth, lens, 2.5) + np.random.default_rng(1).normal(0, 0.01, (2, height, width))
    start = truth + np.random.default_rng(2).normal(0, 0.02, truth.shape)
    pixels = np.eye(truth.size).reshape(-1, height, width)
    blurs = np.stack([plane(pixel, lens, 2.5).ravel() for pixel in pixels], 1)
    along, down = np.zeros_like(pixels), np.zeros_like(pixels)
    along[:, :, :-1], down[:, :-1] = np.diff(pixels, axis=2), np.diff(pixels, axis=1)
    ways = [way.reshape(truth.size, -1).T for way in (along, down)]

    trust = 1 / np.sqrt(((blurs @ start.ravel() - views.ravel()) / options.outlier) ** 2 + 1)
    square = sum((way @ start.ravel()) ** 2 for way in ways)
    smooth = options.smoothness / np.sqrt(square + options.edge**2)
    system = blurs.T @ (trust[:, None] * blurs)
    system += sum(way.T @ (smooth[:, None] * way) for way in ways)
    expected = np.linalg.solve(system, blurs.T @ (trust * views.ravel())).reshape(height, width)

    blur = LayeredBlur(torch.ones(1, height, width, dtype=torch.float64), [2.5], lens)
    picture = sharpen(blur, double(views)[:, None], double(start)[None], options)
    np.testing.assert_allclose(picture[0], expected, atol=0.01 * np.abs(expected - start).max())


def test_the_optimum_has_no_slope() -> None:
    blur, views, _ = scene(Lens(), 2.0)
    options = PictureOptions(rounds=8, steps=12, tolerance=0)
    picture = sharpen(blur, views, blur.wiener(views), options).double()
    blur = LayeredBlur(torch.ones(1, 64, 72, dtype=torch.float64), [2.0], Lens())
    lowest = objective(picture, blur, views.double(), options)
    generator = torch.Generator().manual_seed(3)
    for _ in range(3):
        way = torch.randn(picture.shape, dtype=torch.float64, generator=generator) * 3e-3
        assert objective(picture + way, blur, views.double(), options) > lowest
        assert objective(picture - way, blur, views.double(), options) > lowest


def test_progress_counts_steps() -> None:
    blur, views, _ = scene(Lens(), 2.0)
    seen: list[tuple[int, int]] = []
    options = PictureOptions(rounds=2, steps=3, tolerance=0)
    sharpen(blur, views, blur.wiener(views), options, lambda *at: seen.append(at))
    assert seen == [(step, 6) for step in range(1, 7)]


def test_it_stops_when_a_round_changes_little() -> None:
    blur, views, _ = scene(Lens(), 2.0)
    seen: list[int] = []
    options = PictureOptions(rounds=5, steps=3, tolerance=10.0)
    sharpen(blur, views, blur.wiener(views), options, lambda done, _: seen.append(done))
    # Any change is less than ten pictures: one round.
    assert max(seen[:3]) == 3
    assert not any(3 < done < 15 for done in seen)


def test_what_explains_the_views_already_stays() -> None:
    blur, _, _ = scene(Lens(), 2.0)
    gray = torch.full((3, 64, 72), 0.4)
    picture = sharpen(blur, blur.forward(gray), gray)
    torch.testing.assert_close(picture, gray, rtol=0, atol=1e-5)


def test_black_views_give_a_black_picture() -> None:
    blur, _, _ = scene(Lens(), 2.0)
    black = torch.zeros(3, 64, 72)
    assert torch.equal(sharpen(blur, blur.forward(black), black), black)


def test_equal_input_gives_equal_pictures() -> None:
    blur, views, _ = scene(LENSES[1], 2.0)
    options = PictureOptions(rounds=1, steps=2)
    first, second = (sharpen(blur, views, blur.wiener(views), options) for _ in range(2))
    assert torch.equal(first, second)
