"""Map and picture together: the picture's optimum, the map's, and their turns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from dpdeblur.colour import linear_to_srgb
from dpdeblur.engines.optimiser.blur_model import LayeredBlur, shares
from dpdeblur.engines.optimiser.full import FullOptions, optimise
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.errors import OptionError
from support.optimiser_reference import (
    FloatArray64,
    asymmetric_calibration,
    double,
    plane,
    psnr,
    texture,
)

LENSES = [Lens(), Lens(asymmetric_calibration())]
lenses = pytest.mark.parametrize("lens", LENSES, ids=["generic", "calibrated"])
UNIT = 4.0
RADII = (5.0, 4.0, 3.0, 2.0, 1.0)


def sharpen(
    blur: LayeredBlur,
    observed: Tensor,
    start: Tensor,
    options: FullOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """`optimise` where the map is known: of one layer."""
    defocus = torch.full_like(start[0], blur.radii[0])
    picture, same = optimise(blur, observed, start, defocus, UNIT, options, progress)
    assert torch.equal(same, defocus)
    return picture


def scene(lens: Lens, radius: float) -> tuple[LayeredBlur, Tensor, FloatArray64]:
    """Colour views of a plane with noise of 0.2 %, `2 x 3 x H x W`, and the truth `H x W x 3`."""
    height, width = 64, 72
    truth = np.stack([texture(seed, height, width) for seed in range(3)])
    views = np.stack([plane(channel, lens, radius) for channel in truth], 1)
    views += np.random.default_rng(0).normal(0, 2e-3, views.shape)
    blur = LayeredBlur(torch.ones(1, height, width), [radius], lens)
    return blur, torch.from_numpy(views.astype(np.float32)), truth.transpose(1, 2, 0)


def grouped(values: FloatArray64) -> FloatArray64:
    """Half a pixel's own, half those around, as `optimise` counts gradients; by SciPy."""
    around = gaussian_filter(values, 2.0, mode="nearest", radius=6)
    return np.asarray((values + around) / 2)


def objective(picture: Tensor, blur: LayeredBlur, views: Tensor, options: FullOptions) -> float:
    """Penalties of residuals and of gradients (one norm over directions and channels), float64."""
    x = picture.numpy().astype(np.float64)
    residual = (blur.forward(picture) - views).numpy().astype(np.float64)
    data = options.outlier**2 * np.sqrt(residual**2 / options.outlier**2 + 1)
    square = np.zeros(x.shape[1:])
    square[:, :-1] += (np.diff(x, axis=2) ** 2).sum(0)
    square[:-1] += (np.diff(x, axis=1) ** 2).sum(0)
    prior = np.sqrt(grouped(square) + options.edge**2)
    return float(data.sum() + options.smoothness * prior.sum())


def as_picture(picture: Tensor) -> FloatArray64:
    return picture.numpy().transpose(1, 2, 0).astype(np.float64)


@lenses
def test_sharpen_beats_wiener_and_lowers_its_objective(lens: Lens) -> None:
    blur, views, truth = scene(lens, 3.0)
    start = blur.wiener(views)
    options = FullOptions(rounds=3, steps=6, tolerance=0)
    pictures = [start]
    for rounds in (1, 2, 3):
        one = FullOptions(rounds=rounds, steps=6, tolerance=0)
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
    options = FullOptions(rounds=1, steps=25, tolerance=0)
    truth = 0.3 + 0.4 * texture(1, height, width)
    views = plane(truth, lens, 2.5) + np.random.default_rng(1).normal(0, 0.01, (2, height, width))
    start = truth + np.random.default_rng(2).normal(0, 0.02, truth.shape)
    pixels = np.eye(truth.size).reshape(-1, height, width)
    blurs = np.stack([plane(pixel, lens, 2.5).ravel() for pixel in pixels], 1)
    along, down = np.zeros_like(pixels), np.zeros_like(pixels)
    along[:, :, :-1], down[:, :-1] = np.diff(pixels, axis=2), np.diff(pixels, axis=1)
    ways = [way.reshape(truth.size, -1).T for way in (along, down)]

    irls = 1 / np.sqrt(((blurs @ start.ravel() - views.ravel()) / options.outlier) ** 2 + 1)
    square = sum((way @ start.ravel()) ** 2 for way in ways)
    strength = grouped(square.reshape(height, width)) + options.edge**2
    smooth = options.smoothness * grouped(1 / np.sqrt(strength)).ravel()
    system = blurs.T @ (irls[:, None] * blurs)
    system += sum(way.T @ (smooth[:, None] * way) for way in ways)
    expected = np.linalg.solve(system, blurs.T @ (irls * views.ravel())).reshape(height, width)

    blur = LayeredBlur(torch.ones(1, height, width, dtype=torch.float64), [2.5], lens)
    picture = sharpen(blur, double(views)[:, None], double(start)[None], options)
    np.testing.assert_allclose(picture[0], expected, atol=0.01 * np.abs(expected - start).max())


def test_the_optimum_has_no_slope() -> None:
    blur, views, _ = scene(Lens(), 2.0)
    options = FullOptions(rounds=8, steps=12, tolerance=0)
    picture = sharpen(blur, views, blur.wiener(views), options).double()
    blur = LayeredBlur(torch.ones(1, 64, 72, dtype=torch.float64), [2.0], Lens())
    lowest = objective(picture, blur, views.double(), options)
    generator = torch.Generator().manual_seed(3)
    for _ in range(3):
        way = torch.randn(picture.shape, dtype=torch.float64, generator=generator) * 3e-3
        assert objective(picture + way, blur, views.double(), options) > lowest
        assert objective(picture - way, blur, views.double(), options) > lowest


def test_progress_counts_the_steps_of_both() -> None:
    defocus = torch.full((64, 72), 2.5)
    blur = LayeredBlur(shares(defocus, RADII), RADII, Lens())
    views = scene(Lens(), 2.0)[1]
    options = FullOptions(rounds=3, steps=2, map_steps=1, tolerance=0)
    seen: list[tuple[int, int]] = []
    optimise(blur, views, blur.wiener(views), defocus, UNIT, options, lambda *at: seen.append(at))
    assert seen == [(step, 8) for step in range(1, 9)]


def test_progress_counts_steps() -> None:
    blur, views, _ = scene(Lens(), 2.0)
    seen: list[tuple[int, int]] = []
    options = FullOptions(rounds=2, steps=3, tolerance=0)
    sharpen(blur, views, blur.wiener(views), options, lambda *at: seen.append(at))
    assert seen == [(step, 6) for step in range(1, 7)]


def test_it_stops_when_a_round_changes_little() -> None:
    blur, views, _ = scene(Lens(), 2.0)
    seen: list[int] = []
    options = FullOptions(rounds=5, steps=3, tolerance=10.0)
    sharpen(blur, views, blur.wiener(views), options, lambda done, _: seen.append(done))
    # Any change is less than ten pictures: one round.
    assert seen == [1, 2, 3, 15]


def test_it_does_not_stop_before_the_map_had_its_turn() -> None:
    defocus = torch.full((64, 72), 2.5)
    blur = LayeredBlur(shares(defocus, RADII), RADII, Lens())
    views = scene(Lens(), 2.0)[1]
    options = FullOptions(rounds=3, steps=1, map_steps=2, tolerance=10.0)
    seen: list[int] = []
    optimise(blur, views, blur.wiener(views), defocus, UNIT, options, lambda at, _: seen.append(at))
    assert seen == [1, 2, 3, 4, 7]


@pytest.mark.parametrize("name", ["smoothness", "edge", "outlier", "map_smoothness", "map_edge"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_weights_and_scales_are_above_zero(name: str, value: float) -> None:
    with pytest.raises(OptionError, match=name):
        FullOptions(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("radius", [RADII[0], RADII[-1], 9.0])
def test_a_map_at_an_end_of_the_range(radius: float) -> None:
    """It comes off the end where the picture has detail, and stays in the range."""
    views = scene(Lens(), 3.0)[1]
    defocus = torch.full((64, 72), radius)
    blur = LayeredBlur(shares(defocus, RADII), RADII, Lens())
    picture, found = optimise(blur, views, blur.wiener(views), defocus, UNIT)
    assert torch.isfinite(picture).all()
    assert float(found.max()) <= RADII[0]
    assert float(found.min()) >= RADII[-1]
    if radius == RADII[0]:
        assert float(found.min()) < radius - 0.1


def test_what_explains_the_views_already_stays() -> None:
    blur, _, _ = scene(Lens(), 2.0)
    gray = torch.full((3, 64, 72), 0.4)
    picture = sharpen(blur, blur.forward(gray), gray)
    torch.testing.assert_close(picture, gray, rtol=0, atol=1e-5)


def test_a_map_that_explains_the_views_already_stays() -> None:
    defocus = torch.full((64, 72), 2.5)
    blur = LayeredBlur(shares(defocus, RADII), RADII, Lens())
    gray = torch.full((1, 64, 72), 0.4)
    options = FullOptions(tolerance=0)
    picture, found = optimise(blur, blur.forward(gray), gray, defocus, UNIT, options)
    torch.testing.assert_close(found, defocus, rtol=0, atol=1e-4)
    torch.testing.assert_close(picture, gray, rtol=0, atol=1e-5)
    black = torch.zeros(1, 64, 72)
    picture, found = optimise(blur, blur.forward(black), black, defocus, UNIT, options)
    assert torch.equal(picture, black)
    assert torch.equal(found, defocus)


def test_black_views_give_a_black_picture() -> None:
    blur, _, _ = scene(Lens(), 2.0)
    black = torch.zeros(3, 64, 72)
    assert torch.equal(sharpen(blur, blur.forward(black), black), black)


def test_equal_input_gives_equal_pictures() -> None:
    blur, views, _ = scene(LENSES[1], 2.0)
    options = FullOptions(rounds=1, steps=2)
    first, second = (sharpen(blur, views, blur.wiener(views), options) for _ in range(2))
    assert torch.equal(first, second)


def test_light_stays_within_that_of_the_views() -> None:
    lens = Lens()
    truth = np.where(texture(5, 64, 72) > 0.5, 1.0, 0.0)
    views = torch.from_numpy(plane(truth, lens, 3.0).astype(np.float32))[:, None]
    blur = LayeredBlur(torch.ones(1, 64, 72), [3.0], lens)
    start = blur.wiener(views)
    assert float(start.max()) > 1.02
    picture = sharpen(blur, views, start)
    assert float(picture.min()) >= 0
    assert float(picture.max()) <= 1


@lenses
@pytest.mark.slow
def test_a_wrong_map_gets_better(lens: Lens) -> None:
    """A slope from 2 to 4 that the start assumes to be a plane at 3.4, and the picture with it.

    Turns make small steps, as the picture has settled for the wrong map.
    """
    height, width = 64, 72
    truth = np.linspace(2, 4, width)[None].repeat(height, 0)
    scene = torch.from_numpy(texture(1, height, width).astype(np.float32))[None]
    views = LayeredBlur(shares(torch.from_numpy(truth), RADII).float(), RADII, lens).forward(scene)
    start = torch.full((height, width), 3.4)
    blur = LayeredBlur(shares(start, RADII), RADII, lens)
    picture = blur.wiener(views)
    options = FullOptions(rounds=5, map_smoothness=0.05, map_edge=10, tolerance=0)
    errors, scores = [], []
    for one in (FullOptions(rounds=5, map_steps=0, tolerance=0), options):
        found, defocus = optimise(blur, views, picture, start, UNIT, one)
        errors.append(float(np.abs(defocus.numpy() - truth)[:, 8:-8].mean()))
        scores.append(psnr(found[0].numpy().astype(np.float64), scene[0].numpy()))
    assert errors[1] < 0.75 * errors[0]
    assert scores[1] > scores[0] + 0.8


@pytest.mark.slow
def test_a_turn_of_the_map_solves_its_quadratic() -> None:
    """Gauss-Newton by conjugate gradients against numpy.linalg.solve, derivative by differences."""
    (height, width), lens, radii = (12, 15), Lens(), (3.0, 2.0, 1.0)
    rng = np.random.default_rng(7)
    scene = 0.2 + 0.6 * texture(2, height, width)
    defocus = rng.uniform(1.2, 2.8, scene.shape)
    views = plane(scene, lens, 2.2) + rng.normal(0, 5e-3, (2, height, width))
    # The picture's own turns must leave it as it is.
    options = FullOptions(rounds=2, steps=0, map_steps=300, map_smoothness=0.5, tolerance=0)
    picture = double(scene)[None]
    start = double(defocus)
    blur = LayeredBlur(shares(start, radii), radii, lens)
    _, found = optimise(blur, double(views)[:, None], picture, start, UNIT, options)

    def seen(values: FloatArray64) -> FloatArray64:
        shown = LayeredBlur(shares(double(values), radii), radii, lens)
        return shown.forward(picture).numpy().ravel()

    step, columns = 1e-3, []
    for pixel in np.eye(scene.size).reshape(-1, height, width):
        away = step * UNIT * pixel
        columns.append((seen(defocus + away) - seen(defocus - away)) / (2 * step))
    slopes = np.stack(columns, 1)
    residual = seen(defocus) - views.ravel()
    irls = 1 / np.sqrt((residual / options.outlier) ** 2 + 1)
    system, target = slopes.T @ (irls[:, None] * slopes), -slopes.T @ (irls * residual)
    shown = linear_to_srgb(scene).ravel()
    number = np.arange(scene.size).reshape(height, width)
    for first, second in ((number[:, :-1], number[:, 1:]), (number[:-1], number[1:])):
        for p, q in zip(first.ravel(), second.ravel(), strict=True):
            weight = options.map_smoothness * np.exp(-abs(shown[p] - shown[q]) / options.map_edge)
            for one, other in ((p, q), (q, p)):
                system[one, one] += weight
                system[one, other] -= weight
                target[one] -= weight * (defocus.ravel()[one] - defocus.ravel()[other]) / UNIT
    change = np.linalg.solve(system, target).reshape(height, width)
    expected = (defocus + UNIT * change).clip(radii[-1], radii[0])
    assert np.abs(expected - defocus).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=0.01 * np.abs(expected - defocus).max())
