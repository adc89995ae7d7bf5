"""The commands as a user types them."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLE, write_pair
from PIL import ExifTags, Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from typer.testing import CliRunner, Result

import dpdeblur
from dpdeblur.cli import app
from dpdeblur.cli._options import Precision, ProtocolName
from dpdeblur.colour import srgb_to_linear
from dpdeblur.evaluation import PROTOCOLS
from dpdeblur.io import read_picture, write_picture
from dpdeblur.pair import DPViews

COMMANDS = ("fix", "split", "batch", "map", "score", "info", "train", "eval", "synth")
Pair = tuple[Path, Path]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def failure(result: Result) -> str:
    """The one sentence of a command that failed as it should."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr
    return result.stderr


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_examples_and_output_switches(self, command: str) -> None:
        text = run(command, "--help").stdout
        assert f"dpdeblur {command}" in text
        assert "Example" in text
        assert "--json" in text
        assert "--quiet" in text

    @pytest.mark.parametrize("command", ["fix", "map"])
    def test_help_needs_no_torch(self, command: str) -> None:
        code = (
            "import sys\nfrom dpdeblur.cli import app\n"
            f"try:\n    app(['{command}', '--help'])\nexcept SystemExit:\n    pass\n"
            "heavy = {'torch', 'numpy', 'cv2', 'skimage'} & sys.modules.keys()\nassert not heavy"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    def test_version(self) -> None:
        assert run("--version").stdout == f"dpdeblur {dpdeblur.__version__}\n"

    def test_choices_are_those_of_the_library(self) -> None:
        from dpdeblur.device import PRECISIONS

        assert {choice.value for choice in ProtocolName} == set(PROTOCOLS)
        assert {choice.value for choice in Precision} == {"auto", *PRECISIONS}


class TestFix:
    def test_names_the_result_after_the_pair_and_keeps_16_bits(self, pair: Pair) -> None:
        result = run("fix", *pair)
        assert result.exit_code == 0, result.stderr
        output = pair[0].with_name("a_sharp.png")
        assert result.stdout.startswith(str(output))
        info = read_picture(output).info
        assert info.bit_depth == 16

    def test_result_is_the_librarys(self, pair: Pair, small_views: DPViews) -> None:
        output = pair[0].with_name("out.tif")
        assert run("fix", *pair, "-o", output, "--precision", "fp32").exit_code == 0
        expected = dpdeblur.deblur(small_views.left, small_views.right, precision="fp32")
        np.testing.assert_allclose(read_picture(output).pixels, expected, atol=1e-5)

    def test_same_input_same_bytes(self, pair: Pair) -> None:
        for name in ("one.png", "two.png"):
            run("fix", *pair, "-o", pair[0].with_name(name))
        one, two = (pair[0].with_name(name).read_bytes() for name in ("one.png", "two.png"))
        assert one == two

    def test_scores_against_the_truth(self, pair: Pair, small_views: DPViews) -> None:
        truth = pair[0].with_name("truth.png")
        write_picture(truth, small_views.right, bit_depth=16)
        result = run("fix", *pair, "--truth", truth, "--json")
        report = json.loads(result.stdout)
        expected = peak_signal_noise_ratio(
            read_picture(truth).pixels.astype(float),
            small_views.combined().astype(float),
            data_range=1,
        )
        assert report["input"]["psnr"] == pytest.approx(expected, abs=1e-3)
        assert report["result"]["psnr"] != report["input"]["psnr"]
        assert report["protocol"] == "dpdd"
        assert "PSNR" in run("fix", *pair, "--truth", truth, "--overwrite").stdout

    @pytest.mark.parametrize("command", ["fix", "batch"])
    @pytest.mark.parametrize("tag", [3, 6, 8])
    def test_network_sees_sensor_rows_of_rotated_pictures(
        self, tmp_path: Path, small_views: DPViews, command: str, tag: int
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
            read_picture(tmp_path / name / "a.png").pixels for name in ("turned", "plain")
        )
        quarters = {3: 2, 6: 3, 8: 1}[tag]
        assert np.array_equal(turned, np.rot90(plain, quarters))

    def test_json_is_one_document(self, pair: Pair) -> None:
        result = run("fix", *pair, "--json", "--strip-height", "16")
        report = json.loads(result.stdout)
        assert (report["width"], report["height"]) == (59, 50)
        assert report["strips"] == 4
        assert Path(report["output"]).is_file()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
    def test_says_how_much_memory_was_held(self, pair: Pair) -> None:
        assert " GiB at most (cpu, " in run("fix", *pair, "--device", "cpu").stdout
        options = ("--device", "cpu", "--json", "--overwrite")
        report = json.loads(run("fix", *pair, *options).stdout)
        assert 1e8 < report["peak_memory"] < 1e11

    def test_metadata_is_kept_unless_unwanted(self, tmp_path: Path, small_views: DPViews) -> None:
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

    def test_quiet_says_nothing(self, pair: Pair) -> None:
        result = run("fix", *pair, "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")

    @pytest.mark.parametrize("name", ["[a]", "[/a]", ":fire:", "\\[red]", "two words", "日本"])
    def test_any_name(self, tmp_path: Path, small_views: DPViews, name: str) -> None:
        views = write_pair(tmp_path, name, small_views.left, small_views.right)
        output = tmp_path / f"{name}_sharp.png"
        assert run("fix", *views).stdout.startswith(f"{output} ")
        assert output.is_file()
        assert str(output) in failure(run("fix", *views))
        assert f" {name} " in run("batch", tmp_path, tmp_path / "out").stdout

    def test_names_that_contradict_the_order(self, pair: Pair) -> None:
        result = run("fix", pair[1], pair[0])
        assert result.exit_code == 0
        assert "Warning: By their names" in result.stderr
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
        assert read_picture(output).pixels.shape == (50, 59, 3)

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
            (b"just text", "not a PNG, TIFF or JPEG"),
            ("truncated", "cut short"),
            ("identical", "identical"),
            ("smaller", "differ in size"),
        ],
    )
    def test_bad_views(self, pair: Pair, right: object, says: str) -> None:
        left, path = pair
        whole, pixels = path.read_bytes(), read_picture(left).pixels
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
            (("-o", "out.webp"), "unknown format"),
            (("--weights", "nope"), "nope"),
            (("--device", "cuda:99"), "cuda:99"),
            (("--device", "toaster"), "toaster"),
            (("--max-memory", "much"), "much"),
            (("--max-memory", "1kB"), "--max-memory"),
            (("--truth", "nowhere.png"), "nowhere.png"),
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

        monkeypatch.setattr("dpdeblur.engines.network._Run.compute", interrupted)
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
    return read_picture(output).pixels


class TestExample:
    """What the README promises of the bundled pair."""

    def test_is_sharper(self, restored: np.ndarray, example: DPViews) -> None:
        def detail(picture: np.ndarray) -> float:
            return float((np.diff(picture[..., 1], axis=1) ** 2).mean())

        assert detail(restored) > 1.2 * detail(example.combined())

    def test_is_the_same_picture(self, restored: np.ndarray, example: DPViews) -> None:
        combined = example.combined()
        # Blur spreads light but keeps its amount, per colour.
        light = [srgb_to_linear(picture).mean((0, 1)) for picture in (restored, combined)]
        np.testing.assert_allclose(*light, rtol=0.03)
        assert peak_signal_noise_ratio(combined, restored, data_range=1) > 25


class TestScore:
    @pytest.fixture
    def folders(self, tmp_path: Path, small_views: DPViews) -> tuple[Path, Path, Path]:
        rng = np.random.default_rng(0)
        names = tmp_path / "made", tmp_path / "truth", tmp_path / "input"
        for stem in ("x/one", "two"):
            for folder, amount in zip(names, (0.02, 0.0, 0.05), strict=True):
                noise = rng.normal(0, amount, small_views.left.shape).astype(np.float32)
                pixels = (small_views.left + noise).clip(0, 1)
                write_picture(folder / f"{stem}.png", pixels, bit_depth=16)
        return names

    def test_agrees_with_scikit_image(self, folders: tuple[Path, Path, Path]) -> None:
        made, truth, untouched = folders
        report = json.loads(run("score", made, truth, "--input", untouched, "--json").stdout)
        assert [picture["name"] for picture in report["pictures"]] == ["two", "x/one"]
        for picture in report["pictures"]:
            for kind, folder in (("result", made), ("input", untouched)):
                name = f"{picture['name']}.png"
                pixels, sharp = (
                    read_picture(place / name).pixels.astype(np.float64)
                    for place in (folder, truth)
                )
                psnr = peak_signal_noise_ratio(sharp, pixels, data_range=1)
                ssim = structural_similarity(sharp, pixels, data_range=1, channel_axis=2)
                assert picture[kind]["psnr"] == pytest.approx(psnr, abs=1e-6)
                assert picture[kind]["ssim"] == pytest.approx(ssim, abs=1e-6)
                assert picture[kind]["mae"] == pytest.approx(
                    np.abs(pixels - sharp).mean(), abs=1e-6
                )
        for kind in ("result", "input"):
            for key in ("psnr", "ssim", "mae"):
                each = [picture[kind][key] for picture in report["pictures"]]
                assert report["mean"][kind][key] == pytest.approx(sum(each) / 2, abs=1e-9)

    def test_says_protocol_and_versions(self, folders: tuple[Path, Path, Path]) -> None:
        text = run("score", *folders[:2], "--protocol", "dpdd-8bit").stdout
        assert "dpdd-8bit" in text
        assert "scikit-image" in text
        assert "mean" in text

    def test_table_as_csv(self, folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
        table = tmp_path / "scores.csv"
        report = json.loads(run("score", *folders[:2], "--csv", table, "--json").stdout)
        rows = list(csv.DictReader(table.read_text().splitlines()))
        assert [row["name"] for row in rows] == ["two", "x/one", ""]
        assert [row["kind"] for row in rows] == ["result", "result", "mean result"]
        assert float(rows[-1]["psnr"]) == report["mean"]["result"]["psnr"]

    def test_exposure_matched_beside_the_plain_scores(
        self, folders: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        made, truth, untouched = folders
        for path in made.rglob("*.png"):
            darker = read_picture(path).pixels * np.float32([0.9, 0.8, 0.85])
            write_picture(path, darker, bit_depth=16, overwrite=True)
        table = tmp_path / "scores.csv"
        arguments = ("score", made, truth, "--input", untouched)
        plain = json.loads(run(*arguments, "--json").stdout)
        options = (*arguments, "--match-exposure", "--csv", table)
        report = json.loads(run(*options, "--json").stdout)
        for kind, folder in (("result", made), ("input", untouched)):
            matched = [each[kind]["matched"] for each in report["pictures"]]
            for each, before, found in zip(
                report["pictures"], plain["pictures"], matched, strict=True
            ):
                pixels, sharp = (
                    read_picture(place / f"{each['name']}.png").pixels.astype(np.float64)
                    for place in (folder, truth)
                )
                for channel, gain in enumerate(found["channel_gains"]):
                    columns = pixels[..., channel].reshape(-1, 1), sharp[..., channel].ravel()
                    assert gain == pytest.approx(np.linalg.lstsq(*columns, rcond=None)[0][0])
                pixels = (pixels * found["channel_gains"]).clip(0, 1)
                psnr = peak_signal_noise_ratio(sharp, pixels, data_range=1)
                assert found["psnr"] == pytest.approx(psnr, abs=1e-6)
                assert {"matched": found, **before[kind]} == each[kind]
            mean = report["mean"][kind]["matched"]
            assert set(mean) == {"psnr", "ssim", "mae"}
            assert mean["psnr"] == pytest.approx(np.mean([each["psnr"] for each in matched]))
        assert report["mean"]["result"]["matched"]["psnr"] > 2 + report["mean"]["result"]["psnr"]
        assert report["protocol"]["name"] == "dpdd"
        assert report["protocol"]["matched"]["name"] == "dpdd, each channel's gain matched"
        rows = list(csv.DictReader(table.read_text().splitlines()))
        for row, each in zip(rows, [*report["pictures"], report["mean"]], strict=False):
            assert float(row["psnr"]) == each["result"]["psnr"]
            assert float(row["matched_mae"]) == each["result"]["matched"]["mae"]
        text = run(*options, "--overwrite").stdout
        assert "Matched PSNR" in text
        assert f" {report['mean']['result']['matched']['psnr']:.2f} " in text
        assert "Protocol dpdd, each channel's gain matched: " in text
        assert "atched" not in run(*arguments).stdout

    def test_tables_and_pictures_are_not_replaced(self, pair: Pair) -> None:
        before = pair[1].read_bytes()
        assert "one of the inputs" in failure(run("score", *pair, "--csv", pair[1], "--overwrite"))
        table = pair[1].with_name("t.csv")
        table.write_text("mine")
        assert "--overwrite" in failure(run("score", *pair, "--csv", table))
        assert pair[1].read_bytes() == before
        assert "written" in failure(run("score", *pair, "--csv", pair[1] / "x.csv"))

    def test_equal_pictures_are_valid_json(self, pair: Pair) -> None:
        report = json.loads(run("score", pair[0], pair[0], "--json").stdout)
        assert report["mean"]["result"] == {"psnr": None, "ssim": 1.0, "mae": 0.0}
        assert "inf" in run("score", pair[0], pair[0]).stdout

    def test_sizes_must_agree(self, pair: Pair, tmp_path: Path) -> None:
        write_picture(tmp_path / "b.png", read_picture(pair[0]).pixels[:30])
        sentence = failure(run("score", pair[0], tmp_path / "b.png"))
        assert "size" in sentence
        assert "b.png" in sentence

    def test_left_out_pictures_are_named(self, folders: tuple[Path, Path, Path]) -> None:
        (folders[1] / "two.png").unlink()
        result = run("score", *folders[:2])
        assert result.exit_code == 0
        assert "two.png has no counterpart" in result.stderr
        report = json.loads(run("score", *folders[:2], "--json").stdout)
        assert report["unmatched"]["predictions"] == [str(folders[0] / "two.png")]
        assert len(report["warnings"]) == 1


class TestBatch:
    @pytest.fixture
    def source(self, tmp_path: Path, small_views: DPViews) -> Path:
        source = tmp_path / "in"
        for index, stem in enumerate(("a", "day/b", "day/c")):
            shifted = np.roll(small_views.left, index, 0), np.roll(small_views.right, index, 0)
            (source / stem).parent.mkdir(parents=True, exist_ok=True)
            write_pair(source, stem, *shifted)
        (source / "day" / "lonely_L.png").write_bytes(b"")
        return source

    def test_keeps_the_tree_and_goes_on_after_failures(self, source: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        broken = source / "day" / "b_R.png"
        whole = broken.read_bytes()
        broken.write_bytes(whole[:100])
        result = run("batch", source, out)
        assert result.exit_code == 1
        assert "2 done, 0 skipped, 1 failed" in result.stdout
        quiet = run("batch", source, tmp_path / "quiet", "--quiet")
        assert (quiet.exit_code, quiet.stdout) == (1, "")
        assert "day/b failed" in quiet.stderr
        assert "lonely_L.png has no partner" in result.stderr
        written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
        assert written == ["a.png", "batch.json", "day/c.png"]

        broken.write_bytes(whole)
        again = json.loads(run("batch", source, out, "--json").stdout)
        assert (again["done"], again["skipped"], again["failed"]) == (1, 2, 0)
        statuses = {
            p["name"]: p["status"] for p in json.loads((out / "batch.json").read_text())["pictures"]
        }
        assert statuses == {"a": "done", "day/b": "done", "day/c": "done"}

    def test_equals_fix(self, source: Path, tmp_path: Path) -> None:
        run("batch", source, tmp_path / "out", "--format", "tif")
        run("fix", source / "a_L.png", source / "a_R.png", "-o", tmp_path / "one.tif")
        batched = read_picture(tmp_path / "out" / "a.tif").pixels
        assert np.array_equal(batched, read_picture(tmp_path / "one.tif").pixels)

    def test_pairs_from_a_table(self, source: Path, tmp_path: Path) -> None:
        table = tmp_path / "list.csv"
        table.write_text("left,right,name\nday/b_L.png,day/b_R.png,mine\n")
        result = run("batch", source, tmp_path / "out", "--pairs", table, "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
        assert (tmp_path / "out" / "mine.png").is_file()

    def test_no_pairs(self, tmp_path: Path) -> None:
        assert "No pairs" in failure(run("batch", tmp_path, tmp_path / "out"))
        assert "does not exist" in failure(run("batch", tmp_path / "none", tmp_path / "out"))


class TestInfo:
    def test_weights_and_versions(self) -> None:
        report = json.loads(run("info", "--json").stdout)
        assert report["versions"]["dpdeblur"] == dpdeblur.__version__
        assert report["weights"]["name"] == "mccnet"
        assert "cpu" in [device["name"] for device in report["devices"]]
        assert "mccnet" in run("info").stdout

    def test_cost_against_the_paper(self) -> None:
        report = json.loads(run("info", "--cost", "--json").stdout)
        ours, paper = report["configurations"]["MCCNet"], report["paper"]
        assert math.isclose(ours["parameters"], paper["parameters"], rel_tol=1e-3)
        assert math.isclose(ours["paper_count"], paper["multiply_adds"], rel_tol=3e-3)
        assert "978.79" in run("info", "--cost").stdout


def test_train_makes_weights_that_fix_takes(pair: Pair, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    blocks = rng.random((40, 40, 3)).astype(np.float32).repeat(13, 0).repeat(13, 1)
    (tmp_path / "photos").mkdir()
    write_picture(tmp_path / "photos" / "blocks.png", blocks, bit_depth=8)
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        'photos = "photos"\nsteps = 2\nwarm_up = 1\nprecision = "fp32"\n'
        "[[stages]]\nheight = 16\nwidth = 16\nbatch = 1\n"
        '[model]\nbody = "paper"\nlevels = 1\ndecoder_widths = [8, 8, 8]\ntail_width = 4\n'
    )
    result = run("train", recipe, "-o", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.stderr
    weights = Path(json.loads(result.stdout)["weights"])
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 2
    assert run("fix", *pair, "--weights", weights).exit_code == 0

    recipe.write_text("stepz = 2\n")
    assert "stepz" in failure(run("train", recipe))
