"""The multiplane image against a slow float64 version of Xin et al.'s section 4."""

from __future__ import annotations

import numpy as np
import torch

from dpdeblur.engines.optimiser.render import compose, render, transmittances, visibility
from dpdeblur.optics import Blur
from support.optimiser_reference import FloatArray64, blur_slowly, double

SIZE, GRID = (40, 53), (2, 3)


def layers(count: int = 3) -> tuple[FloatArray64, FloatArray64]:
    rng = np.random.default_rng(3)
    colours, alphas = rng.uniform(0, 1, (2, count, *SIZE))
    alphas[0] = 1
    return colours, alphas


def lens_of(reaches: tuple[int, ...]) -> tuple[list[FloatArray64], list[Blur]]:
    """Random kernels `2 x T x K x K` of each layer, and their blurs."""
    rng = np.random.default_rng(4)
    kernels, blurs = [], []
    for reach in reaches:
        kernel = rng.uniform(0, 1, (2, 6, 2 * reach + 1, 2 * reach + 1))
        kernel /= kernel.sum((-2, -1), keepdims=True)
        kernels.append(kernel)
        blurs.append(Blur(SIZE, GRID, [double(kernel)]))
    return kernels, blurs


def test_transmittances_are_what_is_left_of_each_layer() -> None:
    _, alphas = layers(4)
    expected = np.empty_like(alphas)
    through = np.ones(SIZE)
    seen = np.empty_like(alphas)
    for layer in (3, 2, 1, 0):
        seen[layer] = through
        expected[layer] = alphas[layer] * through
        through = through * (1 - alphas[layer])
    np.testing.assert_allclose(visibility(double(alphas)), seen, atol=1e-14)
    np.testing.assert_allclose(transmittances(double(alphas)), expected, atol=1e-14)
    # The back is opaque: nothing is lost.
    np.testing.assert_allclose(transmittances(double(alphas)).sum(0), 1, atol=1e-14)


def test_composition_is_the_weighted_sum() -> None:
    colours, alphas = layers()
    expected = np.zeros(SIZE)
    for colour, alpha in zip(colours, alphas, strict=True):
        expected = colour * alpha + (1 - alpha) * expected
    sharp = compose(transmittances(double(alphas)), double(colours))
    np.testing.assert_allclose(sharp, expected, atol=1e-14)


def test_views_equal_the_slow_renderer() -> None:
    colours, alphas = layers()
    kernels, blurs = lens_of((3, 1, 2))
    rendered = render(double(colours), double(alphas), blurs, alone=True)
    assert rendered.colours is not None
    for side in range(2):
        view, through = np.zeros(SIZE), np.ones(SIZE)
        for layer in (2, 1, 0):
            ramp, kernel = blurs[layer].tiling.ramp, kernels[layer][side]
            covered, emitted, alone = (
                blur_slowly(frame, kernel, GRID, ramp)
                for frame in (alphas[layer], colours[layer] * alphas[layer], colours[layer])
            )
            np.testing.assert_allclose(rendered.colours[side, layer], alone, atol=1e-12)
            seen = rendered.transmittance[side, layer]
            np.testing.assert_allclose(seen, covered * through, atol=1e-12)
            view += emitted * through
            through = through * (1 - covered)
        np.testing.assert_allclose(rendered.views[side], view, atol=1e-12)


def test_a_single_opaque_layer_is_plain_blur() -> None:
    colours, _ = layers(1)
    _, blurs = lens_of((2,))
    rendered = render(double(colours), torch.ones_like(double(colours)), blurs)
    expected = blurs[0].forward(double(colours))[:, 0]
    torch.testing.assert_close(rendered.views, expected)
    assert rendered.colours is None
    torch.testing.assert_close(rendered.transmittance, torch.ones_like(rendered.transmittance))


def test_an_opaque_front_hides_the_back() -> None:
    colours, alphas = layers(2)
    alphas[1] = 1
    _, blurs = lens_of((3, 2))
    seen = render(double(colours), double(alphas), blurs).views
    colours[0] = 0.9
    torch.testing.assert_close(render(double(colours), double(alphas), blurs).views, seen)


def test_gradients_reach_colours_and_alphas() -> None:
    given, alphas = layers(2)
    _, blurs = lens_of((1, 1))
    generator = torch.Generator().manual_seed(1)
    weight = torch.rand(2, *SIZE, dtype=torch.float64, generator=generator)

    def loss(frames: torch.Tensor) -> torch.Tensor:
        return (render(frames[0], frames[1], blurs).views * weight).sum()

    frames = double(np.stack((given, alphas))).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(frames), frames)
    for place in ((0, 0, 5, 7), (0, 1, 20, 18), (1, 1, 0, 0), (1, 0, 39, 52), (1, 1, 21, 35)):
        step = torch.zeros_like(frames)
        step[place] = 1e-5
        with torch.no_grad():
            slope = (loss(frames + step) - loss(frames - step)) / 2e-5
        torch.testing.assert_close(gradient[place], slope, rtol=1e-6, atol=1e-8)
