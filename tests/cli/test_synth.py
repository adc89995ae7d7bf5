"""`dpdeblur synth` as a user types it: pairs that are right, and that the other commands take."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.datasets import find_pairs, find_truth_pairs
from dpdeblur.io import read_picture, write_picture
from dpdeblur.optics import Calibration, DiskPSF, write_calibration
from support.command import failure, run
from support.pairs import EXAMPLE

Pixels = NDArray[np.float32]


synth = partial(run, "synth")


def outputs(folder: Path, stem: str = "a", extension: str = ".png") -> list[Pixels]:
    names = (f"{stem}_{side}{extension}" for side in ("left", "right", "truth"))
    return [read_picture(folder / name).srgb() for name in names]


def best_shift(left: Pixels, right: Pixels) -> int:
    inner = np.s_[:, 4:-4]
    errors = {
        shift: np.square(left[inner] - np.roll(right, -shift, 1)[inner]).mean()
        for shift in range(-4, 5)
    }
    return min(errors, key=errors.__getitem__)


@pytest.fixture
def sharp(tmp_path: Path) -> Path:
    """A textured picture, 64x48, 8 bits."""
    rng = np.random.default_rng(0)
    coarse = (rng.random((12, 16, 3)) * 255).astype(np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC).save(path)
    return path


def map_file(path: Path, values: NDArray[np.uint16]) -> Path:
    Image.fromarray(values).save(path)
    return path


class TestPairs:
    def test_a_plane_by_default_far_at_the_top(self, sharp: Path, tmp_path: Path) -> None:
        result = synth(sharp, "-o", tmp_path / "out")
        assert result.exit_code == 0, result.stderr
        assert "64x48, radii -8.0 to 8.0 px" in result.stdout
        left, right, truth = outputs(tmp_path / "out")
        np.testing.assert_array_equal(truth, read_picture(sharp).srgb())
        assert read_picture(tmp_path / "out" / "a_left.png").info.bit_depth == 16
        assert best_shift(left[:12], right[:12]) > 0
        assert best_shift(left[-12:], right[-12:]) < 0
        error = np.abs(combine(left, right) - truth).mean((1, 2))
        assert error[23:25].mean() < 0.1 * error[[0, -1]].mean()

    @pytest.mark.parametrize("radius", [6, -6])
    def test_one_radius_for_all(self, sharp: Path, tmp_path: Path, radius: int) -> None:
        synth(sharp, "--radius", radius, "-o", tmp_path)
        left, right, _ = outputs(tmp_path)
        assert np.sign(best_shift(left, right)) == np.sign(radius)

    @pytest.mark.parametrize(
        ("kind", "values"),
        [("disparity", (1000, 40000)), ("inverted", (40000, 1000)), ("distance", (40000, 1000))],
    )
    def test_a_map_says_what_is_near(
        self, sharp: Path, tmp_path: Path, kind: str, values: tuple[int, int]
    ) -> None:
        far, near = values
        depth = np.full((48, 64), far, np.uint16)
        depth[:, 32:] = near
        path = map_file(tmp_path / "map.png", depth)
        result = synth(
            sharp, "--depth", path, "--map", kind, "--focus", 1, "--max-radius", 5, "-o", tmp_path
        )
        assert result.exit_code == 0, result.stderr
        assert "radii 0.0 to 5.0" in result.stdout
        left, right, truth = outputs(tmp_path)
        np.testing.assert_allclose(left[:, 33:], truth[:, 33:], atol=1e-4)
        assert best_shift(left[:, :30], right[:, :30]) > 0

    def test_small_maps_are_enlarged(self, sharp: Path, tmp_path: Path) -> None:
        depth = np.repeat(np.arange(12, dtype=np.uint8)[:, None] * 20, 16, 1)
        path = map_file(tmp_path / "map.png", depth)
        assert synth(sharp, "--depth", path, "-o", tmp_path).exit_code == 0
        left, right, _ = outputs(tmp_path)
        assert best_shift(left[:10], right[:10]) > 0 > best_shift(left[-10:], right[-10:])

    def test_flat_maps_warn(self, sharp: Path, tmp_path: Path) -> None:
        path = map_file(tmp_path / "map.png", np.full((48, 64), 9, np.uint8))
        result = synth(sharp, "--depth", path, "-o", tmp_path)
        assert "everything is in focus" in result.stderr
        left, _, truth = outputs(tmp_path)
        np.testing.assert_allclose(left, truth, atol=1e-4)

    def test_noise_has_the_size_asked_for_and_a_seed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        write_picture(path, np.full((120, 160, 3), linear_to_srgb(np.array(0.5)), np.float32))
        for name, seed in (("x", 1), ("y", 1), ("z", 2)):
            synth(path, "--radius", 3, "--noise", 0.02, "--seed", seed, "-o", tmp_path / name)
        x, y, z = (outputs(tmp_path / name)[0] for name in "xyz")
        np.testing.assert_array_equal(x, y)
        assert (x != z).mean() > 0.9
        linear = srgb_to_linear(x.astype(np.float64))
        assert linear.mean() == pytest.approx(0.5, abs=1e-3)
        expected = 0.02 * np.sqrt(0.0625 + 0.9375 * 0.5)
        assert linear.std() == pytest.approx(expected, rel=0.03)

    def test_each_view_has_noise_of_its_own(self, sharp: Path, tmp_path: Path) -> None:
        synth(sharp, "--slope", 0, "--noise", 0.02, "-o", tmp_path)
        left, right, _ = (srgb_to_linear(part) for part in outputs(tmp_path))
        synth(sharp, "--slope", 0, "-o", tmp_path / "clean")
        clean = srgb_to_linear(outputs(tmp_path / "clean")[0])
        parts = [(view - clean).ravel() for view in (left, right)]
        assert abs(np.corrcoef(*parts)[0, 1]) < 0.05

    @pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40)])
    def test_pictures_may_be_tiny(self, sharp: Path, tmp_path: Path, size: tuple[int, int]) -> None:
        with Image.open(sharp) as picture:
            picture.resize(size).save(tmp_path / "b.png")
        result = synth(tmp_path / "b.png", "--radius", 3, "-o", tmp_path)
        assert result.exit_code == 0, result.stderr
        assert outputs(tmp_path, "b")[0].shape == (*size[::-1], 3)

    def test_of_the_file_only_the_picture_goes_on(self, sharp: Path, tmp_path: Path) -> None:
        path = tmp_path / "b.png"
        exif = Image.Exif()
        exif[0x010F] = "Maker"
        with Image.open(sharp) as picture:
            picture.putalpha(99)
            picture.save(path, exif=exif)
        synth(path, "-o", tmp_path)
        for side in ("left", "right", "truth"):
            info = read_picture(tmp_path / f"b_{side}.png").info
            assert info.alpha is None
            assert info.exif is None

    def test_what_is_odd_about_the_file_is_said(self, sharp: Path, tmp_path: Path) -> None:
        with Image.open(sharp) as picture:
            picture.save(tmp_path / "b.png", icc_profile=b"no profile")
        result = synth(tmp_path / "b.png", "-o", tmp_path)
        assert "Warning:" in result.stderr
        assert "colour profile" in result.stderr

    def test_rotated_photographs_are_rendered_upright(self, sharp: Path, tmp_path: Path) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        with Image.open(sharp) as picture:
            picture.save(tmp_path / "b.jpg", exif=exif, quality=95)
        result = synth(tmp_path / "b.jpg", "--radius", 6, "-o", tmp_path)
        assert "48x64" in result.stdout
        left, right, _ = outputs(tmp_path, "b")
        assert best_shift(left, right) > 0

    def test_kernels_are_chosen(self, sharp: Path, tmp_path: Path) -> None:
        import torch

        kernels = DiskPSF(0.86, 8)(torch.tensor([[6.0]]))
        cal = tmp_path / "camera.npz"
        write_calibration(cal, Calibration(*(part.numpy() for part in kernels), 6.0))
        for name in ("disk", "butterworth", str(cal)):
            folder = tmp_path / Path(name).stem
            result = synth(sharp, "--radius", 6, "--psf", name, "-o", folder)
            assert result.exit_code == 0, result.stderr
        disk, ring, measured = (
            outputs(tmp_path / name)[0] for name in ("disk", "butterworth", "camera")
        )
        assert np.abs(disk - measured).max() < 1e-3
        assert np.abs(disk - ring).max() > 0.02

    def test_slope_zero_makes_equal_views(self, sharp: Path, tmp_path: Path) -> None:
        synth(sharp, "--slope", 0, "-o", tmp_path)
        left, right, _ = outputs(tmp_path)
        np.testing.assert_allclose(left, right, atol=1e-4)

    def test_json_and_other_formats(self, sharp: Path, tmp_path: Path) -> None:
        result = synth(sharp, "-o", tmp_path, "--format", "tif", "--json")
        data = json.loads(result.stdout)
        assert data["outputs"]["left"] == str(tmp_path / "a_left.tif")
        assert (data["width"], data["height"]) == (64, 48)
        assert data["radii"] == pytest.approx([-8, 8])
        assert data["warnings"] == []
        assert len(outputs(tmp_path, extension=".tif")) == 3
        assert synth(sharp, "-o", tmp_path / "q", "--quiet").stdout == ""
        assert synth(sharp, "-o", tmp_path / "t", "--format", "tiff").exit_code == 0
        assert len(outputs(tmp_path / "t", extension=".tif")) == 3

    @pytest.mark.slow
    def test_the_pairs_are_found_by_the_other_commands(self, tmp_path: Path) -> None:
        small = tmp_path / "bench.png"
        write_picture(small, read_picture(EXAMPLE / "l.png").srgb()[100:164, 200:280])
        synth(small, "-o", tmp_path / "out")
        (pair,) = find_pairs(tmp_path / "out").pairs
        assert pair.name == "bench"
        (triple,) = find_truth_pairs(tmp_path / "out")
        assert triple.truth.name == "bench_truth.png"
        views = [pair.left, pair.right]
        arguments = ["fix", *views, "-o", tmp_path / "r.png", "--truth", triple.truth]
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["input"]["psnr"] < 40


class TestErrors:
    def test_outputs_are_not_replaced_unless_asked(self, sharp: Path, tmp_path: Path) -> None:
        (tmp_path / "a_right.png").write_bytes(b"mine")
        assert "a_right.png already exists" in failure(synth(sharp, "-o", tmp_path))
        assert not (tmp_path / "a_left.png").exists()
        assert synth(sharp, "-o", tmp_path, "--overwrite").exit_code == 0
        assert len(outputs(tmp_path)) == 3

    def test_inputs_are_never_replaced(self, sharp: Path, tmp_path: Path) -> None:
        before = sharp.read_bytes()
        depth = sharp.rename(tmp_path / "b_left.png")
        picture = tmp_path / "b.png"
        picture.write_bytes(before)
        result = synth(picture, "--depth", depth, "-o", tmp_path, "--overwrite")
        assert "one of the inputs" in failure(result)
        assert depth.read_bytes() == before

    def test_kernels_that_would_be_huge_are_refused(self, sharp: Path, tmp_path: Path) -> None:
        cal = tmp_path / "camera.npz"
        kernels = np.ones((1, 1, 3, 3), np.float32)
        write_calibration(cal, Calibration(kernels, kernels, 1e-6))
        message = failure(synth(sharp, "-o", tmp_path / "out", "--psf", cal))
        assert "camera.npz, measured at a radius of 1e-06 pixels" in message

    def test_what_does_not_fit_is_said(self, sharp: Path, tmp_path: Path) -> None:
        gray = map_file(tmp_path / "map.png", np.full((48, 64), 9, np.uint8))
        tall = map_file(tmp_path / "tall.png", np.full((48, 48), 9, np.uint8))
        zero = map_file(tmp_path / "zero.png", np.zeros((48, 64), np.uint8))
        cal = tmp_path / "bad.npz"
        cal.write_bytes(b"no")
        for arguments, reason in (
            (("--depth", gray, "--radius", 3), "--depth: --radius sets one blur"),
            (("--max-radius", 3, "--radius", 3), "--max-radius: --radius sets one blur"),
            (("--focus", 0, "--radius", 3), "--focus: --radius sets one blur"),
            (("--map", "distance", "--radius", 3), "--map: --radius sets one blur"),
            (("--map", "distance"), "--map: it says what --depth holds"),
            (("--depth", tall), "differ in size"),
            (("--depth", sharp), "it is in colour"),
            (("--depth", tmp_path / "none.png"), "does not exist"),
            (("--depth", zero, "--map", "distance"), "no known distance"),
            (("--psf", "gauss"), "--psf: 'gauss'"),
            (("--psf", cal), "bad.npz cannot be read"),
            (("--psf", tmp_path / "none.npz"), "does not exist"),
            (("--device", "tpu"), "tpu"),
        ):
            assert reason in failure(synth(sharp, "-o", tmp_path / "out", *arguments))
        assert "does not exist" in failure(synth(tmp_path / "x.png", "-o", tmp_path / "out"))
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        "option", [("--focus", 2), ("--slope", -1), ("--max-radius", -3), ("--seed", 10**30)]
    )
    def test_numbers_out_of_range(self, sharp: Path, tmp_path: Path, option: tuple) -> None:
        assert synth(sharp, "-o", tmp_path / "out", *option).exit_code == 2

    def test_help(self) -> None:
        text = synth("--help").stdout
        for part in ("Examples", "--json", "--quiet", "dpdeblur synth photo.jpg"):
            assert part in text
