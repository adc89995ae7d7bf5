"""Point spread functions against loops, the optics they stand for, and their file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dpdeblur.errors import (
    CalibrationError,
    MissingFileError,
    OutputExistsError,
    UnreadableFileError,
)
from dpdeblur.optics import Calibration, DiskPSF, read_calibration, write_calibration
from dpdeblur.optics.psf import ASIDE

REACH = 11
Array = NDArray[np.float64]


def double(*values: float) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


def one(psf: DiskPSF, radius: float) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = psf(double(radius))
    return left[0, 0], right[0, 0]


def centroids(kernels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and columns, counted from the middle."""
    reach = kernels.shape[-1] // 2
    axis = torch.arange(-reach, reach + 1, dtype=kernels.dtype)
    return kernels.sum(-1) @ axis, kernels.sum(-2) @ axis


def width(kernel: torch.Tensor) -> float:
    """Standard deviation along the row."""
    columns = torch.arange(kernel.shape[-1], dtype=kernel.dtype)
    light = kernel.sum(-2)
    return float((light @ (columns - light @ columns).square()).sqrt())


def brute_kernel(
    radius: float,
    slope: float,
    side: int,
    edge: float = 1,
    ring: tuple[float, float, float] = (1, 3, 0.8),
    offset: float = 0,
    clip: tuple[float, float] = (0, 0),
    aside: tuple[float, float] = (0, 0),
    tilt: tuple[float, float] = (0, 0),
) -> Array:
    """One view's kernel by loops: `side` -1 is left, +1 right; `ring` floor, order, cutoff.

    `clip` is how far apart two disks are, in radii, and the direction; `tilt` how much brighter the
    disk grows, and the direction. Its centre lies `aside` pixels to the left and above.
    """
    floor, order, cutoff = ring
    kernel = np.zeros((2 * REACH + 1, 2 * REACH + 1))
    size = abs(radius)
    rim = min(edge, max(2 * size, 1))
    dx, dy = (clip[0] * size / 2 * turn(clip[1]) for turn in (np.cos, np.sin))
    for row in range(-REACH, REACH + 1):
        for column in range(-REACH, REACH + 1):
            x, y = column + aside[0], row + aside[1]
            cover = min(
                min(max((size + rim / 2 - np.hypot(x - sign * dx, y - sign * dy)) / rim, 0), 1)
                for sign in (-1, 1)
            )
            inner = max(cutoff * size, 0.5) / max(np.hypot(x, y), 0.5)
            cover *= floor + (1 - floor) / (1 + inner ** (2 * order))
            forward = (x * np.cos(tilt[1]) + y * np.sin(tilt[1])) / max(size, 0.5)
            cover *= 1 + tilt[0] * min(max(forward * np.sign(radius), -1), 1)
            ramp = min(max(x / max(size, 0.5), -1), 1) * np.sign(radius)
            weight = max(0, 1 + side * slope * (ramp - offset))
            kernel[row + REACH, column + REACH] = cover * weight
    return kernel / kernel.sum()


def off_centre(radius: float, slope: float, **shape: Any) -> tuple[float, float]:
    """Column and row of the centre of gravity of both views' kernels."""
    pixels = np.arange(-REACH, REACH + 1)
    mean = sum(brute_kernel(radius, slope, side, **shape) for side in (-1, 1)) / 2
    return mean.sum(0) @ pixels, mean.sum(1) @ pixels


class TestDisk:
    @pytest.mark.parametrize("radius", [-7.3, -2.0, 0.0, 0.3, 1.0, 5.5])
    @pytest.mark.parametrize("slope", [0.0, 0.17, 0.86, 1.0])
    @pytest.mark.parametrize("edge", [1.0, 3.5])
    @pytest.mark.parametrize("ring", [(1.0, 3.0, 0.8), (0.1, 6.0, 1.0)])
    def test_against_loops(
        self, radius: float, slope: float, edge: float, ring: tuple[float, float, float]
    ) -> None:
        floor, order, cutoff = ring
        psf = DiskPSF(slope, REACH, edge=edge, floor=floor, order=order, cutoff=cutoff)
        left, right = one(psf, radius)
        shape = (edge, ring)
        np.testing.assert_allclose(left, brute_kernel(radius, slope, -1, *shape), atol=1e-14)
        np.testing.assert_allclose(right, brute_kernel(radius, slope, +1, *shape), atol=1e-14)
        assert left.sum().item() == pytest.approx(1)
        torch.testing.assert_close(left.flip(-1), right)
        ordinary = brute_kernel(radius, 0, 1, *shape)
        np.testing.assert_allclose((left + right) / 2, ordinary, atol=1e-14)

    @pytest.mark.parametrize("radius", [-7.3, 0.0, 0.3, 5.5])
    @pytest.mark.parametrize("slope", [0.4, 1.0])
    @pytest.mark.parametrize("offset", [-0.8, 0.3])
    def test_an_offset_makes_a_crescent_and_a_flat_disk(
        self, radius: float, slope: float, offset: float
    ) -> None:
        left, right = one(DiskPSF(slope, REACH, offset=offset), radius)
        for kernel, side in ((left, -1), (right, +1)):
            aside = off_centre(radius, slope, offset=offset)
            expected = brute_kernel(radius, slope, side, offset=offset, aside=aside)
            np.testing.assert_allclose(kernel, expected, atol=1e-14)
        if abs(radius) > 1:
            crescent, flat = (left, right) if offset < 0 else (right, left)
            assert width(crescent) < width(flat)

    @pytest.mark.parametrize("radius", [-7.3, 0.0, 0.3, 5.5])
    @pytest.mark.parametrize("tilt", [(0.5, 0.4), (1.0, 4.0)])
    def test_both_disks_may_grow_brighter_in_one_direction(
        self, radius: float, tilt: tuple[float, float]
    ) -> None:
        kernels = one(DiskPSF(0.7, REACH, edge=2.0, tilt=tilt[0], toward=tilt[1]), radius)
        for kernel, side in zip(kernels, (-1, +1), strict=True):
            aside = off_centre(radius, 0.7, edge=2.0, tilt=tilt)
            expected = brute_kernel(radius, 0.7, side, edge=2.0, tilt=tilt, aside=aside)
            np.testing.assert_allclose(kernel, expected, atol=1e-14)

    @pytest.mark.parametrize(
        ("radius", "within"), [(-7.3, 0.05), (2.0, 0.05), (1.0, 0.2), (-0.7, 0.2)]
    )
    @pytest.mark.parametrize("slope", [0.4, 0.86, 1.0])
    @pytest.mark.parametrize("offset", [-0.8, 0.3])
    @pytest.mark.parametrize("tilt", [0.0, 0.6])
    @pytest.mark.parametrize("shape", [{}, {"edge": 2.0, "softness": 0.5, "clip": 0.4}])
    def test_a_point_lies_midway_between_its_images(
        self, radius: float, within: float, slope: float, offset: float, tilt: float, shape: Any
    ) -> None:
        psf = DiskPSF(slope, REACH, offset=offset, tilt=tilt, toward=0.8, **shape)
        for first, second in zip(*map(centroids, one(psf, radius)), strict=True):
            assert (first + second).item() / 2 == pytest.approx(0, abs=within)

    @pytest.mark.parametrize("radius", [-9.0, 9.0])
    @pytest.mark.parametrize("softness", [0.0, 0.6])
    @pytest.mark.parametrize("toward", [0.0, 2.5, np.pi])
    def test_nothing_is_cut_off_at_the_reach_that_moved_disks_need(
        self, radius: float, softness: float, toward: float
    ) -> None:
        offset, tilt = 0.8, 0.6
        moved = ASIDE[0] + ASIDE[1] * tilt
        reach = int(9 * (1 + softness / 2 + moved) + 1)
        for sign in (-1, 1):
            shape = {"offset": sign * offset, "tilt": tilt, "softness": softness, "toward": toward}
            kept, whole = (one(DiskPSF(0.86, each, **shape), radius) for each in (reach, 40))
            inner = slice(40 - reach, 41 + reach)
            for kernel, entire in zip(kept, whole, strict=True):
                assert entire[inner, inner].sum() > 0.9995
                torch.testing.assert_close(kernel, entire[inner, inner], rtol=0, atol=1e-4)

    @pytest.mark.parametrize("radius", [-7.3, 0.0, 0.3, 5.5])
    @pytest.mark.parametrize("clip", [(0.5, 0.4), (1.4, 2.0)])
    def test_the_barrel_leaves_what_two_disks_have_in_common(
        self, radius: float, clip: tuple[float, float]
    ) -> None:
        kernels = one(DiskPSF(0.7, REACH, edge=2.0, clip=clip[0], angle=clip[1]), radius)
        for kernel, side in zip(kernels, (-1, +1), strict=True):
            expected = brute_kernel(radius, 0.7, side, edge=2.0, clip=clip)
            np.testing.assert_allclose(kernel, expected, atol=1e-14)
        down, along = centroids((kernels[0] + kernels[1]) / 2)
        assert down.item() == pytest.approx(0, abs=1e-9)
        assert along.item() == pytest.approx(0, abs=1e-9)

    @pytest.mark.parametrize("radius", [-7.3, 0.0, 0.3, 5.5])
    def test_softness_widens_the_rim_in_proportion_to_the_radius(self, radius: float) -> None:
        kernels = one(DiskPSF(0.7, REACH, edge=1.5, softness=0.4), radius)
        for kernel, side in zip(kernels, (-1, +1), strict=True):
            expected = brute_kernel(radius, 0.7, side, edge=max(1.5, 0.4 * abs(radius)))
            np.testing.assert_allclose(kernel, expected, atol=1e-14)

    @pytest.mark.parametrize("radius", [-9.0, -5.0, 5.0, 9.0])
    def test_disparity_is_half_the_slope_times_the_radius(self, radius: float) -> None:
        left, right = one(DiskPSF(0.86, REACH), radius)
        disparity = (centroids(right)[1] - centroids(left)[1]).item()
        assert disparity == pytest.approx(0.86 * radius / 2, rel=0.03)

    @pytest.mark.parametrize("psf", [DiskPSF(0.86, REACH, edge=4), DiskPSF(0.86, REACH, floor=0.1)])
    def test_what_is_in_focus_stays_sharp(self, psf: DiskPSF) -> None:
        for kernel in one(psf, 0.0):
            assert kernel[REACH, REACH] == 1

    def test_a_soft_edge_keeps_the_width_at_half_height(self) -> None:
        hard, soft = (one(DiskPSF(0, REACH, edge=edge), 7.0)[0][REACH] for edge in (1.0, 4.0))
        for row in (hard, soft):
            assert row[REACH + 7] == pytest.approx(row[REACH].item() / 2)
        assert soft[REACH + 8] > hard[REACH + 8] == 0

    def test_a_ring_is_dark_inside(self) -> None:
        row = one(DiskPSF(0, REACH, floor=0.15), 8.0)[0][REACH]
        assert row[REACH].item() / row[REACH + 7].item() == pytest.approx(0.15 / 0.74, rel=0.1)

    def test_numbers_may_differ_by_sample(self) -> None:
        numbers = {
            "slope": (0.2, 0.9),
            "edge": (1.0, 3.0),
            "floor": (1.0, 0.2),
            "order": (3.0, 9.0),
            "cutoff": (0.8, 1.0),
            "offset": (0.0, -0.4),
            "clip": (0.3, 0.0),
            "angle": (1.0, 2.0),
            "softness": (0.0, 0.7),
            "tilt": (0.5, 0.0),
            "toward": (4.0, 1.0),
        }
        radii = torch.tensor([[3.0, -5.0, 0.4], [2.0, 6.0, -1.0]], dtype=torch.float64)
        both = DiskPSF(reach=REACH, **{name: torch.tensor(pair) for name, pair in numbers.items()})
        for index in range(2):
            each = DiskPSF(reach=REACH, **{name: pair[index] for name, pair in numbers.items()})
            for got, expected in zip(both(radii), each(radii[index : index + 1]), strict=True):
                torch.testing.assert_close(got[index], expected[0], rtol=0, atol=1e-6)

    def test_is_differentiable(self) -> None:
        radius = double(-3.3, 2.2).requires_grad_()
        shape = [
            torch.tensor([value], dtype=torch.float64, requires_grad=True)
            for value in (0.8, 1.7, 0.3, 4.1, 0.9, 0.2, 0.3, 0.5, 0.6, 0.4, 2.0)
        ]

        def kernels(radius: torch.Tensor, *shape: torch.Tensor) -> tuple[torch.Tensor, ...]:
            slope, *others = shape
            return DiskPSF(slope, 5, *others)(radius)

        assert torch.autograd.gradcheck(kernels, (radius, *shape))

    def test_large_rings_are_finite(self) -> None:
        radius = torch.tensor([[60.0, 0.01]], requires_grad=True)
        left, _ = DiskPSF(0.8, 62, floor=0.01, order=9)(radius)
        left.square().sum().backward()
        assert left.isfinite().all()
        assert radius.grad is not None
        assert radius.grad.isfinite().all()


def measured(rows: int = 2, columns: int = 3, side: int = 17) -> Calibration:
    """Lopsided kernels, not centred, different from cell to cell; measured at radius 6."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] - side // 2
    pair = []
    for sign in (-1, 1):
        kernels = np.zeros((rows, columns, side, side))
        for cell in np.ndindex(rows, columns):
            at = rng.uniform(-1, 1, 2) + np.array([0, 1.5 * sign])
            near = np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / rng.uniform(4, 9))
            kernels[cell] = near * (np.hypot(y, x) < 7) * rng.uniform(1, 3)
        pair.append(kernels)
    return Calibration(*pair, 6.0)


class TestCalibrated:
    def psf_at(self, calibration: Calibration, row: float, column: float, reach: int = 20):
        place = (torch.tensor([value], dtype=torch.float64) for value in (row, column))
        return calibration.psf(*place, reach)

    def test_each_view_s_kernel_sums_to_one_and_offsets_grow_with_the_radius(self) -> None:
        radii = double(-9.0, -3.0, 0.0, 0.4, 6.0, 11.0)
        left, right = self.psf_at(measured(), 0.25, 0.5)(radii)
        for kernels in (left, right):
            np.testing.assert_allclose(kernels.sum((-2, -1)), 1, atol=1e-12)
            assert kernels.min() >= 0
        places = [torch.stack(centroids(kernels))[:, 0] for kernels in (left, right)]
        np.testing.assert_allclose(places[0] + places[1], 0, atol=5e-3)  # the sharp picture stays
        np.testing.assert_allclose(
            places[1] - places[0], (places[1] - places[0])[:, 4:5] * radii / 6, atol=2e-2
        )
        assert (places[1] - places[0])[1, 4] > 2

    def test_at_its_own_radius_a_centred_kernel_is_what_was_measured(self) -> None:
        kernel = brute_kernel(6.0, 0, 1)[None, None]
        calibration = Calibration(kernel, kernel, 6.0)
        left, right = self.psf_at(calibration, 0.5, 0.5, REACH)(double(6.0, -6.0))
        for view in (left, right):
            np.testing.assert_allclose(view[0], [kernel[0, 0]] * 2, atol=1e-6)

    @pytest.mark.parametrize("radius", [-10.0, -4.0, 4.0, 10.0])
    def test_scaled_disks_are_disks_of_the_other_size(self, radius: float) -> None:
        pair = (brute_kernel(7.0, 0.8, side)[None, None] for side in (-1, 1))
        views = self.psf_at(Calibration(*pair, 7.0), 0.5, 0.5, REACH)(double(radius))
        for side, view in zip((-1, 1), views, strict=True):
            expected = brute_kernel(radius, 0.8, side)
            # Interpolation softens the rim.
            assert np.abs(view[0, 0].numpy() - expected).sum() < 0.25
            assert centroids(view[0, 0])[1] == pytest.approx(
                centroids(torch.from_numpy(expected))[1].item(), abs=0.02
            )

    def test_negative_radii_turn_the_kernel_around(self) -> None:
        left, right = self.psf_at(measured(), 0.7, 0.1)(double(5.0, -5.0))
        for view in (left, right):
            torch.testing.assert_close(view[0, 0].flip(-1, -2), view[0, 1])

    def test_kernels_are_interpolated_between_the_cells_middles(self) -> None:
        calibration = measured()
        kernels = torch.from_numpy(calibration.left.astype(np.float64))
        for row, column, expected in (
            (0.25, 1 / 6, kernels[0, 0]),
            (0.0, 1.0, kernels[0, 2]),
            (0.5, 0.5, (kernels[0, 1] + kernels[1, 1]) / 2),
            (0.25, 0.25, 0.75 * kernels[0, 0] + 0.25 * kernels[0, 1]),
        ):
            got = self.psf_at(calibration, row, column).left[0]
            torch.testing.assert_close(got, expected, rtol=0, atol=1e-7)

    def test_nothing_reaches_beyond_the_reach(self) -> None:
        calibration = measured()
        for radius in (2.0, -9.5):
            reach = calibration.reach(radius)
            wide = self.psf_at(calibration, 0.1, 0.9, reach + 4)(double(radius))[0][0, 0]
            assert wide[4:-4, 4:-4].sum() == pytest.approx(1)

    def test_the_reach_holds_kernels_whose_light_lies_at_one_end(self) -> None:
        kernel = np.zeros((1, 1, 17, 17))
        kernel[..., 8, 16], kernel[..., 8, 0] = 0.9, 0.1
        calibration = Calibration(kernel, kernel, 5.0)
        reach = calibration.reach(5.0)
        (left, _) = self.psf_at(calibration, 0.5, 0.5, reach)(double(5.0))
        assert left[0, 0, :, : reach - 8].sum() == pytest.approx(0.1, abs=1e-6)

    def test_is_differentiable(self) -> None:
        psf = self.psf_at(measured(1, 1, 7), 0.5, 0.5, 5)
        radius = double(-3.3, 2.2, 7.3).requires_grad_()
        assert torch.autograd.gradcheck(psf, (radius,))

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"radius": 0.0}, "radius is 0.0"),
            ({"radius": np.nan}, "radius is nan"),
            ({"left": np.ones((2, 3, 5, 5))}, "left kernels have the shape"),
            ({"left": np.ones((2, 4, 4)), "right": np.ones((2, 4, 4))}, "left has the shape"),
            ({"left": np.ones((1, 1, 4, 4)), "right": np.ones((1, 1, 4, 4))}, "left has the shape"),
            ({"left": np.ones((0, 1, 3, 3)), "right": np.ones((0, 1, 3, 3))}, "left has the shape"),
            ({"right": -measured().right}, "right has values that are negative"),
            ({"left": measured().left * np.nan}, "left has values that are .* not finite"),
            ({"left": measured().left * 0}, "left has a kernel that is zero"),
            ({"frame": (0, 5)}, "its frame of 5x0 has no pixels"),
            ({"levels": (-1.0, 5.0)}, "black level is -1"),
            ({"levels": (7.0, 5.0)}, "black level is 7 and its white level 5"),
            ({"levels": (0.0, np.inf)}, "white level inf"),
            ({"levels": (np.nan, 5.0)}, "black level is nan"),
            ({"ratio": np.ones(3)}, "ratio has the shape"),
            ({"ratio": np.ones((0, 3))}, "ratio has the shape"),
            ({"ratio": np.zeros((2, 2))}, "ratio has values that are not positive"),
            ({"ratio": np.full((2, 2), np.nan)}, "ratio has values that are not positive"),
        ],
    )
    def test_kernels_that_are_none_are_refused(self, change: dict, reason: str) -> None:
        good = measured()
        parts = {"left": good.left, "right": good.right, "radius": 6.0} | change
        with pytest.raises(CalibrationError, match=reason):
            Calibration(**parts)


class TestVignetting:
    def test_the_ratio_is_interpolated_between_its_grid_s_middles(self) -> None:
        good = measured()
        ratio = np.array([[1.0, 1.2, 1.8], [2.0, 1.1, 0.7]], np.float32)
        got = Calibration(good.left, good.right, 6.0, ratio=ratio).match_right(10, 21)
        assert got.dtype == np.float32
        expected = np.empty((10, 21))
        for row, column in np.ndindex(10, 21):
            down = np.clip((row + 0.5) / 10 * 2 - 0.5, 0, 1)
            along = np.clip((column + 0.5) / 21 * 3 - 0.5, 0, 2)
            up = np.interp(along, range(3), ratio[0])
            low = np.interp(along, range(3), ratio[1])
            expected[row, column] = up + down * (low - up)
        np.testing.assert_allclose(got, expected, rtol=1e-6)

    def test_without_a_ratio_views_stay(self) -> None:
        np.testing.assert_array_equal(measured().match_right(3, 4), np.ones((3, 4), np.float32))


class TestCalibrationFile:
    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "camera.npz"
        white = np.arange(12.0).reshape(3, 4)
        good = measured()
        write_calibration(path, Calibration(good.left, good.right, -6.5, {"white": white}))
        again = read_calibration(path)
        np.testing.assert_allclose(again.left, good.left, rtol=1e-6)
        np.testing.assert_allclose(again.right, good.right, rtol=1e-6)
        assert again.radius == -6.5
        assert list(again.extra) == ["white"]
        np.testing.assert_array_equal(again.extra["white"], white)
        with pytest.raises(OutputExistsError):
            write_calibration(path, good)
        write_calibration(path, good, overwrite=True)
        assert read_calibration(path).radius == 6

    def test_frame_ratio_and_levels_are_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "camera.npz"
        good = measured()
        ratio = np.linspace(1, 1.4, 12).reshape(3, 4).astype(np.float32)
        parts = {"frame": (100, 150), "ratio": ratio, "levels": (1024.0, 16383.0)}
        write_calibration(path, Calibration(good.left, good.right, 6.0, **parts))
        again = read_calibration(path)
        assert again.frame == (100, 150)
        assert again.levels == (1024.0, 16383.0)
        np.testing.assert_array_equal(again.ratio, ratio)
        assert again.extra == {}
        write_calibration(path, good, overwrite=True)
        again = read_calibration(path)
        assert (again.frame, again.ratio, again.levels) == (None, None, None)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"left": None}, "lacks left"),
            ({"frame": np.ones(3)}, "frame must be two numbers"),
            ({"frame": np.array([np.nan, 2])}, "frame must be two numbers"),
            ({"frame": np.array(["a", "b"])}, "arrays of numbers"),
            ({"levels": np.array(3.0)}, "levels must be two numbers"),
            ({"levels": np.array([3.0, 2.0])}, "its black level is 3"),
            ({"ratio": -np.ones((2, 2))}, "ratio has values that are not positive"),
            ({"radius": None, "version": None}, "lacks radius, version"),
            ({"version": np.int64(2)}, "its version is 2"),
            ({"radius": np.ones(2)}, "radius has 2 values"),
            ({"left": np.full((1, 1, 3, 3), "a")}, "arrays of numbers"),
            ({"right": np.ones((1, 1, 5, 5))}, "left kernels have the shape"),
            ({"left": np.full((1, 1, 3, 3), np.nan)}, "not finite"),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, change: dict, reason: str) -> None:
        path = tmp_path / "bad.npz"
        kernels = np.ones((1, 1, 3, 3))
        fields = {"left": kernels, "right": kernels, "radius": 3.0, "version": 1} | change
        np.savez(path, **{name: value for name, value in fields.items() if value is not None})
        with pytest.raises(UnreadableFileError, match=reason):
            read_calibration(path)

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError):
            read_calibration(tmp_path / "none.npz")
        with pytest.raises(UnreadableFileError):
            read_calibration(tmp_path)
        path = tmp_path / "x.npz"
        np.savez(path, left=np.array([{}], dtype=object))
        objects = path.read_bytes()
        np.savez_compressed(path, **{name: np.ones((1, 1, 9, 9)) for name in ("left", "right")})
        whole = path.read_bytes()
        array = tmp_path / "x.npy"
        np.save(array, np.ones(3))
        broken = bytearray(whole)
        broken[60:90] = bytes(30)
        encrypted = bytearray(whole)
        encrypted[whole.index(b"PK\1\2") + 8] |= 1  # a flag in the archive's table of contents
        contents = (b"", b"text", objects, whole[:200], array.read_bytes(), broken, encrypted)
        for content in contents:
            path.write_bytes(content)
            with pytest.raises(UnreadableFileError, match=r"npz|lacks"):
                read_calibration(path)

    def test_arrays_that_unpack_to_far_more_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dpdeblur.optics.calibration_file.ARRAYS", 2**20)
        np.savez_compressed(tmp_path / "x.npz", left=np.zeros(2**19))
        with pytest.raises(UnreadableFileError, match="more than 1 MiB"):
            read_calibration(tmp_path / "x.npz")
