"""Raw files through the commands, as a photographer types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import ExifTags, Image

from dpdeblur.colour import combine, srgb_to_linear
from dpdeblur.engines import make_engine
from dpdeblur.io import read_picture, write_picture
from dpdeblur.io.colour_profile import linear_profile, srgb_profile
from dpdeblur.optics import DiskPSF, photograph
from dpdeblur.pair import DualPixelPair, read_pair
from dpdeblur.raw import RawOptions, read_raw_pair
from support.command import failure, run
from support.cr2_writer import write_cr2
from support.dual_pixel_raw import WHITE, camera_colours, smooth_scene, write_scene
from support.other_raws import CASES
from support.pairs import write_pair

FAST = ("--size", "48")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A portrait, its bottom to the left: 96 x 128 pixels of the sensor."""
    path = tmp_path / "in" / "IMG_1.CR2"
    path.parent.mkdir()
    write_scene(path, *map(camera_colours, smooth_scene()), orientation=6)
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


class TestSplit:
    def test_writes_upright_16_bit_views_beside_the_photo(self, photo: Path) -> None:
        result = run("split", photo)
        assert result.exit_code == 0, result.stderr
        assert files(photo.parent) == ["IMG_1.CR2", "IMG_1_left.tif", "IMG_1_right.tif"]
        for side in ("left", "right"):
            path = photo.with_name(f"IMG_1_{side}.tif")
            assert f"{path}  96x128" in result.stdout
            assert tifffile.imread(path).shape == (128, 96, 3)
            assert tifffile.imread(path).dtype == np.uint16
            info = read_picture(path).info
            assert info.icc == srgb_profile()
            with Image.open(path) as picture:
                tags = picture.getexif()
                assert tags[ExifTags.Base.Model] == "Canon EOS 5D Mark IV"
                assert tags.get(ExifTags.Base.Orientation, 1) == 1
                assert tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == 1 / 250
        assert "Frame 1 is assumed to be the left view" in result.stderr

    def test_options(self, photo: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        options = ("--format", "png", "--combined", "--half", "--balance", "off")
        report = json.loads(run("split", photo, "-o", out, *options, "--json").stdout)
        assert files(out) == [f"IMG_1_{name}.png" for name in ("combined", "left", "right")]
        assert (report["width"], report["height"], report["frame_1"]) == (48, 64, "left")
        pictures = {name: read_picture(Path(path)) for name, path in report["views"].items()}
        light = {name: srgb_to_linear(p.srgb().astype(float)) for name, p in pictures.items()}
        mean = (light["left"] + light["right"]) / 2
        np.testing.assert_allclose(mean, light["combined"], atol=1e-4)

    def test_views_change_sides(self, photo: Path, tmp_path: Path) -> None:
        run("split", photo, "-o", tmp_path / "a")
        result = run("split", photo, "-o", tmp_path / "b", "--swap-views")
        assert "Frame 1 is used as the right view" in result.stderr
        one, other = (
            tifffile.imread(tmp_path / place) for place in ("a/IMG_1_left.tif", "b/IMG_1_right.tif")
        )
        assert np.array_equal(one, other)

    def test_linear_light(self, photo: Path, tmp_path: Path) -> None:
        run("split", photo, "-o", tmp_path / "a")
        run("split", photo, "-o", tmp_path / "b", "--linear")
        encoded, linear = (
            tifffile.imread(tmp_path / place / "IMG_1_left.tif") / 65535 for place in "ab"
        )
        np.testing.assert_allclose(srgb_to_linear(encoded), linear, atol=5e-5)
        with tifffile.TiffFile(tmp_path / "b" / "IMG_1_left.tif") as file:
            assert file.pages[0].tags[34675].value == linear_profile()  # type: ignore[union-attr]
        assert run("split", photo, "-o", tmp_path / "c", "--format", "exr").exit_code == 0
        assert files(tmp_path / "c") == ["IMG_1_left.exr", "IMG_1_right.exr"]
        # Whoever heeds the profile sees the same picture.
        heeded = read_picture(tmp_path / "b" / "IMG_1_left.tif").srgb()
        np.testing.assert_allclose(heeded, encoded, atol=1e-3)

    @pytest.mark.slow
    def test_a_portraits_views_go_through_the_network_by_the_sensors_rows(
        self, photo: Path, tmp_path: Path
    ) -> None:
        plain = "--weights", "paper"  # they expect no tone curve, which only raw files surely lack
        for ending in ("tiff", "png"):
            run("split", photo, "-o", tmp_path / ending, "--format", ending)
            left, right = sorted((tmp_path / ending).iterdir())
            views, direct = read_pair(left, right), read_raw_pair(photo)
            np.testing.assert_allclose(views.left, direct.left, atol=1e-5)
            np.testing.assert_allclose(views.right, direct.right, atol=1e-5)
            target = tmp_path / f"{ending}.tif"
            assert run("fix", left, right, "-o", target, *plain).exit_code == 0
        run("fix", photo, "--size", "full", "-o", tmp_path / "direct.tif", *plain)
        for ending in ("tiff", "png"):
            np.testing.assert_allclose(
                read_picture(tmp_path / f"{ending}.tif").srgb(),
                read_picture(tmp_path / "direct.tif").srgb(),
                atol=1e-3,
            )

    def test_a_file_is_no_folder(self, photo: Path) -> None:
        other = photo.with_name("IMG_2.CR2")
        other.write_bytes(b"precious")
        for place in (other, photo, other / "below"):
            assert "is not a folder" in failure(run("split", photo, "-o", place))
        assert files(photo.parent) == ["IMG_1.CR2", "IMG_2.CR2"]

    def test_keeps_what_is_there(self, photo: Path) -> None:
        there = photo.with_name("IMG_1_right.tif")
        there.write_bytes(b"precious")
        assert "--overwrite" in failure(run("split", photo))
        assert files(photo.parent) == ["IMG_1.CR2", "IMG_1_right.tif"]
        assert there.read_bytes() == b"precious"
        assert run("split", photo, "--overwrite").exit_code == 0
        assert run("split", photo, "--overwrite", "--quiet").stderr == ""

    def test_without_metadata(self, photo: Path) -> None:
        assert run("split", photo, "--no-metadata").exit_code == 0
        info = read_picture(photo.with_name("IMG_1_left.tif")).info
        assert (info.xmp, info.icc) == (None, srgb_profile())


class TestFix:
    def test_result_is_the_librarys_upright(self, photo: Path, tmp_path: Path) -> None:
        result = run("fix", photo, *FAST, "--precision", "fp32", "--save-views", tmp_path / "views")
        assert result.exit_code == 0, result.stderr
        assert "Frame 1 is assumed to be the left view" in result.stderr
        output = photo.with_name("IMG_1_sharp.png")
        assert result.stdout.startswith(f"{output}  36x48")
        views = read_raw_pair(photo, RawOptions(size=48))
        expected = make_engine(precision="fp32").run(views).image
        written = read_picture(output)
        np.testing.assert_allclose(written.srgb(), np.rot90(expected, -1), atol=1e-5)
        assert written.info.bit_depth == 16
        assert written.info.icc == srgb_profile()
        with Image.open(output) as picture:
            assert picture.getexif()[ExifTags.Base.Model] == "Canon EOS 5D Mark IV"
        assert files(tmp_path / "views") == ["IMG_1_left.tif", "IMG_1_right.tif"]
        left = read_picture(tmp_path / "views" / "IMG_1_left.tif").srgb()
        np.testing.assert_allclose(left, np.rot90(views.left, -1), atol=1e-4)

    @pytest.mark.slow
    def test_full_size_in_strips(self, photo: Path) -> None:
        report = json.loads(
            run("fix", photo, "--size", "full", "--tile-size", "32", "--json").stdout
        )
        assert (report["width"], report["height"], report["run"]["tiles"]) == (96, 128, 12)
        assert (report["frame_1"], report["views"]) == ("left", {})
        assert "smallest tiles" in failure(run("fix", photo, "--max-memory", "1MB", "--overwrite"))

    @pytest.mark.parametrize(
        ("option", "says"),
        [
            (("--size", "huge"), "huge"),
            (("--size", "8"), "at least 16"),
            (("-o", "out.gif"), "unknown format"),
            (("--truth", "nowhere.png"), "nowhere.png"),
            (("--size", "20"), "--size: 20 makes"),
        ],
    )
    def test_bad_options(self, photo: Path, option: tuple[str, str], says: str) -> None:
        assert says in failure(run("fix", photo, *option))
        assert files(photo.parent) == ["IMG_1.CR2"]

    def test_raws_are_given_alone(self, photo: Path, pair: tuple[Path, Path]) -> None:
        other = photo.with_name("IMG_2.cr3")
        other.write_bytes(photo.read_bytes())
        for pictures in ((photo, other), (pair[0], photo)):
            assert "holds both views; give only this file" in failure(run("fix", *pictures))
        for pictures in ((photo,), pair):
            said = failure(run("fix", *pictures, "--truth", other))
            assert "it is a raw file or holds only a preview" in said

    def test_wishes(self, photo: Path) -> None:
        point = ("--focus-at", "40,100")  # of the upright picture
        result = run("fix", photo, "--size", "full", *point, "--json")
        assert result.exit_code == 0, result.stderr
        report = json.loads(result.stdout)
        assert (report["width"], report["height"], report["frame_1"]) == (96, 128, "left")
        assert report["run"]["settings"]["wishes"]["focus_at"] == [[40, 100]]
        assert "What lies at 40,100 is blurred by" in report["run"]["notes"][-1]
        assert "40,100 lies outside" in failure(run("fix", photo, *FAST, *point, "--overwrite"))

    def test_saved_views_do_not_replace_the_result(self, photo: Path, tmp_path: Path) -> None:
        views = tmp_path / "views"
        views.mkdir()
        (tmp_path / "link").symlink_to(views)
        for output in (views / "IMG_1_left.tif", tmp_path / "link" / "IMG_1_right.tif"):
            options = ("--save-views", views, "-o", output, "--overwrite")
            assert " is to be written there; choose another name" in failure(
                run("fix", photo, *FAST, *options)
            )
        both = ("--save-views", tmp_path / "x.tif", "-o", tmp_path / "x.tif")
        assert " is to be written there; choose another name" in failure(
            run("fix", photo, *FAST, *both)
        )
        assert files(tmp_path) == ["in/IMG_1.CR2"]

    def test_saved_views_replace_nothing(self, photo: Path) -> None:
        photo.with_name("IMG_1_left.tif").write_bytes(b"precious")
        assert "--overwrite" in failure(run("fix", photo, *FAST, "--save-views", photo.parent))
        assert files(photo.parent) == ["IMG_1.CR2", "IMG_1_left.tif"]

    @pytest.mark.parametrize(
        "option",
        [("--balance", "off"), ("--save-views", "x")],
    )
    def test_views_take_no_options_of_raws(
        self, pair: tuple[Path, Path], option: tuple[str, ...]
    ) -> None:
        assert f"{option[0]}: it is for raw files" in failure(run("fix", *pair, *option))

    def test_one_view_is_not_enough(self, pair: tuple[Path, Path]) -> None:
        assert "give the left and the right view" in failure(run("fix", pair[0]))

    @pytest.mark.slow
    def test_a_known_scene(self, tmp_path: Path, example: DualPixelPair) -> None:
        """A sharp picture, photographed out of focus by the optics, sampled by the sensor in its
        own colours, written as CR2: the result is nearer to the sharp picture than the ordinary
        photograph is."""
        sharp = np.ascontiguousarray(example.combined()[::2, ::2][:208, :320])
        light = srgb_to_linear(torch.from_numpy(sharp).permute(2, 0, 1)[None])
        views = photograph(light, torch.full((1, 1, 1, 1), 5.0), DiskPSF(0.85, 8))
        left, right = (view[0].clamp(0, 1).permute(1, 2, 0).double().numpy() for view in views)
        left[:4, :4] = right[:4, :4] = 1  # clipped, so that white is where the camera has it
        gains = np.array([2, 1, 1.5])
        path, truth = tmp_path / "a.cr2", tmp_path / "truth.png"
        write_scene(
            path,
            camera_colours(left) / gains,
            camera_colours(right) / gains,
            white_balance=(2048, 1024, 1024, 1536),
        )
        write_picture(truth, sharp)
        report = json.loads(run("fix", path, "--size", "full", "--truth", truth, "--json").stdout)
        assert report["input"]["psnr"] < 25
        assert report["result"]["psnr"] > report["input"]["psnr"] + 3
        assert report["result"]["ssim"] > report["input"]["ssim"] + 0.05
        swapped = json.loads(
            run(
                *("fix", path, "--size", "full", "--truth", truth, "--json"),
                *("--swap-views", "-o", tmp_path / "swapped.png"),
            ).stdout
        )
        assert swapped["input"] == pytest.approx(report["input"], abs=1e-3)
        # Exchanged, they are the views of a plane in front of the focus, which is restored, too.
        assert swapped["result"]["psnr"] > swapped["input"]["psnr"] + 2
        assert swapped["result"] != report["result"]


def test_refocus(photo: Path) -> None:
    result = run("refocus", photo, "--size", "full", "--at", "40,100", "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    output = photo.with_name("IMG_1_refocused.png")
    assert (report["output"], report["frame_1"]) == (str(output), "left")
    assert report["run"]["settings"]["wishes"]["at"] == [40, 100]
    assert read_picture(output).srgb().shape == (128, 96, 3)


@pytest.mark.parametrize("command", ["fix", "split"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.slow
def test_every_other_file_gets_its_sentence(tmp_path: Path, command: str, case: str) -> None:
    make, _, says = CASES[case]
    path = make(tmp_path)
    before = files(tmp_path)
    sentence = failure(run(command, path))
    assert says in sentence
    assert str(path) in sentence
    assert files(tmp_path) == before


class TestInfo:
    def test_of_a_dual_pixel_raw(self, photo: Path) -> None:
        report = json.loads(run("info", photo, "--json").stdout)
        assert report["model"] == "Canon EOS 5D Mark IV"
        assert (report["frames"], report["orientation"], report["usable"]) == (2, 6, True)
        assert (report["picture_size"], report["raw_size"]) == ([128, 96], [136, 108])
        assert report["black_levels"] == [[512] * 4] * 2
        assert report["white_level"] == WHITE
        assert report["light_share"] == pytest.approx(0.5, abs=0.03)
        assert report["problem"] is None
        text = run("info", photo).stdout
        for word in ("5D Mark IV", "128x96", "512", "yes"):
            assert word in text

    @pytest.mark.parametrize("case", ["single frame", "burst", "two sizes", "same twice"])
    def test_of_another_canon_raw(self, tmp_path: Path, case: str) -> None:
        make, kind, says = CASES[case]
        path = make(tmp_path)
        result = run("info", path, "--json")
        report = json.loads(result.stdout)
        assert (result.exit_code, report["usable"]) == (0, False)
        assert says in report["problem"]
        assert kind.__name__ == report["problem_type"]
        assert "no. " in run("info", path).stdout

    @pytest.mark.parametrize("option", [("--cost",), ("--weights", "mccnet")])
    def test_options_about_the_network(self, photo: Path, option: tuple[str, ...]) -> None:
        assert f"{option[0]}: it is about the network" in failure(run("info", photo, *option))

    @pytest.mark.parametrize("case", ["missing", "folder", "text", "dng", "cut in frame 1"])
    def test_of_what_it_cannot_look_into(self, tmp_path: Path, case: str) -> None:
        make, _, says = CASES[case]
        assert says in failure(run("info", make(tmp_path)))


class TestBatch:
    @pytest.fixture
    def source(self, photo: Path, small_views: DualPixelPair) -> Path:
        source = photo.parent
        (source / "day").mkdir()
        shutil.copy(photo, source / "day" / "b.cr2")
        write_pair(source / "day", "a", small_views.left, small_views.right)
        write_cr2(source / "day" / "one.cr2", [np.full((48, 64), 900, np.uint16)])
        (source / "day" / "torn.CR3").write_bytes(b"\0\0\0\x18ftypcrx ")
        return source

    def test_mixes_raws_and_pairs_and_goes_on(self, source: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        result = run("batch", source, out, *FAST)
        assert result.exit_code == 1
        assert "3 done, 0 skipped, 2 failed" in result.stdout
        assert "Frame 1 is assumed to be the left view" in result.stderr
        assert "Dual Pixel RAW was off" in result.stderr
        assert "torn.CR3 cannot be read" in result.stderr
        assert files(out) == ["IMG_1.png", "batch.json", "day/a.png", "day/b.png"]
        run("fix", source / "IMG_1.CR2", *FAST, "-o", tmp_path / "one.png")
        assert np.array_equal(
            read_picture(out / "IMG_1.png").srgb(), read_picture(tmp_path / "one.png").srgb()
        )
        manifest = json.loads((out / "batch.json").read_text())
        assert manifest["raw"] == {"size": 48, "half": False, "balance": True, "swap_views": False}
        records = {record["name"]: record for record in manifest["pictures"]}
        assert records["day/one"]["error_type"] == "SingleFrameError"
        raw, views = records["IMG_1"], records["day/a"]
        assert (raw["left"], raw["right"]) == ((source / "IMG_1.CR2").as_posix(), None)
        assert views["right"] == (source / "day" / "a_R.png").as_posix()

        again = json.loads(run("batch", source, out, *FAST, "--json").stdout)
        assert (again["done"], again["skipped"], again["failed"]) == (0, 3, 2)

    def test_formats(self, source: Path, tmp_path: Path) -> None:
        run("batch", source, tmp_path / "out", *FAST, "--format", "same")
        made = ["IMG_1.tif", "batch.json", "day/a.png", "day/b.tif"]
        assert files(tmp_path / "out") == made

    def test_views_beside_their_raw_are_not_restored_once_more(
        self, photo: Path, tmp_path: Path
    ) -> None:
        assert run("split", photo).exit_code == 0
        shutil.copy(photo, photo.with_name("IMG_2.dng"))
        result = run("batch", photo.parent, tmp_path / "out", *FAST)
        assert "1 done, 0 skipped, 0 failed" in result.stdout
        assert files(tmp_path / "out") == ["IMG_1.png", "batch.json"]
        assert "beside the raw file of the same name" in result.stderr
        assert "DNG files" in result.stderr
        manifest = json.loads((tmp_path / "out" / "batch.json").read_text())
        assert [record["right"] for record in manifest["pictures"]] == [None]

    @pytest.mark.slow
    def test_results_of_other_options_are_pointed_out(self, source: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"

        def again(*options: str) -> tuple[list[str], dict[str, Any]]:
            notes = json.loads(run("batch", source, out, *options, "--json").stdout)["notes"]
            records = json.loads((out / "batch.json").read_text())["pictures"]
            return notes, {record["name"]: record["raw"] for record in records}

        def made(size: int, **changes: bool) -> dict[str, Any]:
            return {"size": size, "half": False, "balance": True, "swap_views": False} | changes

        notes, raws = again(*FAST)
        first = {"IMG_1": made(48), "day/a": None, "day/b": made(48), "day/one": None}
        assert (notes, raws) == ([], first | {"day/torn": None})
        assert again(*FAST)[0] == []
        (source / "day" / "b.cr2").unlink()
        for options, count in (
            (("--size", "64"), "2 existing pictures were"),
            ((*FAST, "--swap-views"), "2 existing pictures were"),
            ((*FAST, "--balance", "off"), "1 existing picture was"),
        ):
            (note,), raws = again(*options)
            assert note.startswith(f"{count} made with other size, sides or balance; add --over")
            assert raws == first | {"day/torn": None}
        notes, raws = again("--size", "64", "--swap-views", "--overwrite")
        assert (notes, raws["IMG_1"]) == ([], made(64, swap_views=True))

    def test_options_for_raws_without_any(self, pair: tuple[Path, Path], tmp_path: Path) -> None:
        result = run("batch", pair[0].parent, tmp_path / "out", "--balance", "off")
        assert result.exit_code == 0
        assert "There is no raw file, so --balance had no effect." in result.stderr

    def test_files_and_patterns(self, photo: Path, pair: tuple[Path, Path], tmp_path: Path) -> None:
        shutil.copy(photo, photo.with_name("IMG_2.cr2"))
        pattern = photo.with_name("*_1.*")
        result = run("batch", pattern, *pair, tmp_path / "out", *FAST, "--dry-run", "--json")
        plan = json.loads(result.stdout)["pictures"]
        assert [Path(row["left"]) for row in plan] == sorted([photo, pair[0]])
        assert not (tmp_path / "out").exists()

    def test_a_folder_of_dngs(self, photo: Path, tmp_path: Path) -> None:
        photo.rename(photo.with_name("IMG_1.dng"))
        sentence = failure(run("batch", photo.parent, tmp_path / "out"))
        assert "no Canon raw file (CR2, CR3) is there but 1 DNG" in sentence
        assert not (tmp_path / "out").exists()

    def test_only_raws(self, photo: Path, tmp_path: Path) -> None:
        report: dict[str, Any] = json.loads(
            run("batch", photo.parent, tmp_path / "out", *FAST, "--json").stdout
        )
        assert (report["done"], report["failed"]) == (1, 0)

    def test_results_never_replace_the_raw(self, photo: Path) -> None:
        before = photo.read_bytes()
        assert run("batch", photo.parent, photo.parent, *FAST).exit_code == 0
        assert photo.read_bytes() == before
        assert files(photo.parent) == ["IMG_1.CR2", "IMG_1.png", "batch.json"]


def test_the_mean_of_saved_views_is_the_input(photo: Path, tmp_path: Path) -> None:
    """What `fix` scores as its input is what the views it saved combine to."""
    run("fix", photo, *FAST, "--save-views", tmp_path)
    left, right = (
        read_picture(tmp_path / f"IMG_1_{side}.tif").srgb() for side in ("left", "right")
    )
    truth = tmp_path / "truth.png"
    write_picture(truth, combine(left, right))
    options = ("--truth", truth, "--overwrite", "--json")
    report = json.loads(run("fix", photo, *FAST, *options).stdout)
    assert report["input"]["psnr"] > 80
