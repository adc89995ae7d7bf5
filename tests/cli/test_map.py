"""`dpdeblur map` and `fix --engine mpi`, on scenes whose defocus is known."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image
from scipy.ndimage import gaussian_filter
from typer.testing import Result

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.io import read_map, read_picture
from dpdeblur.optics import Calibration, DiskPSF, photograph, write_calibration
from dpdeblur.plots import draw_defocus
from support.command import failure, run
from support.dual_pixel_raw import camera_colours, smooth_scene, write_scene

Array = NDArray[np.float32]
SHAPE = (112, 176)
BEHIND, BEFORE = 3.0, -3.0
INNER = np.s_[40:70, 75:100]  # well inside the plane in front
OUTER = np.s_[10:-10, 10:40]
BLACK, WHITE = 1024, 16383
FILES = ("defocus.tif", "defocus_preview.png", "map.json", "sharp.png")


@dataclass(frozen=True)
class Scene:
    """Linear light, H x W x C, of both views and of the sharp picture."""

    left: Array
    right: Array
    sharp: Array

    def gain(self, picture: Array) -> float:
        """How much closer to the truth than the input (the views' mean), in dB, linear light."""
        part = np.s_[16:-16, 16:-16]
        errors = [
            np.mean((made.clip(0, 1) - self.sharp)[part] ** 2)
            for made in ((self.left + self.right) / 2, picture)
        ]
        return float(10 * np.log10(errors[0] / errors[1]))


def photographed(channels: int) -> Scene:
    """A rectangle in front of the focus plane, and a wall behind it."""
    rng = np.random.default_rng(5)
    light = np.zeros((*SHAPE, channels))
    for sigma in (0.6, 1.5, 4, 10):
        noise = gaussian_filter(rng.normal(size=light.shape), (sigma, sigma, 0))
        light += 0.5 * noise / noise.std()
    light = (1 / (1 + np.exp(-1.2 * light))) ** 2.2
    radius = torch.full((1, 1, *SHAPE), BEHIND)
    radius[..., 22:-22, 58:-58] = BEFORE
    picture = torch.from_numpy(light.astype(np.float32)).permute(2, 0, 1)[None]
    # Three channels in any case: `photograph` takes no fewer.
    views = photograph(picture.expand(1, 3, *SHAPE), radius, DiskPSF(0.86, 8))
    left, right = (view[0, :channels].permute(1, 2, 0).contiguous().numpy() for view in views)
    return Scene(left.clip(0, 1), right.clip(0, 1), light.astype(np.float32))


@pytest.fixture(scope="module")
def gray_scene() -> Scene:
    return photographed(1)


def save(path: Path, numbers: Array, exif: Image.Exif | None = None, bits: int = 16) -> Path:
    """Write numbers (H x W x C) as they are: gray of 8 or 16 bits, or colour of 8."""
    kind = np.uint16 if bits == 16 else np.uint8
    Image.fromarray(np.rint(numbers).astype(kind).squeeze()).save(path, exif=exif)
    return path


def save_pair(folder: Path, scene: Scene, exif: Image.Exif | None = None) -> tuple[Path, Path]:
    bits = 8 if scene.left.shape[2] == 3 else 16
    folder.mkdir(exist_ok=True, parents=True)
    first, second = (
        save(folder / f"a_{side}.png", linear_to_srgb(view) * (2**bits - 1), exif, bits)
        for side, view in (("L", scene.left), ("R", scene.right))
    )
    return first, second


@pytest.fixture
def gray_pair(tmp_path: Path, gray_scene: Scene) -> tuple[Path, Path]:
    return save_pair(tmp_path, gray_scene)


def calibration_of(**fields: object) -> Calibration:
    """The scene's own lens, measured at 6 pixels on 2 x 3 tiles."""
    left, right = (
        np.tile(kernel[0, 0].numpy(), (2, 3, 1, 1))
        for kernel in DiskPSF(0.86, 7)(torch.tensor([[6.0]]))
    )
    return Calibration(left, right, radius=6.0, **fields)


def light_of(path: Path) -> Array:
    picture = read_picture(path)
    light = srgb_to_linear(picture.srgb())
    return light[..., :1] if picture.info.gray else light


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "map.json").read_text())
    return record


def check_planes(defocus: Array, within: float = 0.25) -> None:
    assert defocus.shape == SHAPE
    assert np.abs(defocus[OUTER] - BEHIND).mean() < within
    assert np.abs(defocus[INNER] - BEFORE).mean() < within


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gray")


@pytest.fixture(scope="module")
def result(place: Path, gray_scene: Scene) -> Result:
    """One run of the default method."""
    pair = save_pair(place, gray_scene)
    result = run("map", *pair, "-o", place / "out", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    return result


class TestMapOfGray:
    @pytest.mark.slow
    def test_map_has_the_planes_radii_and_signs(self, place: Path, result: Result) -> None:
        check_planes(read_map(place / "out" / "defocus.tif"))

    def test_picture_is_sharper_gray_and_of_16_bits(
        self, place: Path, result: Result, gray_scene: Scene
    ) -> None:
        path = place / "out" / "sharp.png"
        info = read_picture(path).info
        assert info.gray
        assert info.bit_depth == 16
        assert gray_scene.gain(light_of(path)) > 2.0

    def test_record_says_how_it_was_made(self, place: Path, result: Result) -> None:
        record = record_of(place / "out")
        assert record["schema"] == 2
        assert record["inputs"] == [str(place / f"a_{side}.png") for side in "LR"]
        assert (record["width"], record["height"]) == SHAPE[::-1]
        assert record["relative"] is True
        assert record["light"] == {"encoding": "sRGB"}
        assert record["warnings"] == []
        how, settings = record["run"], record["run"]["settings"]
        assert (how["engine"], how["device"], how["precision"]) == ("mpi", "cpu", "fp32")
        assert how["seconds"] > 0
        assert settings["method"] == "full"
        assert settings["calibration"] is None
        assert settings["radii"] is None
        layers = settings["layers"]
        assert layers == sorted(layers, reverse=True)
        defocus = read_map(place / "out" / "defocus.tif")
        assert record["radii"] == pytest.approx([defocus.min(), defocus.max()])
        assert "behind" in record["sign"]
        assert "pixels" in record["unit"] or "factor" in record["unit"]

    def test_says_that_it_is_relative(self, place: Path, result: Result) -> None:
        assert "relative" in result.stderr
        assert str(place / "out" / "defocus.tif") in result.stdout

    def test_preview_is_red_in_front_and_blue_behind(self, place: Path, result: Result) -> None:
        picture = read_picture(place / "out" / "defocus_preview.png").srgb()
        height, width = picture.shape[:2]
        inner, outer = (picture[int(0.55 * height), int(share * width)] for share in (0.43, 0.1))
        assert inner[0] > inner[2] + 0.2
        assert outer[2] > outer[0] + 0.2

    def test_nothing_else_is_written(self, place: Path, result: Result) -> None:
        assert tuple(sorted(path.name for path in (place / "out").iterdir())) == FILES

    @pytest.mark.slow
    def test_fix_makes_the_same_picture(self, place: Path, result: Result) -> None:
        options = ("--engine", "mpi", "--device", "cpu", "--json")
        made = run("fix", place / "a_L.png", place / "a_R.png", *options)
        assert made.exit_code == 0, made.stderr
        report = json.loads(made.stdout)
        assert report["output"] == str(place / "a_sharp.png")
        assert report["run"]["engine"] == "mpi"
        assert report["run"]["settings"] == record_of(place / "out")["run"]["settings"]
        first, second = (read_picture(place / name) for name in ("a_sharp.png", "out/sharp.png"))
        assert first.info.bit_depth == 16
        assert first.info.gray
        assert np.array_equal(first.srgb(), second.srgb())


class TestInputs:
    def test_colour_in_closed_form(self, tmp_path: Path) -> None:
        scene = photographed(3)
        pair = save_pair(tmp_path, scene)
        result = run("map", *pair, "-o", tmp_path / "out", "--method", "fast", "--json")
        report = json.loads(result.stdout)
        assert report["run"]["settings"]["method"] == "fast"
        assert report["outputs"]["sharp"] == str(tmp_path / "out" / "sharp.png")
        check_planes(read_map(tmp_path / "out" / "defocus.tif"))
        info = read_picture(tmp_path / "out" / "sharp.png").info
        assert not info.gray
        assert info.bit_depth == 16
        assert scene.gain(light_of(tmp_path / "out" / "sharp.png")) > 2.0

    def test_raw_numbers_with_the_calibration_of_their_camera(
        self, tmp_path: Path, gray_scene: Scene
    ) -> None:
        ratio = np.full((4, 6), 1.25, np.float32)
        lens = calibration_of(frame=SHAPE, ratio=ratio, levels=(BLACK, WHITE))
        write_calibration(tmp_path / "lens.npz", lens)
        exposure = 0.7
        pair = [
            save(tmp_path / f"{side}.png", BLACK + WHITE * exposure * view)
            for side, view in (("l", gray_scene.left), ("r", gray_scene.right / 1.25))
        ]
        options = ("--calibration", tmp_path / "lens.npz", "--method", "fast")
        result = run("map", *pair, "-o", tmp_path / "out", *options)
        assert result.exit_code == 0, result.stderr
        assert "relative" not in result.stderr
        record = record_of(tmp_path / "out")
        assert record["relative"] is False
        assert record["run"]["settings"]["calibration"] == {
            "path": str(tmp_path / "lens.npz"),
            "radius": 6.0,
            "sha256": hashlib.sha256((tmp_path / "lens.npz").read_bytes()).hexdigest(),
        }
        assert record["light"] == {"encoding": "raw", "black": BLACK, "white": WHITE}
        check_planes(read_map(tmp_path / "out" / "defocus.tif"))
        # In the picture 1 is the white level, so the exposure is still to be seen.
        assert gray_scene.gain(light_of(tmp_path / "out" / "sharp.png") / exposure) > 2.0

    @pytest.mark.slow
    def test_a_colour_profile_leaves_raw_numbers_alone(
        self, tmp_path: Path, gray_scene: Scene
    ) -> None:
        write_calibration(tmp_path / "lens.npz", calibration_of(levels=(BLACK, WHITE)))
        numbers = [
            np.rint(BLACK + 0.7 * WHITE * view[..., 0]).astype(np.uint16)
            for view in (gray_scene.left, gray_scene.right)
        ]
        numbers[0][0, 0] = 8000
        for name, profile in (
            ("plain", None),
            ("linear", bytes(imagecodecs.cms_profile("gray", gamma=1.0))),
        ):
            pair = [tmp_path / f"{name}_{side}.tif" for side in "LR"]
            for path, each in zip(pair, numbers, strict=True):
                tifffile.imwrite(path, each, iccprofile=profile, metadata=None)
            assert read_picture(pair[0]).codes()[0, 0, 0] == 8000
            options = ("--calibration", tmp_path / "lens.npz", "--method", "fast")
            result = run("map", *pair, "-o", tmp_path / name, *options)
            assert result.exit_code == 0, result.stderr
        plain, linear = (
            (tmp_path / name / "defocus.tif").read_bytes() for name in ("plain", "linear")
        )
        assert plain == linear
        np.testing.assert_array_equal(
            *(read_picture(tmp_path / name / "sharp.png").codes() for name in ("plain", "linear"))
        )
        check_planes(read_map(tmp_path / "linear" / "defocus.tif"))

    @pytest.mark.slow
    def test_results_are_upright(self, tmp_path: Path, gray_scene: Scene) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        exif[ExifTags.Base.Model] = "Some Camera"
        for name, tags in (("plain", None), ("turned", exif)):
            pair = save_pair(tmp_path / name, gray_scene, tags)
            result = run("map", *pair, "-o", tmp_path / name, "--method", "fast", "--quiet")
            assert result.exit_code == 0, result.stderr
            assert result.stdout == result.stderr == ""
        for read in (
            lambda folder: read_map(folder / "defocus.tif"),
            lambda folder: read_picture(folder / "sharp.png").srgb(),
        ):
            plain, turned = (read(tmp_path / name) for name in ("plain", "turned"))
            assert np.array_equal(turned, np.rot90(plain, 3))
        with Image.open(tmp_path / "turned" / "sharp.png") as picture:
            assert picture.getexif()[ExifTags.Base.Model] == "Some Camera"
        plain, turned = (
            read_picture(tmp_path / name / "defocus_preview.png").srgb().shape
            for name in ("plain", "turned")
        )
        assert plain[0] < plain[1]
        assert turned[0] > turned[1]

    @pytest.mark.slow
    def test_raw_file(self, tmp_path: Path) -> None:
        photo = tmp_path / "IMG_1.CR2"
        write_scene(photo, *map(camera_colours, smooth_scene()), orientation=6)
        options = ("--method", "fast", "--size", "64", "--swap-views", "--json")
        report = json.loads(run("map", photo, "-o", tmp_path / "out", *options).stdout)
        assert report["inputs"] == [str(photo)]
        assert (report["width"], report["height"]) == (48, 64)
        assert report["frame_1"] == "right"
        assert report["relative"] is True
        assert read_map(tmp_path / "out" / "defocus.tif").shape == (64, 48)
        options = ("--engine", "mpi", "--size", "64", "--json")
        report = json.loads(run("fix", photo, *options).stdout)
        assert report["output"] == str(tmp_path / "IMG_1_sharp.png")
        assert report["frame_1"] == "left"
        assert read_picture(tmp_path / "IMG_1_sharp.png").srgb().shape == (64, 48, 3)

    def test_radii_may_be_given(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        options = ("--method", "fast", "--radii", "-3.5,3.25", "--json")
        report = json.loads(run("map", *gray_pair, "-o", tmp_path / "out", *options).stdout)
        settings = report["run"]["settings"]
        assert settings["radii"] == [-3.5, 3.25]
        assert (settings["layers"][-1], settings["layers"][0]) == (-3.5, 3.25)
        check_planes(read_map(tmp_path / "out" / "defocus.tif"))

    @pytest.mark.slow
    def test_overwrite_gives_the_same_bytes(
        self, tmp_path: Path, gray_pair: tuple[Path, Path]
    ) -> None:
        arguments = ("map", *gray_pair, "-o", tmp_path / "out", "--method", "fast")
        assert run(*arguments).exit_code == 0
        names = [name for name in FILES if name != "map.json"]  # which has the seconds it took
        before = [(tmp_path / "out" / name).read_bytes() for name in names]
        assert "already exists" in failure(run(*arguments))
        assert run(*arguments, "--overwrite").exit_code == 0
        assert [(tmp_path / "out" / name).read_bytes() for name in names] == before

    def test_record_repeats_the_warnings(
        self, tmp_path: Path, gray_pair: tuple[Path, Path]
    ) -> None:
        options = ("--method", "fast", "--json")
        report = json.loads(run("map", *gray_pair[::-1], "-o", tmp_path / "out", *options).stdout)
        record = record_of(tmp_path / "out")
        assert "The names say" in report["warnings"][0]
        assert record["warnings"] == report["warnings"]
        # Swapped views look like a scene on the other side of the focus plane.
        defocus = read_map(tmp_path / "out" / "defocus.tif")
        assert (defocus[OUTER] < 0).all()
        assert (defocus[INNER] > 0).all()


class TestBadInput:
    """A sentence each, and nothing written."""

    def sentence(self, tmp_path: Path, *arguments: object, command: str = "map") -> str:
        out = tmp_path / "out"
        place = out if command == "map" else tmp_path / "out.png"
        options = ("-o", place, "--device", "cpu", "--quiet")
        said = failure(run(command, *arguments, *options))
        assert not place.exists()
        return said

    def test_calibration_of_another_frame(
        self, tmp_path: Path, gray_pair: tuple[Path, Path]
    ) -> None:
        write_calibration(tmp_path / "lens.npz", calibration_of(frame=(100, 176)))
        for command, options in (("map", ()), ("fix", ("--engine", "mpi"))):
            said = self.sentence(
                tmp_path,
                *gray_pair,
                "--calibration",
                tmp_path / "lens.npz",
                *options,
                command=command,
            )
            assert "176x100" in said
            assert "176x112" in said

    def test_what_is_no_calibration(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        for path, expected in (
            (tmp_path / "none.npz", "does not exist"),
            (gray_pair[0], "cannot be read"),
            (tmp_path, "cannot be read"),
        ):
            assert expected in self.sentence(tmp_path, *gray_pair, "--calibration", path)

    def test_calibration_for_raw_numbers(self, tmp_path: Path, gray_scene: Scene) -> None:
        write_calibration(tmp_path / "lens.npz", calibration_of(levels=(BLACK, WHITE)))
        byte_pair = [
            save(tmp_path / f"{side}.png", 255 * view, bits=8)
            for side, view in (("l", gray_scene.left), ("r", gray_scene.right))
        ]
        said = self.sentence(tmp_path, *byte_pair, "--calibration", tmp_path / "lens.npz")
        assert "16 bits" in said
        assert "8 bits" in said
        colours = save_pair(tmp_path, photographed(3))
        said = self.sentence(tmp_path, *colours, "--calibration", tmp_path / "lens.npz")
        assert "16 bits" in said
        assert "in colour" in said

    def test_colour_against_gray(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        colour = save_pair(tmp_path / "colour", photographed(3))
        assert "gray" in self.sentence(tmp_path, gray_pair[0], colour[1])

    def test_sizes_that_differ(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        small = save(tmp_path / "small.png", np.full((100, 176, 1), 9.0))
        assert "differ in size" in self.sentence(tmp_path, gray_pair[0], small)

    def test_identical_views(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        assert "identical" in self.sentence(tmp_path, gray_pair[0], gray_pair[0])

    def test_black_and_saturated_views(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        for value, expected in ((0.0, "black"), (65535.0, "clipped")):
            flat = save(tmp_path / "flat.png", np.full((*SHAPE, 1), value))
            assert expected in self.sentence(tmp_path, flat, gray_pair[1])

    def test_black_pair_of_raw_numbers(self, tmp_path: Path) -> None:
        write_calibration(tmp_path / "lens.npz", calibration_of(levels=(BLACK, WHITE)))
        pair = [
            save(tmp_path / f"{value}.png", np.full((*SHAPE, 1), float(value)))
            for value in (1000, 1001)
        ]
        said = self.sentence(tmp_path, *pair, "--calibration", tmp_path / "lens.npz")
        assert "black" in said

    @pytest.mark.parametrize("radii", ["3", "a,b", "4,2", "nan,3", "-2,inf", "-900,3"])
    def test_radii(self, tmp_path: Path, gray_pair: tuple[Path, Path], radii: str) -> None:
        assert "--radii" in self.sentence(tmp_path, *gray_pair, "--radii", radii)

    def test_raw_options_with_two_views(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        assert "--size" in self.sentence(tmp_path, *gray_pair, "--size", "full")

    def test_folders(self, tmp_path: Path) -> None:
        assert "is a folder" in self.sentence(tmp_path, tmp_path, tmp_path)

    def test_output_that_is_a_file(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        out = tmp_path / "out"
        out.write_text("mine")
        assert "not a folder" in failure(run("map", *gray_pair, "-o", out))
        assert out.read_text() == "mine"

    def test_output_over_an_input(self, tmp_path: Path, gray_pair: tuple[Path, Path]) -> None:
        left = gray_pair[0].rename(tmp_path / "sharp.png")
        before = left.read_bytes()
        said = failure(run("map", left, gray_pair[1], "-o", tmp_path, "--overwrite"))
        assert "one of the inputs" in said
        assert left.read_bytes() == before

    @pytest.mark.parametrize(
        "options",
        [
            ("--weights", "mccnet"),
            ("--precision", "fp32"),
            ("--ensemble",),
            ("--tile-size", "64"),
            ("--max-memory", "2GB"),
        ],
    )
    def test_options_of_the_network(
        self, tmp_path: Path, gray_pair: tuple[Path, Path], options: tuple[str, ...]
    ) -> None:
        arguments = (*gray_pair, "--engine", "mpi", *options)
        assert options[0] in self.sentence(tmp_path, *arguments, command="fix")

    def test_calibration_without_the_optimiser(
        self, tmp_path: Path, gray_pair: tuple[Path, Path]
    ) -> None:
        write_calibration(tmp_path / "lens.npz", calibration_of())
        arguments = (*gray_pair, "--calibration", tmp_path / "lens.npz")
        assert "--calibration" in self.sentence(tmp_path, *arguments, command="fix")

    def test_method_without_the_optimiser(
        self, tmp_path: Path, gray_pair: tuple[Path, Path]
    ) -> None:
        said = self.sentence(tmp_path, *gray_pair, "--method", "fast", command="fix")
        assert "--method: it is for the engine mpi" in said


class TestFix:
    @pytest.mark.slow
    def test_scores_against_the_truth(self, tmp_path: Path, gray_scene: Scene) -> None:
        pair = save_pair(tmp_path, gray_scene)
        truth = save(tmp_path / "truth.png", linear_to_srgb(gray_scene.sharp) * 65535)
        options = ("--engine", "mpi", "--truth", truth, "--json")
        report = json.loads(run("fix", *pair, *options).stdout)
        mean = linear_to_srgb((gray_scene.left + gray_scene.right) / 2)
        error = np.mean((mean - linear_to_srgb(gray_scene.sharp)) ** 2)
        assert report["input"]["psnr"] == pytest.approx(-10 * math.log10(error), abs=0.02)
        assert report["result"]["psnr"] > report["input"]["psnr"] + 1.5

    def test_raw_numbers_are_scored_as_the_calibration_reads_them(
        self, tmp_path: Path, gray_scene: Scene
    ) -> None:
        write_calibration(tmp_path / "lens.npz", calibration_of(levels=(BLACK, WHITE)))
        pair = [
            save(tmp_path / f"{side}.png", BLACK + WHITE * view)
            for side, view in (("l", gray_scene.left), ("r", gray_scene.right))
        ]
        truth = save(tmp_path / "truth.png", linear_to_srgb(gray_scene.sharp) * 65535)
        options = ("--engine", "mpi", "--method", "fast", "--calibration", tmp_path / "lens.npz")
        report = json.loads(run("fix", *pair, *options, "--truth", truth, "--json").stdout)
        assert report["run"]["settings"]["method"] == "fast"
        mean = linear_to_srgb((gray_scene.left + gray_scene.right) / 2)
        error = np.mean((mean - linear_to_srgb(gray_scene.sharp)) ** 2)
        assert report["input"]["psnr"] == pytest.approx(-10 * math.log10(error), abs=0.02)
        assert report["result"]["psnr"] > report["input"]["psnr"] + 1.5


class TestPreview:
    @pytest.mark.parametrize(
        "defocus",
        [
            np.full((20, 30), 2.0),
            np.zeros((20, 30)),
            np.linspace(-9, -1, 600).reshape(30, 20),
            np.linspace(-0.01, 5, 3000).reshape(3, 1000),
        ],
    )
    def test_any_map_can_be_drawn(self, tmp_path: Path, defocus: Array) -> None:
        draw_defocus(tmp_path / "map.png", defocus.astype(np.float32))
        height, width = read_picture(tmp_path / "map.png").srgb().shape[:2]
        assert 200 < min(width, height) <= max(width, height) < 1200
