"""From maps to layers to views: geometry, seams, occlusion, and the sign on a real photograph."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom

from dpdeblur.colour import srgb_to_linear
from dpdeblur.optics import (
    Calibration,
    DiskPSF,
    disparity_from_distance,
    layers_from_defocus,
    photograph,
    radius_from_depth,
    radius_from_disparity,
    render_sharp,
    resize_radius,
)
from dpdeblur.pair import DualPixelPair
from support.optics_reference import (
    Array,
    Sheet,
    Surface,
    ball,
    everywhere,
    grid,
    integrate_aperture,
    texture,
)

LENS = DiskPSF(0.86, 12)


def tensor(array: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))[None]


class TestRadii:
    def test_thin_lens_against_ray_geometry(self) -> None:
        focal_length, f_number, focus, pixel = 0.05, 4.0, 2.0, 6e-6
        aperture = focal_length / f_number
        sensor = 1 / (1 / focal_length - 1 / focus)
        for depth in (0.5, 1.9, 2.0, 3.0, 50.0):
            image = 1 / (1 / focal_length - 1 / depth)
            # Rays from the rim of the aperture meet at `image` and pass the sensor's plane.
            diameter = aperture * abs(image - sensor) / image
            signed = math.copysign(diameter / 2 / pixel, depth - focus)
            got = radius_from_depth(
                torch.tensor(depth, dtype=torch.float64), focus, focal_length, f_number, pixel
            )
            assert got.item() == pytest.approx(signed, rel=1e-9, abs=1e-9)

    def test_infinity_has_the_limit_of_far_points(self) -> None:
        far, infinite = radius_from_depth(torch.tensor([1e9, math.inf]), 2.0, 0.05, 4.0, 6e-6)
        assert infinite.item() == pytest.approx(far.item(), rel=1e-6)

    def test_focus_at_infinity_has_the_limit_of_far_focus(self) -> None:
        depth = torch.tensor([3.0, math.inf])
        far, infinite = (radius_from_depth(depth, s, 0.05, 4.0, 6e-6) for s in (1e9, math.inf))
        torch.testing.assert_close(far, infinite, rtol=1e-5, atol=1e-5)
        assert infinite[0] < 0 == infinite[1]

    def test_disparity_is_depth_up_to_a_factor_and_an_offset(self) -> None:
        depth = torch.linspace(1, 9, 30, dtype=torch.float64).view(1, 1, 5, 6)
        nearness = 1 / depth
        share = (1 / 2 - nearness.min()) / (nearness.max() - nearness.min())
        exact = radius_from_depth(depth, 2.0, 0.05, 4.0, 6e-6)
        largest = exact.abs().max().item()
        relative = radius_from_disparity(7 * nearness - 3, share.item(), largest)
        torch.testing.assert_close(relative, exact)
        torch.testing.assert_close(
            radius_from_disparity(disparity_from_distance(1000 * depth), share.item(), largest),
            exact,
        )

    @pytest.mark.parametrize(("focus", "ends"), [(0, (0, -8)), (1, (8, 0)), (0.25, (8 / 3, -8))])
    def test_focus_is_a_share_of_the_range(self, focus: float, ends: tuple[float, float]) -> None:
        radius = radius_from_disparity(torch.tensor([[[[3.0, 5.0]]]]), focus, 8)
        np.testing.assert_allclose(radius.flatten(), ends, rtol=1e-6)

    def test_flat_maps_are_in_focus(self) -> None:
        assert not radius_from_disparity(torch.full((1, 1, 4, 4), 0.3), 0.7, 8).any()

    def test_unknown_distances_are_the_neighbours(self) -> None:
        distance = torch.tensor([[[[2.0, 2.0, 0.0, 0.0, 0.0, 4.0]]]])
        assert (1 / disparity_from_distance(distance)).flatten().tolist() == [2, 2, 2, 2, 4, 4] or (
            1 / disparity_from_distance(distance)
        ).flatten().tolist() == [2, 2, 2, 4, 4, 4]

    def test_maps_are_resized_with_sharp_jumps_and_smooth_slopes(self) -> None:
        slope = np.broadcast_to(np.linspace(0, 2, 20), (10, 20)).copy()
        slope[:, 12:] -= 9
        large = resize_radius(tensor(slope[None]), (40, 80))[0, 0].numpy()
        assert not ((large > -6.9) & (large < -0.1)).any()  # nothing between the surfaces
        steps = np.abs(np.diff(large, axis=1))
        assert (steps > 1).sum() == 40
        assert np.sort(steps[0])[-2] < 0.11  # a step of the small map, next to the jump
        np.testing.assert_allclose(
            large[:, 8:40], zoom(slope, 4, order=1, grid_mode=True, mode="nearest")[:, 8:40]
        )

    @pytest.mark.parametrize("step", [0.9, 1.1])
    def test_a_jump_is_more_than_a_pixel(self, step: float) -> None:
        small = torch.tensor([0.0, 0.0, 1.0, 1.0]).mul(step).expand(1, 1, 3, 4)
        large = resize_radius(small, (24, 32))
        assert (len(large.round(decimals=3).unique()) > 2) == (step < 1)


class TestLayers:
    def scene(self) -> tuple[torch.Tensor, torch.Tensor]:
        """A slanted floor with a ball before it and a wall behind."""
        x, y = grid((60, 70))
        radius = 6 - 0.15 * y
        radius[:20] = 8
        radius[ball(35, 30, 12)(x, y) > 0.5] = -5
        return tensor(texture(0)(x, y)), tensor(radius[None])

    def test_one_surface_is_one_layer(self) -> None:
        picture, radius = self.scene()
        (((layer,), share),) = layers_from_defocus(picture, torch.full_like(radius, -2.5))
        assert (share == 1).all()
        torch.testing.assert_close(layer.colour, picture)
        assert (layer.alpha == 1).all()
        assert (layer.radius == -2.5).all()

    def test_they_go_back_to_front_and_make_up_the_picture(self) -> None:
        picture, radius = self.scene()
        ways = layers_from_defocus(picture, radius)
        torch.testing.assert_close(sum(share for _, share in ways), torch.ones_like(radius))
        for layers, share in ways:
            assert share.min() >= 0
            assert (layers[0].alpha == 1).all()
            visible = [layer.radius[layer.alpha > 0.5] for layer in layers]
            means = [part.mean().item() for part in visible if len(part)]
            assert means == sorted(means, reverse=True)
            wrong = (render_sharp(layers) - picture).abs().amax(1)[0] > 1e-9
            x, y = grid((60, 70))
            from_ball = np.abs(np.hypot(x - 35, y - 30) - 12)
            assert wrong.float().mean() < 0.12
            assert (np.minimum(from_ball, np.abs(y - 20))[wrong.numpy()] < 4).all()

    @pytest.mark.parametrize("lens", [LENS, DiskPSF(1.0, 14, edge=4, floor=0.2)])
    def test_a_picture_of_one_colour_stays_so(self, lens: DiskPSF) -> None:
        _, radius = self.scene()
        maps = torch.cat((radius, -radius.flip(-1), torch.zeros_like(radius)))
        flat = torch.full((3, 3, 60, 70), 0.37, dtype=torch.float64)
        for view in photograph(flat, maps, lens):
            torch.testing.assert_close(view, flat, rtol=0, atol=1e-9)

    def test_nothing_shines_through_where_the_farthest_surface_is_but_a_sliver(self) -> None:
        # All of it is so near an edge that none is left to go on with.
        radius = torch.full((1, 1, 40, 50), -5.0, dtype=torch.float64)
        radius[..., 20:23] = 8
        flat = torch.full((1, 3, 40, 50), 0.37, dtype=torch.float64)
        for view in photograph(flat, radius, LENS):
            torch.testing.assert_close(view, flat, rtol=0, atol=1e-9)

    def test_samples_of_a_batch_do_not_mix(self) -> None:
        picture, radius = self.scene()
        maps = torch.cat((radius, radius * 0 + 1, -radius))
        together = photograph(picture.expand(3, -1, -1, -1), maps, LENS)
        for index in range(3):
            alone = photograph(picture, maps[index : index + 1], LENS)
            for view, expected in zip(together, alone, strict=True):
                torch.testing.assert_close(view[index], expected[0], rtol=0, atol=0.02)

    def test_rendering_is_differentiable_in_the_picture(self) -> None:
        picture, radius = self.scene()
        picture.requires_grad_()
        left, right = photograph(picture, radius, LENS)
        (left - right).square().sum().backward()
        assert picture.grad is not None
        assert picture.grad.isfinite().all()
        assert (picture.grad != 0).float().mean() > 0.8


class TestAgainstTheAperture:
    size, border = (36, 44), 14

    def compare(self, sheets: list[Sheet], soft: bool = False) -> tuple[float, float]:
        """RMS error of the views, and RMS of the blur itself; `soft` mixes the map at edges."""
        x, y = grid(self.size, self.border)
        picture, radius = np.zeros((3, *x.shape)), np.zeros(x.shape)
        for sheet in sheets:
            alpha = sheet.alpha(x, y)
            picture = alpha * sheet.colour(x, y) + (1 - alpha) * picture
            share = alpha if soft else alpha >= 0.5
            radius = share * sheet.radius + (1 - share) * radius
        views = photograph(tensor(picture), tensor(radius[None]), LENS)
        middle = np.s_[..., self.border : -self.border, self.border : -self.border]
        expected = integrate_aperture(sheets, 0.86, self.size)
        errors = [
            view[0].numpy()[middle] - part for view, part in zip(views, expected, strict=True)
        ]
        blur = picture[middle] - sum(expected) / 2
        return np.sqrt(np.square(errors).mean()), np.sqrt(np.square(blur).mean())

    @pytest.mark.parametrize("radius", [9.0, 2.0, -6.0])
    def test_one_surface(self, radius: float) -> None:
        error, _ = self.compare([Sheet(texture(0), everywhere, radius)])
        assert error < 0.006

    @pytest.mark.parametrize(
        "radii", [(8.0, 0.0), (8.0, -8.0), (0.0, -8.0), (8.0, 6.0), (8.0, 3.5), (6.0, 1.5)]
    )
    @pytest.mark.slow
    def test_what_is_hidden_in_the_picture_is_guessed_well_enough(
        self, radii: tuple[float, float]
    ) -> None:
        # A map and a picture do not say what lies behind a surface, and that shows at its rim.
        far, near = radii
        sheets = [Sheet(texture(0), everywhere, far), Sheet(texture(1), ball(20, 17, 11), near)]
        error, blur = self.compare(sheets)
        assert error < 0.05
        assert error < 0.5 * blur

    @pytest.mark.parametrize("near", [-6.0, -7.0, -8.0, -8.9, -9.0])
    def test_edges_are_covered_once_wherever_the_layers_lie(self, near: float) -> None:
        # White before black, in one colour each: nothing is hidden, and every error shows.
        sheets = [Sheet(plain(0), everywhere, 0), Sheet(plain(1), ball(20, 17, 11), near)]
        error, blur = self.compare(sheets)
        assert error < 0.015
        assert error < 0.1 * blur

    @pytest.mark.parametrize("radii", [(8.0, 3.5), (8.0, -8.0), (0.0, -8.0)])
    def test_maps_may_be_soft_at_edges(self, radii: tuple[float, float]) -> None:
        far, near = radii
        sheets = [Sheet(plain(0), everywhere, far), Sheet(plain(1), ball(20, 17, 11), near)]
        error, _ = self.compare(sheets, soft=True)
        assert error < 0.018

    @pytest.mark.parametrize("steepness", [0.05, 0.15, 0.3])
    @pytest.mark.slow
    def test_slopes_show_no_seams(self, steepness: float) -> None:
        # Every column of a wall that recedes to the right has a radius of its own.
        x, y = grid(self.size, self.border)
        radius = steepness * (x - x.mean())
        picture = texture(3)(x, y)
        left, _ = photograph(tensor(picture), tensor(radius[None]), LENS)
        exact, _ = photograph_column_by_column(picture, radius)
        middle = np.s_[..., self.border : -self.border, self.border : -self.border]
        error = (left[0].numpy() - exact)[middle]
        assert np.abs(error).max() < 0.25 * steepness
        assert np.sqrt(np.square(error).mean()) < 0.04 * steepness


def plain(value: float) -> Surface:
    """The colour of a gray surface."""
    return lambda x, y: np.full((3, *x.shape), value)


def photograph_column_by_column(picture: Array, radius: Array) -> tuple[Array, Array]:
    """Each column of the views rendered as if the whole picture had that column's radius."""
    views = np.zeros((2, *picture.shape))
    for column in range(picture.shape[-1]):
        same = torch.full((1, 1, 1, 1), radius[0, column], dtype=torch.float64)
        pair = photograph(tensor(picture), same, LENS)
        for view, whole in zip(views, pair, strict=True):
            view[..., column] = whole[0, ..., column]
    return views[0], views[1]


class TestCalibratedLens:
    def lens(self) -> Calibration:
        """Disks, wider and split more from the left to the right of the frame."""
        views = np.zeros((2, 2, 3, 15, 15))
        for column in range(3):
            disk = DiskPSF(0.3 + 0.3 * column, 7)
            kernels = disk(torch.tensor([[3.0 + column]]))
            for side, kernel in enumerate(kernels):
                views[side, :, column] = kernel[0, 0]
        return Calibration(*views, 4.0)

    def test_flat_pictures_stay_flat_across_cells(self) -> None:
        radius = torch.linspace(-4, 6, 90).expand(1, 1, 61, 90)
        flat = torch.full((1, 3, 61, 90), 0.6)
        for view in photograph(flat, radius, self.lens()):
            torch.testing.assert_close(view, flat, rtol=0, atol=1e-5)

    def test_each_part_of_the_frame_has_its_kernel(self) -> None:
        x, y = grid((60, 90))
        picture = tensor(texture(5)(x, y))
        lens = self.lens()
        views = photograph(picture, torch.full((1, 1, 1, 1), 4.0), lens)
        for column, part in enumerate((np.s_[..., :20], np.s_[..., 40:50], np.s_[..., 75:])):
            plain = photograph(
                picture,
                torch.full((1, 1, 1, 1), 3.0 + column),
                DiskPSF(0.3 + 0.3 * column, 12),
            )
            for view, expected in zip(views, plain, strict=True):
                torch.testing.assert_close(view[part], expected[part], rtol=0, atol=1e-5)

    def test_rows_of_the_grid_lie_from_top_to_bottom(self) -> None:
        x, y = grid((64, 40))
        picture = tensor(texture(5)(x, y))
        disks = [DiskPSF(0.8, 7)(torch.tensor([[size]])) for size in (2.0, 5.0)]
        kernels = (torch.stack(parts)[:, 0].numpy() for parts in zip(*disks, strict=True))
        same = torch.full((1, 1, 1, 1), 4.0)
        views = photograph(picture, same, Calibration(*kernels, 4.0))
        for size, part in ((2.0, np.s_[..., :16, :]), (5.0, np.s_[..., 48:, :])):
            expected = photograph(picture, same * size / 4, DiskPSF(0.8, 7))
            for view, plain_view in zip(views, expected, strict=True):
                torch.testing.assert_close(view[part], plain_view[part], rtol=0, atol=1e-5)

    def test_grids_finer_than_the_picture_are_harmless(self) -> None:
        kernels = np.ones((3, 40, 3, 3))
        flat = torch.full((1, 3, 24, 20), 0.6)
        lens = Calibration(kernels, kernels, 1.0)
        for view in photograph(flat, torch.full((1, 1, 1, 1), 2.0), lens):
            torch.testing.assert_close(view, flat, rtol=0, atol=1e-5)


def best_shift(left: Array, right: Array, largest: int = 4) -> int:
    """d with right(x + d) = left(x), to a pixel, by trying all."""
    inner = np.s_[..., largest:-largest]
    errors = {
        shift: np.square(left[inner] - np.roll(right, -shift, -1)[inner]).mean()
        for shift in range(-largest, largest + 1)
    }
    return min(errors, key=errors.__getitem__)


class TestRealPhotograph:
    """examples/canon_r6ii: the chair in front is nearly in focus, the bench lies behind it."""

    part = np.s_[50:220, 195:345]  # the instruments on the bench

    @pytest.fixture
    def bench(self, example: DualPixelPair) -> tuple[Array, Array]:
        left, right = (
            srgb_to_linear(view[self.part].astype(np.float64)).transpose(2, 0, 1)
            for view in (example.left, example.right)
        )
        return left, right

    def test_the_bench_behind_focus_lies_further_right_in_the_right_view(
        self, bench: tuple[Array, Array]
    ) -> None:
        assert best_shift(*bench) == 1

    @pytest.mark.parametrize("side", [1, -1])
    def test_we_move_it_as_the_camera_did(self, bench: tuple[Array, Array], side: int) -> None:
        left, right = bench
        combined = tensor((left + right) / 2)
        same = torch.full((1, 1, 1, 1), side * 2.0, dtype=torch.float64)
        ours = photograph(combined, same, LENS)
        assert best_shift(*(view[0].numpy() for view in ours)) == side
        difference = (ours[1] - ours[0])[0].numpy()
        alike = np.corrcoef(difference.ravel(), (right - left).ravel())[0, 1]
        assert side * alike > 0.8


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu() -> None:
    picture, radius = TestLayers().scene()
    for lens in (LENS, TestCalibratedLens().lens()):
        here = photograph(picture, radius, lens)
        there = photograph(picture.cuda(), radius.cuda(), lens)
        for one, other in zip(here, there, strict=True):
            torch.testing.assert_close(other.cpu(), one, rtol=0, atol=1e-6)
