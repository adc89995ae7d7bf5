"""The renderer against brute-force float64 convolution and the optics it stands for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import convolve2d

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.optics import (
    Layer,
    add_sensor_noise,
    dp_disk_psf,
    encode,
    render_sharp,
    render_views,
)

MARGIN = 9
Array = NDArray[np.float64]


def brute_kernel(radius: float, slope: float, side: int, reach: int) -> Array:
    """One view's kernel by loops: `side` -1 is left, +1 right."""
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            cover = min(max(abs(radius) + 0.5 - np.hypot(x, y), 0), 1)
            ramp = min(max(x / max(abs(radius), 0.5), -1), 1) * np.sign(radius)
            kernel[y + reach, x + reach] = cover * (1 + side * slope * ramp)
    return kernel / kernel.sum()


def cut(picture: Array) -> Array:
    return picture[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def random_layer(rng: np.random.Generator, radius: float | Array, opaque: bool) -> Layer:
    colour = rng.random((1, 3, 40, 44))
    alpha = np.ones((1, 1, 40, 44)) if opaque else (rng.random((1, 1, 40, 44)) > 0.5) * 1.0
    radii = np.broadcast_to(radius, alpha.shape).copy()
    return Layer(*(torch.from_numpy(part) for part in (colour, alpha, radii)))


@pytest.mark.parametrize("radius", [-7.3, -2.0, 0.0, 0.3, 1.0, 5.5])
@pytest.mark.parametrize("slope", [0.0, 0.17, 0.86, 1.0])
def test_psf(radius: float, slope: float) -> None:
    left, right = dp_disk_psf(
        torch.tensor(radius, dtype=torch.float64), torch.tensor(slope, dtype=torch.float64), MARGIN
    )
    np.testing.assert_allclose(left, brute_kernel(radius, slope, -1, MARGIN), atol=1e-14)
    np.testing.assert_allclose(right, brute_kernel(radius, slope, +1, MARGIN), atol=1e-14)
    assert left.sum().item() == pytest.approx(1)
    torch.testing.assert_close(left.flip(-1), right)
    ordinary = brute_kernel(radius, 0, 1, MARGIN)
    np.testing.assert_allclose((left + right) / 2, ordinary, atol=1e-14)


@pytest.mark.parametrize("radius", [-12.0, -5.0, 5.0, 12.0])
def test_disparity_is_half_the_slope_times_the_radius(radius: float) -> None:
    left, right = dp_disk_psf(torch.tensor(radius), torch.tensor(0.86), 14)
    columns = torch.arange(-14.0, 15.0)
    disparity = ((right - left).sum(0) * columns).sum().item()
    assert disparity == pytest.approx(0.86 * radius / 2, rel=0.03)


def test_psf_is_differentiable() -> None:
    radius = torch.tensor([-3.3, 2.2], dtype=torch.float64, requires_grad=True)
    slope = torch.tensor([0.8, 0.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r, a: dp_disk_psf(r, a, 5), (radius, slope))


def test_layers_against_brute_force() -> None:
    rng = np.random.default_rng(0)
    radii, slope = (6.2, -3.1), 0.8
    layers = [random_layer(rng, r, opaque=i == 0) for i, r in enumerate(radii)]
    views = render_views(layers, torch.tensor([slope], dtype=torch.float64), MARGIN)
    for side, view in zip((-1, 1), views, strict=True):
        expected = np.zeros((3, 40 - 2 * MARGIN, 44 - 2 * MARGIN))
        for layer, radius in zip(layers, radii, strict=True):
            kernel = brute_kernel(radius, slope, side, MARGIN)
            alpha = layer.alpha.numpy()[0, 0]
            covered = cut(convolve2d(alpha, kernel, "same"))
            for channel in range(3):
                emitted = layer.colour.numpy()[0, channel] * alpha
                light = cut(convolve2d(emitted, kernel, "same"))
                expected[channel] = light + (1 - covered) * expected[channel]
        np.testing.assert_allclose(view[0], expected, atol=1e-12)


def test_sloped_layer_against_a_kernel_per_pixel() -> None:
    rng = np.random.default_rng(1)
    ramp = np.linspace(1.5, 6.0, 44)[None, None, None, :]
    layer = random_layer(rng, ramp, opaque=True)
    slope = torch.tensor([0.86], dtype=torch.float64)
    # As many levels as columns: each column's radius is a level, nothing is interpolated.
    exact, _ = render_views([layer], slope, MARGIN, levels=44)
    coarse, _ = render_views([layer], slope, MARGIN)
    colour = layer.colour.numpy()[0, 0]
    expected = np.zeros((40 - 2 * MARGIN, 44 - 2 * MARGIN))
    for y in range(expected.shape[0]):
        for x in range(expected.shape[1]):
            kernel = brute_kernel(ramp[0, 0, 0, x + MARGIN], 0.86, -1, MARGIN)
            around = colour[y : y + 2 * MARGIN + 1, x : x + 2 * MARGIN + 1]
            expected[y, x] = (around * kernel[::-1, ::-1]).sum()
    np.testing.assert_allclose(exact[0, 0], expected, atol=1e-10)
    np.testing.assert_allclose(coarse[0, 0], expected, atol=0.05)
    assert np.abs(coarse[0, 0].numpy() - expected).mean() < 0.01


def test_left_and_right_make_the_ordinary_picture() -> None:
    layer = random_layer(np.random.default_rng(2), 5.0, opaque=True)
    left, right = render_views([layer], torch.tensor([0.86], dtype=torch.float64), MARGIN)
    disk = brute_kernel(5.0, 0, 1, MARGIN)
    for channel in range(3):
        ordinary = cut(convolve2d(layer.colour.numpy()[0, channel], disk, "same"))
        np.testing.assert_allclose((left + right)[0, channel] / 2, ordinary, atol=1e-12)


@pytest.mark.parametrize("radii", [(8.0, -8.0), (8.0, 6.0), (3.0, -2.0)])
def test_at_occlusions_the_ordinary_picture_is_near(radii: tuple[float, float]) -> None:
    rng = np.random.default_rng(6)
    layers = [random_layer(rng, radius, opaque=i == 0) for i, radius in enumerate(radii)]
    left, right = render_views(layers, torch.tensor([0.86], dtype=torch.float64), MARGIN)
    ordinary, same = render_views(layers, torch.zeros(1, dtype=torch.float64), MARGIN)
    torch.testing.assert_close(ordinary, same, rtol=0, atol=1e-12)
    assert ((left + right) / 2 - ordinary).abs().max() < 0.04


def test_what_is_in_focus_is_sharp_in_both_views() -> None:
    rng = np.random.default_rng(3)
    layers = [random_layer(rng, 0.0, opaque=True), random_layer(rng, 0.0, opaque=False)]
    sharp = render_sharp(layers, MARGIN)
    for view in render_views(layers, torch.tensor([0.86], dtype=torch.float64), MARGIN):
        torch.testing.assert_close(view, sharp)


def test_content_behind_focus_lies_further_right_in_the_right_view() -> None:
    rng = np.random.default_rng(4)
    for radius, sign in ((6.0, 1), (-6.0, -1)):
        left, right = render_views(
            [random_layer(rng, radius, opaque=True)], torch.tensor([0.86]).double(), MARGIN
        )
        errors = {
            shift: (left[..., 4:-4] - right.roll(-shift, -1)[..., 4:-4]).square().mean().item()
            for shift in range(-4, 5)
        }
        assert np.sign(min(errors, key=errors.__getitem__)) == sign


def test_rendering_is_differentiable() -> None:
    layer = random_layer(np.random.default_rng(5), 2.0, opaque=False)
    for part in (layer.colour, layer.alpha, layer.radius):
        part.requires_grad_()
    left, _ = render_views([layer], torch.tensor([0.5], dtype=torch.float64), MARGIN)
    left.square().sum().backward()
    for part in (layer.colour, layer.alpha, layer.radius):
        assert part.grad is not None
        assert torch.isfinite(part.grad).all()
        assert part.grad.abs().sum() > 0


def test_noise_has_the_variance_it_says() -> None:
    rng = torch.Generator().manual_seed(0)
    flat = torch.full((2, 3, 200, 200), 0.25)
    noisy = add_sensor_noise(flat, torch.tensor([0.0004, 0.0]), torch.tensor([0.01, 0.02]), rng)
    assert noisy.mean().item() == pytest.approx(0.25, abs=1e-3)
    assert noisy[0].var().item() == pytest.approx(0.01**2 + 0.0004 * 0.25, rel=0.03)
    assert noisy[1].var().item() == pytest.approx(0.02**2, rel=0.03)


@pytest.mark.parametrize("bits", [8, 16])
def test_encoding_lands_on_the_codes_of_the_file(bits: int) -> None:
    codes = encode(torch.linspace(-0.1, 1.2, 1000, dtype=torch.float64), bits) * (2**bits - 1)
    torch.testing.assert_close(codes, codes.round(), rtol=0, atol=1e-6)
    assert (codes.min(), codes.max()) == (0, 2**bits - 1)


def test_srgb_curve_against_the_standard() -> None:
    encoded = np.linspace(0, 1, 4001)
    expected = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(srgb_to_linear(encoded), expected, atol=1e-15)
    np.testing.assert_allclose(linear_to_srgb(expected), encoded, atol=1e-7)
    assert srgb_to_linear(encoded.astype(np.float32)).dtype == np.float32
    black, white = np.zeros(1), np.ones(1)
    assert combine(black, white)[0] == pytest.approx(0.735357, abs=1e-6)
