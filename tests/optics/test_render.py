"""The renderer against float64 references: exact convolution, and integration of the aperture."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import convolve2d

from dpdeblur.optics import PSF, Calibration, DiskPSF, Layer, render_sharp, render_views
from support.optics_reference import (
    Sheet,
    ball,
    beside,
    everywhere,
    integrate_aperture,
    texture,
)

MARGIN = 9
Array = NDArray[np.float64]
DISK = DiskPSF(0.86, MARGIN)


def cut(picture: Array) -> Array:
    return picture[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def random_layer(rng: np.random.Generator, radius: float | Array, opaque: bool) -> Layer:
    colour = rng.random((1, 3, 40, 44))
    alpha = np.ones((1, 1, 40, 44)) if opaque else (rng.random((1, 1, 40, 44)) > 0.5) * 1.0
    radii = np.broadcast_to(radius, alpha.shape).copy()
    return Layer(*(torch.from_numpy(part) for part in (colour, alpha, radii)))


def kernels_at(psf: PSF, radius: float) -> list[Array]:
    radii = torch.tensor([[radius]], dtype=torch.float64)
    return [kernels[0, 0].numpy() for kernels in psf(radii)]


def calibrated(reach: int) -> PSF:
    """Kernels of unlike views, lopsided, at one place of the frame."""
    rng = np.random.default_rng(7)
    left, right = rng.random((2, 1, 1, 9, 9)) ** 3
    place = torch.tensor([0.5], dtype=torch.float64)
    return Calibration(left, right, 5.0).psf(place, place, reach)


FAMILIES = {
    "disk": DISK,
    "soft": dataclasses.replace(DISK, edge=3.0),
    "butterworth": dataclasses.replace(DISK, floor=0.15),
    "calibrated": calibrated(MARGIN),
    "smaller kernels": dataclasses.replace(DISK, reach=7),
}


class TestExactly:
    @pytest.mark.parametrize("psf", FAMILIES.values(), ids=FAMILIES)
    def test_layers_against_convolution(self, psf: PSF) -> None:
        rng = np.random.default_rng(0)
        radii = (5.2, -3.1)
        layers = [random_layer(rng, r, opaque=i == 0) for i, r in enumerate(radii)]
        for side, view in enumerate(render_views(layers, psf, MARGIN)):
            expected = np.zeros((3, 40 - 2 * MARGIN, 44 - 2 * MARGIN))
            for layer, radius in zip(layers, radii, strict=True):
                kernel = kernels_at(psf, radius)[side]
                alpha = layer.alpha.numpy()[0, 0]
                covered = cut(convolve2d(alpha, kernel, "same"))
                for channel in range(3):
                    emitted = layer.colour.numpy()[0, channel] * alpha
                    light = cut(convolve2d(emitted, kernel, "same"))
                    expected[channel] = light + (1 - covered) * expected[channel]
            np.testing.assert_allclose(view[0], expected, atol=1e-12)

    def test_sloped_layer_against_a_kernel_per_pixel(self) -> None:
        rng = np.random.default_rng(1)
        ramp = np.linspace(1.5, 6.0, 44)[None, None, None, :]
        layer = random_layer(rng, ramp, opaque=True)
        # As many levels as columns: each column's radius is a level, nothing is interpolated.
        exact, _ = render_views([layer], DISK, MARGIN, levels=44)
        coarse, _ = render_views([layer], DISK, MARGIN)
        colour = layer.colour.numpy()[0, 0]
        expected = np.zeros((40 - 2 * MARGIN, 44 - 2 * MARGIN))
        for y in range(expected.shape[0]):
            for x in range(expected.shape[1]):
                kernel = kernels_at(DISK, ramp[0, 0, 0, x + MARGIN])[0]
                around = colour[y : y + 2 * MARGIN + 1, x : x + 2 * MARGIN + 1]
                expected[y, x] = (around * kernel[::-1, ::-1]).sum()
        np.testing.assert_allclose(exact[0, 0], expected, atol=1e-10)
        np.testing.assert_allclose(coarse[0, 0], expected, atol=0.05)
        assert np.abs(coarse[0, 0].numpy() - expected).mean() < 0.01

    @pytest.mark.parametrize("psf", FAMILIES.values(), ids=FAMILIES)
    @pytest.mark.parametrize("radius", [5.0, -5.0])
    def test_left_and_right_make_the_ordinary_picture(self, psf: PSF, radius: float) -> None:
        layer = random_layer(np.random.default_rng(2), radius, opaque=True)
        left, right = render_views([layer], psf, MARGIN)
        ordinary = sum(kernels_at(psf, radius)) / 2
        for channel in range(3):
            expected = cut(convolve2d(layer.colour.numpy()[0, channel], ordinary, "same"))
            np.testing.assert_allclose((left + right)[0, channel] / 2, expected, atol=1e-12)

    def test_samples_of_a_batch_do_not_mix(self) -> None:
        rng = np.random.default_rng(8)
        scenes = [
            [random_layer(rng, far, opaque=True), random_layer(rng, near, opaque=False)]
            for far, near in ((4.0, 1.0), (7.0, -6.0))
        ]
        slopes = torch.tensor([0.3, 0.9], dtype=torch.float64)
        both = [
            Layer(*(torch.cat(parts) for parts in zip(*map(parts_of, pair), strict=True)))
            for pair in zip(*scenes, strict=True)
        ]
        together = render_views(both, DiskPSF(slopes, MARGIN), MARGIN)
        for index, scene in enumerate(scenes):
            alone = render_views(scene, DiskPSF(slopes[index].item(), MARGIN), MARGIN)
            for view, expected in zip(together, alone, strict=True):
                torch.testing.assert_close(view[index], expected[0], rtol=0, atol=1e-12)

    def test_kernels_larger_than_the_margin_are_refused(self) -> None:
        layer = random_layer(np.random.default_rng(0), 2.0, opaque=True)
        with pytest.raises(ValueError, match="margin"):
            render_views([layer], DISK, MARGIN - 1)


def parts_of(layer: Layer) -> tuple[torch.Tensor, ...]:
    return layer.colour, layer.alpha, layer.radius


class TestAgainstTheAperture:
    """Errors are in units of white; the first number bounds the largest, the second the RMS."""

    size = (36, 44)

    def error(self, sheets: list[Sheet], slope: float = 0.86) -> tuple[float, float]:
        margin = 11
        layers = [sheet.layer(self.size, margin) for sheet in sheets]
        views = render_views(layers, DiskPSF(slope, margin), margin)
        expected = integrate_aperture(sheets, slope, self.size)
        differences = [view[0].numpy() - part for view, part in zip(views, expected, strict=True)]
        return np.abs(differences).max(), np.sqrt(np.square(differences).mean())

    @pytest.mark.parametrize("radius", [9.5, 4.0, 1.5, -3.0, -8.0])
    @pytest.mark.slow
    def test_one_surface_to_the_pixels_of_the_kernel(self, radius: float) -> None:
        largest, rms = self.error([Sheet(texture(0), everywhere, radius)])
        assert largest < 0.01
        assert rms < 0.004

    @pytest.mark.parametrize("radii", [(8.0, 0.0), (0.0, -8.0), (0.0, 0.0)])
    @pytest.mark.parametrize("shape", [ball(18, 17, 11), beside(20)])
    @pytest.mark.slow
    def test_an_edge_with_one_side_in_focus(self, radii: tuple[float, float], shape) -> None:
        far, near = radii
        sheets = [Sheet(texture(0), everywhere, far), Sheet(texture(1), shape, near)]
        largest, rms = self.error(sheets)
        assert largest < 0.006
        assert rms < 0.0015

    @pytest.mark.parametrize("radii", [(8.0, -8.0), (8.0, 6.0), (8.0, 4.0), (3.0, -2.0)])
    @pytest.mark.parametrize("shape", [ball(18, 17, 11), beside(20)])
    @pytest.mark.slow
    def test_an_edge_with_both_sides_blurred(self, radii: tuple[float, float], shape) -> None:
        # The parts of the aperture that either side fills are taken as independent: the error.
        far, near = radii
        sheets = [Sheet(texture(0), everywhere, far), Sheet(texture(1), shape, near)]
        largest, rms = self.error(sheets)
        assert largest < 0.12
        assert rms < 0.025

    @pytest.mark.slow
    def test_three_surfaces(self) -> None:
        largest, rms = self.error(
            [
                Sheet(texture(0), everywhere, 8),
                Sheet(texture(1), ball(15, 17, 11), 3),
                Sheet(texture(2), ball(26, 20, 9), -6),
            ]
        )
        assert largest < 0.12
        assert rms < 0.025


@pytest.mark.parametrize("radii", [(8.0, -8.0), (8.0, 6.0), (3.0, -2.0)])
def test_at_occlusions_the_ordinary_picture_is_near(radii: tuple[float, float]) -> None:
    rng = np.random.default_rng(6)
    layers = [random_layer(rng, radius, opaque=i == 0) for i, radius in enumerate(radii)]
    left, right = render_views(layers, DISK, MARGIN)
    ordinary, same = render_views(layers, dataclasses.replace(DISK, slope=0), MARGIN)
    torch.testing.assert_close(ordinary, same, rtol=0, atol=1e-12)
    assert ((left + right) / 2 - ordinary).abs().max() < 0.04


def test_what_is_in_focus_is_sharp_in_both_views() -> None:
    rng = np.random.default_rng(3)
    layers = [random_layer(rng, 0.0, opaque=True), random_layer(rng, 0.0, opaque=False)]
    sharp = render_sharp(layers, MARGIN)
    for view in render_views(layers, DISK, MARGIN):
        torch.testing.assert_close(view, sharp)


def test_content_behind_focus_lies_further_right_in_the_right_view() -> None:
    rng = np.random.default_rng(4)
    for radius, sign in ((6.0, 1), (-6.0, -1)):
        left, right = render_views([random_layer(rng, radius, opaque=True)], DISK, MARGIN)
        errors = {
            shift: (left[..., 4:-4] - right.roll(-shift, -1)[..., 4:-4]).square().mean().item()
            for shift in range(-4, 5)
        }
        assert np.sign(min(errors, key=errors.__getitem__)) == sign


@pytest.mark.slow
def test_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(5)
    colour, alpha = (torch.from_numpy(rng.random((1, n, 8, 9))) for n in (3, 1))
    radius = torch.from_numpy(rng.uniform(0.8, 2.4, (1, 1, 8, 9)))
    back = Layer(colour.flip(-1), torch.ones_like(alpha), torch.full_like(alpha, 1.7))

    def views(colour: torch.Tensor, alpha: torch.Tensor, radius: torch.Tensor):
        return render_views([back, Layer(colour, alpha, radius)], DiskPSF(0.5, 3), 3, levels=3)

    inputs = [part.requires_grad_() for part in (colour, alpha, radius)]
    assert torch.autograd.gradcheck(views, inputs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("family", FAMILIES)
def test_cuda_agrees_with_the_cpu(family: str) -> None:
    rng = np.random.default_rng(9)
    ramp = np.linspace(-3.0, 5.0, 44)[None, None, None, :]
    layers = [random_layer(rng, ramp, opaque=True), random_layer(rng, -6.0, opaque=False)]
    psf = FAMILIES[family]
    on_gpu = [Layer(*(part.cuda() for part in parts_of(layer))) for layer in layers]
    moved = psf
    if not isinstance(psf, DiskPSF):
        moved = dataclasses.replace(psf, left=psf.left.cuda(), right=psf.right.cuda())
    views = zip(render_views(layers, psf, MARGIN), render_views(on_gpu, moved, MARGIN), strict=True)
    for here, there in views:
        torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-10)
