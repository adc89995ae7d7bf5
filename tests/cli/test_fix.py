"""`dpdeblur fix` as a user types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from skimage.filters import gaussian
from skimage.metrics import peak_signal_noise_ratio

import dpdeblur
from dpdeblur.colour import srgb_to_linear
from dpdeblur.io import read_picture, write_picture
from dpdeblur.pair import DualPixelPair
from support.command import failure, run
from support.pairs import EXAMPLE, write_pair

Pair = tuple[Path, Path]


class TestFix:
    def test_names_the_result_after_the_pair_and_keeps_16_bits(self, pair: Pair) -> None:
        result = run("fix", *pair)
        assert result.exit_code == 0, result.stderr
        output = pair[0].with_name("a_sharp.png")
        assert result.stdout.startswith(str(output))
        info = read_picture(output).info
        assert info.bit_depth == 16

    def test_result_is_the_librarys(self, pair: Pair, small_views: DualPixelPair) -> None:
        output = pair[0].with_name("out.tif")
        assert run("fix", *pair, "-o", output, "--precision", "fp32").exit_code == 0
        expected = dpdeblur.deblur(small_views.left, small_views.right, precision="fp32")
        # From files, smaller scales have 16 bits as well, and arrays floats, which the next scale
        # may amplify.
        np.testing.assert_allclose(read_picture(output).srgb(), expected, atol=3 / 65535)

    @pytest.mark.slow
    def test_same_input_same_bytes(self, pair: Pair) -> None:
        for name in ("one.png", "two.png"):
            run("fix", *pair, "-o", pair[0].with_name(name))
        one, two = (pair[0].with_name(name).read_bytes() for name in ("one.png", "two.png"))
        assert one == two

    def test_scores_against_the_truth(self, pair: Pair, small_views: DualPixelPair) -> None:
        truth = pair[0].with_name("truth.png")
        write_picture(truth, small_views.right, bit_depth=16)
        result = run("fix", *pair, "--truth", truth, "--json")
        report = json.loads(result.stdout)
        expected = peak_signal_noise_ratio(
            read_picture(truth).srgb().astype(float),
            small_views.combined().astype(float),
            data_range=1,
        )
        assert report["input"]["psnr"] == pytest.approx(expected, abs=1e-3)
        assert report["result"]["psnr"] != report["input"]["psnr"]
        assert report["protocol"] == "dpdd"
        assert "PSNR" in run("fix", *pair, "--truth", truth, "--overwrite").stdout

    @pytest.mark.parametrize("command", ["fix", "batch"])
    @pytest.mark.parametrize("tag", [3, 6, 8])
    @pytest.mark.slow
    def test_network_sees_sensor_rows_of_rotated_pictures(
        self, tmp_path: Path, small_views: DualPixelPair, command: str, tag: int
    ) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = tag
        for name, tags in (("plain", None), ("turned", exif)):
            folder = tmp_path / name
            folder.mkdir()
            for side, view in (("L", small_views.left), ("R", small_views.right)):
                codes = (view * 255).round().astype(np.uint8)
                Image.fromarray(codes).save(folder / f"a_{side}.png", exif=tags)
            if command == "fix":
                run("fix", folder / "a_L.png", folder / "a_R.png", "-o", folder / "a.png")
            else:
                run("batch", folder, folder)
        turned, plain = (
            read_picture(tmp_path / name / "a.png").srgb() for name in ("turned", "plain")
        )
        quarters = {3: 2, 6: 3, 8: 1}[tag]
        assert np.array_equal(turned, np.rot90(plain, quarters))

    def test_json_is_one_document(self, pair: Pair) -> None:
        result = run("fix", *pair, "--json", "--tile-size", "16")
        report = json.loads(result.stdout)
        assert (report["width"], report["height"]) == (59, 50)
        assert Path(report["output"]).is_file()
        how = report["run"]
        assert (how["engine"], how["tiles"], how["tile_size"]) == ("mccnet", 16, [16, 16])
        assert how["settings"]["weights"]["name"] == "mccnet"
        assert how["digest"] == how["settings"]["weights"]["sha256"]
        assert how["seconds"] > 0
        assert set(how["versions"]) == {"dpdeblur", "torch"}

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
    def test_says_how_much_memory_was_held(self, pair: Pair) -> None:
        told = run("fix", *pair, "--device", "cpu", "-v")
        assert " GiB at most (cpu, " in told.stdout
        assert " GiB at most (cpu, " not in told.stderr  # though -v tells more
        options = ("--device", "cpu", "--json", "--overwrite")
        report = json.loads(run("fix", *pair, *options).stdout)
        assert 1e8 < report["run"]["peak_memory"] < 1e11

    def test_metadata_is_kept_unless_unwanted(
        self, tmp_path: Path, small_views: DualPixelPair
    ) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.Model] = "Some Camera"
        for side, view in (("L", small_views.left), ("R", small_views.right)):
            codes = (view * 255).round().astype(np.uint8)
            Image.fromarray(codes).save(tmp_path / f"a_{side}.png", exif=exif)
        views = tmp_path / "a_L.png", tmp_path / "a_R.png"
        for options, model in (((), "Some Camera"), (("--no-metadata",), None)):
            assert (
                run("fix", *views, "-o", tmp_path / "o.png", "--overwrite", *options).exit_code == 0
            )
            with Image.open(tmp_path / "o.png") as picture:
                assert picture.getexif().get(ExifTags.Base.Model) == model

    @pytest.mark.parametrize("tag", [1, 6])
    def test_crop_is_a_part_of_the_upright_picture(
        self, tmp_path: Path, small_views: DualPixelPair, tag: int
    ) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = tag
        for side, view in (("L", small_views.left), ("R", small_views.right)):
            codes = (view * 255).round().astype(np.uint8)
            Image.fromarray(codes).save(tmp_path / f"a_{side}.png", exif=exif)
        views = tmp_path / "a_L.png", tmp_path / "a_R.png"
        run("fix", *views, "--precision", "fp32", "--compare", tmp_path / "both.png")
        result = run("fix", *views, "--precision", "fp32", "--crop", "7,11,20,30", "--json")
        report = json.loads(result.stdout)
        assert (report["crop"], report["width"], report["height"]) == ([7, 11, 20, 30], 20, 30)
        assert Path(report["output"]).name == "a_crop.png"
        whole, part = (read_picture(tmp_path / f"a_{kind}.png") for kind in ("sharp", "crop"))
        difference = part.codes() - whole.codes()[11:41, 7:27]
        assert np.abs(difference).max() <= 1
        both = read_picture(tmp_path / "both.png").codes()
        height, width = whole.samples.shape[:2]
        assert both.shape == (height, 2 * width + 8, 3)
        assert np.array_equal(both[:, width + 8 :], whole.codes())
        assert np.abs(both[:, :width] - whole.codes()).mean() > 0.1

    def test_a_compared_crop_with_its_scores(self, pair: Pair, small_views: DualPixelPair) -> None:
        truth, both = pair[0].with_name("truth.png"), pair[0].with_name("both.png")
        write_picture(truth, small_views.right, bit_depth=16)
        options = ("--truth", truth, "--crop", "8,8,24,20", "--compare", both, "--json")
        report = json.loads(run("fix", *pair, *options).stdout)
        part = np.s_[8:28, 8:32]
        expected = peak_signal_noise_ratio(
            read_picture(truth).srgb()[part].astype(float),
            small_views.combined()[part].astype(float),
            data_range=1,
        )
        assert report["input"]["psnr"] == pytest.approx(expected, abs=1e-3)
        assert read_picture(Path(report["compare"])).samples.shape == (20, 56, 3)

    def test_quiet_says_nothing(self, pair: Pair) -> None:
        result = run("fix", *pair, "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")

    @pytest.mark.parametrize("name", ["[a]", "[/a]", ":fire:", "\\[red]", "two words", "日本"])
    @pytest.mark.slow
    def test_any_name(self, tmp_path: Path, small_views: DualPixelPair, name: str) -> None:
        views = write_pair(tmp_path, name, small_views.left, small_views.right)
        output = tmp_path / f"{name}_sharp.png"
        assert run("fix", *views).stdout.startswith(f"{output} ")
        assert output.is_file()
        assert str(output) in failure(run("fix", *views))
        assert f" {name} " in run("batch", tmp_path, tmp_path / "out").stdout

    def test_names_that_contradict_the_order(self, pair: Pair) -> None:
        result = run("fix", pair[1], pair[0])
        assert result.exit_code == 0
        assert "Warning: The names say" in result.stderr
        report = json.loads(run("fix", pair[1], pair[0], "--json", "--overwrite").stdout)
        assert len(report["warnings"]) == 1

    def test_folders_are_refused(self, pair: Pair) -> None:
        assert "batch" in failure(run("fix", pair[0].parent, pair[1]))

    def test_keeps_what_is_there(self, pair: Pair) -> None:
        output = pair[0].with_name("a_sharp.png")
        output.write_bytes(b"precious")
        assert "--overwrite" in failure(run("fix", *pair))
        assert output.read_bytes() == b"precious"
        assert run("fix", *pair, "--overwrite").exit_code == 0
        assert read_picture(output).srgb().shape == (50, 59, 3)

    @pytest.mark.parametrize("which", ["left", "right", "truth"])
    def test_never_replaces_an_input(self, pair: Pair, which: str) -> None:
        truth = pair[0].with_name("truth.png")
        truth.write_bytes(pair[0].read_bytes())
        target = {"left": pair[0], "right": pair[1], "truth": truth}[which]
        before = target.read_bytes()
        result = run("fix", *pair, "--truth", truth, "-o", target, "--overwrite")
        assert "one of the inputs" in failure(result)
        assert target.read_bytes() == before

    @pytest.mark.parametrize(
        ("right", "says"),
        [
            (None, "does not exist"),
            (b"", "is empty"),
            (b"just text", "no picture of a known format"),
            ("truncated", "cut short; copy it again."),
            ("identical", "identical"),
            ("smaller", "differ in size"),
        ],
    )
    def test_bad_views(self, pair: Pair, right: object, says: str) -> None:
        left, path = pair
        whole, pixels = path.read_bytes(), read_picture(left).srgb()
        path.unlink()
        if isinstance(right, bytes):
            path.write_bytes(right)
        elif right == "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        elif right == "identical":
            path.write_bytes(left.read_bytes())
        elif right == "smaller":
            write_picture(path, pixels[:40], bit_depth=16)
        before = sorted(left.parent.iterdir())
        assert says in failure(run("fix", left, path))
        assert sorted(left.parent.iterdir()) == before

    @pytest.mark.parametrize(
        ("option", "says"),
        [
            (("-o", "out.gif"), "unknown format"),
            (("-o", "out"), "no extension"),
            (("-o", "."), "it is a folder; give the name of a file"),
            (("-o", "x" * 300), "name too long"),
            (("--weights", "nope"), "nope"),
            (("--device", "cuda:99"), "cuda:99"),
            (("--device", "toaster"), "toaster"),
            (("--max-memory", "much"), "much"),
            (("--max-memory", "1kB"), "--max-memory"),
            (("--truth", "nowhere.png"), "nowhere.png"),
            (("--protocol", "dpdd"), "--protocol: it is for scores; give --truth too"),
            (("--crop", "0,0,60,20"), "--crop: 0,0,60,20 reaches beyond the picture of 59x50"),
            (("--crop", "all"), "--crop: 'all' is not X,Y,W,H"),
            (("--compare", "out.gif"), "unknown format"),
        ],
    )
    def test_bad_options(self, pair: Pair, option: tuple[str, str], says: str) -> None:
        before = sorted(pair[0].parent.iterdir())
        assert says in failure(run("fix", *pair, *option))
        assert sorted(pair[0].parent.iterdir()) == before

    def test_errors_for_machines(self, pair: Pair) -> None:
        result = run("fix", pair[0], "missing.png", "--json")
        assert result.exit_code == 2
        assert json.loads(result.stdout)["error"]["type"] == "MissingFileError"

    def test_interrupt_leaves_nothing(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("dpdeblur.engines.tiled.TiledRun.compute", interrupted)
        before = sorted(pair[0].parent.iterdir())
        assert json.loads(run("fix", *pair, "--json").stdout)["error"]["type"] == "Interrupted"
        result = run("fix", *pair)
        assert result.exit_code == 130
        assert sorted(pair[0].parent.iterdir()) == before


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    output = tmp_path_factory.mktemp("example") / "sharp.png"
    result = run("fix", EXAMPLE / "l.png", EXAMPLE / "r.png", "-o", output)
    assert result.exit_code == 0, result.stderr
    return read_picture(output).srgb()


class TestExample:
    """What the README promises of the bundled pair."""

    @pytest.mark.slow
    def test_is_sharper(self, restored: np.ndarray, example: DualPixelPair) -> None:
        def detail(picture: np.ndarray) -> float:
            return float((np.diff(picture[..., 1], axis=1) ** 2).mean())

        assert detail(restored) > 1.2 * detail(example.combined())

    def test_is_the_same_picture(self, restored: np.ndarray, example: DualPixelPair) -> None:
        combined = example.combined()
        # Blur spreads light but keeps its amount, per colour.
        light = [srgb_to_linear(picture).mean((0, 1)) for picture in (restored, combined)]
        np.testing.assert_allclose(*light, rtol=0.03)
        # So do both, blurred until the lens's own blur no longer counts.
        far = [gaussian(srgb_to_linear(p), 8, channel_axis=-1) for p in (restored, combined)]
        assert peak_signal_noise_ratio(*far, data_range=1) > 40
