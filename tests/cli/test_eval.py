"""`dpdeblur eval` on a miniature of DPDD, against numbers computed without it."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn

import dpdeblur
from dpdeblur import device
from dpdeblur.colour import combine
from dpdeblur.datasets import find_truth_pairs
from dpdeblur.engines import Network, NetworkOptions
from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.evaluation import Rules, evaluate, evaluate_pair, means
from dpdeblur.io import read_picture, write_picture
from dpdeblur.models import PAPER, MCCNet, load_model, save_model
from dpdeblur.pair import DualPixelPair
from support import command
from support.photographed import Pictures, photographed, write_dpdd
from support.trees import fill
from support.unreadable import make_unreadable

NUMBERS = ("1P0A0010", "1P0A0020", "1P0A0030")
TINY = dataclasses.replace(
    PAPER,
    stem_width=4,
    encoder_widths=(4, 4, 4, 8),
    fusion_widths=(2, 2, 2),
    decoder_widths=(4, 4, 4),
    tail_width=4,
)


run = partial(command.run, "eval")


def report_of(*arguments: object, code: int = 0) -> dict[str, object]:
    result = run(*arguments, "--precision", "fp32", "--json")
    assert result.exit_code == code, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


@pytest.fixture(scope="module")
def pictures() -> dict[str, Pictures]:
    made = {
        number: photographed(radius=radius, seed=seed)
        for seed, (number, radius) in enumerate(zip(NUMBERS, (3.0, -4.0, 1.5), strict=True))
    }
    for each in made.values():
        each["combined"] = 0.97 * each["combined"]  # to be told from the views' mean
    return made


@pytest.fixture
def dpdd(tmp_path: Path, pictures: dict[str, Pictures]) -> Path:
    write_dpdd(tmp_path / "dpdd", "test", pictures)
    return tmp_path / "dpdd"


@pytest.fixture(scope="module")
def other_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = MCCNet(PAPER)
    nn.init.normal_(network.body.output_layer.weight, std=0.02)
    path = tmp_path_factory.mktemp("run") / "mccnet.safetensors"
    save_model(network, path, {})
    return path


def reference(picture: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    first, second = picture.astype(np.float64), truth.astype(np.float64)
    return {
        "psnr": peak_signal_noise_ratio(second, first, data_range=1),
        "ssim": structural_similarity(second, first, data_range=1, channel_axis=2),
        "mae": float(np.abs(first - second).mean()),
    }


def stored(pixels: np.ndarray) -> np.ndarray:
    return np.round(pixels.astype(np.float64) * 65535) / 65535


def close(expected: dict[str, float], scores: dict[str, float]) -> bool:
    return all(scores[key] == pytest.approx(expected[key], abs=2e-5) for key in expected)


class TestMiniature:
    def test_agrees_with_scikit_image(self, dpdd: Path, pictures: dict[str, Pictures]) -> None:
        report = report_of(dpdd, "--first-row", 7)
        assert [each["name"] for each in report["pictures"]] == list(NUMBERS)
        for each, pixels in zip(report["pictures"], pictures.values(), strict=True):
            views = (stored(pixels[side]).astype(np.float32) for side in ("left", "right"))
            restored = dpdeblur.deblur(*views, precision="fp32")[7:]
            truth, untouched = (stored(pixels[kind])[7:] for kind in ("sharp", "combined"))
            (result,) = each["results"]
            assert close(reference(untouched, truth), each["input"])
            assert close(reference(restored, truth), result)
            assert result["gain"] == result["psnr"] - each["input"]["psnr"]
            assert (result["run"]["device"], result["run"]["precision"]) == ("cpu", "fp32")
            assert each["error"] is None
        (mean,) = report["means"]
        assert (mean["group"], mean["pictures"], report["failed"]) == (None, 3, 0)
        for key in ("psnr", "ssim", "mae"):
            each = [picture["results"][0][key] for picture in report["pictures"]]
            assert mean["results"][0][key] == pytest.approx(np.mean(each), abs=1e-9)

    @pytest.mark.slow
    def test_says_how_it_was_made(self, dpdd: Path) -> None:
        report = report_of(dpdd, "--protocol", "dpdd-8bit")
        assert report["protocol"]["name"] == "dpdd-8bit"
        assert report["versions"]["dpdeblur"] == dpdeblur.__version__
        assert report["candidates"][0]["weights"]["sha256"] == load_model().sha256
        assert report["pictures"][0]["combined"].endswith("test_c/source/1P0A0010.png")
        assert report["pictures"][0]["truth"].endswith("test_c/target/1P0A0011.png")
        text = run(dpdd, "--first-row", 3)
        assert text.exit_code == 0
        for words in ("mccnet on", "(mean)", "Rows from 3", "Protocol dpdd:", "scikit-image"):
            assert words in text.stdout
        assert "the combined pictures of the data set" in text.stdout
        assert "[3/3] 1P0A0030: " in text.stderr

    @pytest.mark.slow
    def test_by_the_optimiser(self, dpdd: Path, tmp_path: Path) -> None:
        options = ("--engine", "mpi", "--method", "fast", "--save", tmp_path / "out")
        result = run(dpdd, *options, "--json")
        assert result.exit_code == 0, result.stderr
        report = json.loads(result.stdout)
        (candidate,) = report["candidates"]
        assert (candidate["name"], candidate["file"], candidate["method"]) == ("mpi", None, "fast")
        for each in report["pictures"]:
            (result,) = each["results"]
            assert result["run"]["engine"] == "mpi"
            saved = read_picture(tmp_path / "out" / f"{each['name']}.png").srgb()
            psnr = reference(saved, read_picture(Path(each["truth"])).srgb())["psnr"]
            assert result["psnr"] == pytest.approx(psnr, abs=1e-3)
        table = run(dpdd, *options[:4])
        assert "mpi: method fast, a generic lens" in table.stdout

    def test_without_combined_pictures_the_views_are(
        self, tmp_path: Path, pictures: dict[str, Pictures]
    ) -> None:
        pixels = pictures[NUMBERS[0]]
        for mark in ("left", "right", "sharp"):
            write_picture(tmp_path / f"a_{mark}.png", pixels[mark], bit_depth=16)
        report = report_of(tmp_path)
        left, right, truth = (stored(pixels[kind]) for kind in ("left", "right", "sharp"))
        assert close(reference(combine(left, right), truth), report["pictures"][0]["input"])
        assert report["pictures"][0]["combined"] is None
        assert "views' mean in linear light" in run(tmp_path).stdout

    @pytest.mark.slow
    def test_several_weights_side_by_side(
        self, dpdd: Path, tmp_path: Path, other_weights: Path
    ) -> None:
        out, table = tmp_path / "out", tmp_path / "scores.csv"
        options = ("--weights", "mccnet", "--weights", other_weights, "--save", out, "--csv", table)
        report = report_of(dpdd, *options)
        labels = [each["name"] for each in report["candidates"]]
        assert labels == ["weights/mccnet", f"{other_weights.parent.name}/mccnet"]
        single = report_of(dpdd, "--weights", other_weights)
        for both, alone in zip(report["pictures"], single["pictures"], strict=True):
            assert both["results"][1]["psnr"] == alone["results"][0]["psnr"]
            assert both["results"][0]["psnr"] != alone["results"][0]["psnr"]
        for each in report["pictures"]:
            truth = read_picture(Path(each["truth"])).srgb()
            for label, result in zip(labels, each["results"], strict=True):
                assert Path(result["output"]) == out / label / f"{each['name']}.png"
                saved = read_picture(out / label / f"{each['name']}.png")
                assert saved.info.bit_depth == 16
                psnr = reference(saved.srgb(), truth)["psnr"]
                assert result["psnr"] == pytest.approx(psnr, abs=1e-3)
        rows = list(csv.DictReader(table.read_text().splitlines()))
        assert len(rows) == 3 * (len(report["pictures"]) + 1)
        for index, kind in enumerate(labels, start=1):
            assert (rows[index]["name"], rows[index]["kind"]) == (NUMBERS[0], kind)
            expected = report["pictures"][0]["results"][index - 1]
            assert close({key: float(rows[index][key]) for key in ("psnr", "mae")}, expected)
        assert float(rows[-1]["psnr"]) == report["means"][0]["results"][1]["psnr"]
        assert (rows[-1]["name"], rows[-1]["kind"]) == ("", f"mean {labels[1]}")
        assert "--overwrite" in run(dpdd, *options).stderr
        text = run(dpdd, *options, "--overwrite").stdout
        assert text.count("(mean)") == 2
        assert "Means" in text

    @pytest.mark.slow
    def test_a_damaged_picture_does_not_stop_the_others(self, dpdd: Path, tmp_path: Path) -> None:
        broken = dpdd / "test_r" / "source" / "1P0A0020.png"
        broken.write_bytes(broken.read_bytes()[:200])
        result = run(dpdd, "--save", tmp_path / "out")
        assert result.exit_code == 1
        assert "Error: 1P0A0020 failed." in result.stderr
        assert str(broken) in result.stderr
        assert "Traceback" not in result.stderr
        saved = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert saved == ["1P0A0010.png", "1P0A0030.png"]
        report = report_of(dpdd, code=1)
        assert (report["failed"], report["means"][0]["pictures"]) == (1, 2)
        assert report["pictures"][1]["error"]["type"] == "UnreadableFileError"
        assert report["pictures"][1]["input"] is None

    def test_all_pictures_damaged(self, dpdd: Path, other_weights: Path) -> None:
        for path in dpdd.glob("test_l/source/*"):
            path.write_bytes(b"")
        assert report_of(dpdd, code=1)["means"] == []
        assert run(dpdd, "--weights", other_weights, "--weights", "mccnet").exit_code == 1

    def test_sizes_must_agree(self, dpdd: Path) -> None:
        path = dpdd / "test_c" / "target" / "1P0A0011.png"
        write_picture(path, read_picture(path).srgb()[:40], bit_depth=16, overwrite=True)
        sentence = report_of(dpdd, code=1)["pictures"][0]["error"]["message"]
        assert "1P0A0010.png differ in size (64x40 and 64x48 pixels)" in sentence

    def test_an_unreadable_folder_is_warned_of(
        self, dpdd: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lost = dpdd / "test_c" / "target" / "lost+found"
        lost.mkdir()
        make_unreadable(lost, monkeypatch)
        for path in dpdd.glob("test_l/source/*"):
            path.write_bytes(b"")  # quick: there is nothing to restore
        first, *_failures = report_of(dpdd, code=1)["warnings"]
        assert str(lost) in first

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--split", "val"), "no split 'val'"),
            (("--weights", "nope"), "nope"),
            (("--weights", "mccnet", "--weights", "mccnet"), "given twice"),
            (("--device", "cuda:99"), "cuda:99"),
            (("--csv", "dpdd/test_l/source/1P0A0010.png", "--overwrite"), "one of the inputs"),
            (("--save", "dpdd/test_l/source", "--overwrite"), "one of the inputs"),
        ],
    )
    def test_bad_options(
        self, dpdd: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], says: str
    ) -> None:
        monkeypatch.chdir(dpdd.parent)
        before = {path: path.read_bytes() for path in dpdd.rglob("*.png")}
        result = run("dpdd", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert says in result.stderr
        assert {path: path.read_bytes() for path in dpdd.rglob("*.png")} == before

    def test_inputs_are_kept_by_whatever_name(self, dpdd: Path) -> None:
        """A hard link to an input where a result would be written."""
        out = dpdd.parent / "out"
        out.mkdir()
        (out / "1P0A0020.png").hardlink_to(dpdd / "test_r" / "source" / "1P0A0020.png")
        result = run(dpdd, "--save", out, "--overwrite")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "1P0A0020.png" in result.stderr
        assert "one of the inputs" in result.stderr

    def test_each_file_is_looked_at_a_few_times_however_many_there_are(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        marks, count = ("L", "R", "GT"), 120
        fill(tmp_path, *(f"in/{n:03}_{mark}.png" for n in range(count) for mark in marks))
        fill(tmp_path, *(f"out/{n:03}.png" for n in range(count)))
        looked: list[object] = []
        stat = os.stat
        monkeypatch.setattr(
            os, "stat", lambda path, **options: (looked.append(path), stat(path, **options))[1]
        )
        # Ends at the last output only, as that alone is no file.
        (tmp_path / "out" / f"{count - 1:03}.png").unlink()
        (tmp_path / "out" / f"{count - 1:03}.png").mkdir()
        result = run(tmp_path / "in", "--save", tmp_path / "out", "--overwrite")
        assert "it is a folder" in result.stderr
        names = [path for path in map(str, looked) if str(tmp_path) in path]
        assert 4 * count <= len(names) < 20 * count  # each output with each input: 360 * count

    @pytest.mark.slow
    def test_the_device_is_tried_once(self, dpdd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tried, choose = [], device.choose
        monkeypatch.setattr(
            device, "choose", lambda *wanted: tried.append(wanted) or choose(*wanted)
        )
        report = report_of(dpdd)
        assert len(report["pictures"]) == 3
        assert tried == [("auto", "fp32")]
        tried.clear()
        assert len(list(evaluate([Network(load_model())], find_truth_pairs(dpdd)))) == 3
        assert len(tried) == 1

    def test_row_beyond_the_picture(self, dpdd: Path) -> None:
        pictures = report_of(dpdd, "--first-row", 48, code=1)["pictures"]
        assert "--first-row: 48 is beyond the picture's 48 rows" in pictures[0]["error"]["message"]

    def test_quiet_names_failures_only(self, dpdd: Path) -> None:
        result = run(dpdd, "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")

    def test_help(self) -> None:
        text = run("--help").stdout
        for words in ("dpdeblur eval", "Example", "--json", "--quiet", "--first-row"):
            assert words in text


@pytest.mark.slow
def test_the_76_test_scenes_by_indoor_and_outdoor(tmp_path: Path) -> None:
    files = [tmp_path / "tiny.safetensors", tmp_path / "other.safetensors"]
    for file in files:
        save_model(MCCNet(TINY), file, {})
    scenes = {f"1P0A{2 * n:04}": photographed(16, 16, radius=1.0 + n / 40) for n in range(76)}
    write_dpdd(tmp_path / "dpdd", "test", scenes)
    weights = [word for file in files for word in ("--weights", file)]
    result = run(tmp_path / "dpdd", *weights, "--csv", tmp_path / "scores.csv")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader((tmp_path / "scores.csv").read_text().splitlines()))
    scores = [float(row["psnr"]) for row in rows if row["name"] and row["kind"] == "input"]
    assert len(scores) == 76
    indoor = [*range(8, 14), 16, 32, *range(39, 57), *range(59, 68), 74, 75]
    expected = {
        "indoor": np.mean([scores[index] for index in indoor]),
        "outdoor": np.mean([x for index, x in enumerate(scores) if index not in indoor]),
        "": np.mean(scores),
    }
    found = {row["group"]: float(row["psnr"]) for row in rows if row["kind"] == "mean input"}
    assert found == pytest.approx(expected, abs=1e-9)
    lines = result.stdout.splitlines()
    for group in ("indoor", "outdoor"):
        shown = [line for line in lines if f"(mean, {group})" in line]
        assert len(shown) == 2  # one for each weights
        assert f" {expected[group]:.2f} " in shown[0]
        assert f"PSNR {group}" in result.stdout


class TestMatchedExposure:
    """The truth is darker than the views, and its first rows have nothing to do with them."""

    FIRST = 9

    @pytest.fixture
    def darker(self, tmp_path: Path, pictures: dict[str, Pictures]) -> Path:
        folder = tmp_path / "darker"
        for number in NUMBERS[:2]:
            pixels = dict(pictures[number])
            pixels["GT"] = pixels["sharp"] * np.float32([0.7, 0.8, 0.9])
            pixels["GT"][: self.FIRST] = 1
            for mark in ("left", "right", "GT", "combined"):
                write_picture(folder / f"{number}_{mark}.png", pixels[mark], bit_depth=16)
        return folder

    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        files = [tmp_path / "tiny.safetensors", tmp_path / "other.safetensors"]
        for seed, file in enumerate(files):
            torch.manual_seed(seed)
            network = MCCNet(TINY)
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter += 0.02 * torch.randn_like(parameter)
            save_model(network, file, {})
        return files

    def test_beside_the_plain_scores(self, darker: Path, files: list[Path], tmp_path: Path) -> None:
        out, table = tmp_path / "out", tmp_path / "scores.csv"
        options = ("--weights", files[0], "--first-row", self.FIRST, "--save", out, "--csv", table)
        plain = report_of(darker, *options)
        report = report_of(darker, *options, "--match-exposure", "--overwrite")
        assert "matched" not in json.dumps(plain)
        assert report["protocol"]["matched"]["name"] == "dpdd, each channel's gain matched"
        for each, before in zip(report["pictures"], plain["pictures"], strict=True):
            truth = read_picture(Path(each["truth"])).srgb()[self.FIRST :]
            (result,) = each["results"]
            for found, unmatched, path in (
                (each["input"], before["input"], each["combined"]),
                (result, before["results"][0], result["output"]),
            ):
                assert all(found[key] == unmatched[key] for key in ("psnr", "ssim", "mae"))
                picture = read_picture(Path(path)).srgb()[self.FIRST :].astype(np.float64)
                gains = [
                    np.linalg.lstsq(picture[..., c].reshape(-1, 1), truth[..., c].ravel())[0][0]
                    for c in range(3)
                ]
                # What was saved is rounded to 16 bits.
                assert found["matched"]["channel_gains"] == pytest.approx(gains, abs=1e-5)
                expected = reference((picture * gains).clip(0, 1), truth)
                for key, value in expected.items():
                    assert found["matched"][key] == pytest.approx(value, abs=1e-3)
                assert found["matched"]["psnr"] > found["psnr"] + 1
            gain = result["matched"]["psnr"] - each["input"]["matched"]["psnr"]
            assert result["matched"]["gain"] == gain
        (mean,) = report["means"]
        for key in ("psnr", "ssim", "mae", "gain"):
            each = [picture["results"][0]["matched"][key] for picture in report["pictures"]]
            assert mean["results"][0]["matched"][key] == pytest.approx(np.mean(each))
        assert "channel_gains" not in mean["input"]["matched"]
        rows = list(csv.DictReader(table.read_text().splitlines()))
        for row, scores in zip(rows[-2:], (mean["input"], mean["results"][0]), strict=True):
            assert float(row["psnr"]) == scores["psnr"]
            for key in ("psnr", "ssim", "mae"):
                assert float(row[f"matched_{key}"]) == scores["matched"][key]

    def test_tables_say_which(self, darker: Path, files: list[Path]) -> None:
        weights = [word for file in files for word in ("--weights", file)]
        text = run(darker, *weights, "--match-exposure", "--first-row", self.FIRST).stdout
        for title in (f"tiny on {darker}", f"other on {darker}", "Means"):
            assert f"{title}, each channel's gain matched" in text
        assert text.count("(mean)") == 4
        assert f"Rows from {self.FIRST} on. Protocol dpdd: " in text
        assert "Protocol dpdd, each channel's gain matched: " in text

    def test_rows_above_the_first_do_not_count(self) -> None:
        truth = np.random.default_rng(0).random((20, 16, 3), dtype=np.float32)
        picture = truth * np.float32(0.5)
        picture[:5] = 1
        scores = Rules(first_row=5, match_exposure=True).score(picture, truth)
        assert scores.matched is not None
        assert scores.matched.channel_gains == pytest.approx([2, 2, 2], rel=1e-6)
        assert scores.matched.psnr > 130
        assert Rules(first_row=5).score(picture, truth).matched is None


def test_rotated_files_are_scored_as_they_lay_on_the_sensor(
    tmp_path: Path, pictures: dict[str, Pictures]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pixels = pictures[NUMBERS[0]]
    for mark in ("left", "right", "sharp"):
        codes = (pixels[mark] * 255).round().astype(np.uint8)
        Image.fromarray(codes).save(tmp_path / f"turned_{mark}.png", exif=exif)
        (tmp_path / "plain").mkdir(exist_ok=True)
        Image.fromarray(codes).save(tmp_path / "plain" / f"p_{mark}.png")
    report = report_of(tmp_path, "--save", tmp_path / "out", "--first-row", 5)
    plain, turned = report["pictures"]
    assert (plain["name"], turned["name"]) == ("plain/p", "turned")
    for key in ("psnr", "ssim", "mae"):
        assert plain["results"][0][key] == turned["results"][0][key]
    first, second = (
        read_picture(tmp_path / "out" / f"{name}.png").srgb() for name in ("plain/p", "turned")
    )
    np.testing.assert_array_equal(np.rot90(first, -1), second)


class TestLibrary:
    @staticmethod
    def engine(tile_size: int | None = None) -> Network:
        return Network(load_model(), NetworkOptions("cpu", "fp32", tile_size=tile_size))

    def test_groups_have_their_means(self, dpdd: Path) -> None:
        pairs = [
            dataclasses.replace(pair, group=group)
            for pair, group in zip(find_truth_pairs(dpdd), ("b", "a", "b"), strict=True)
        ]
        found = list(evaluate([self.engine()], pairs))
        summary = means(found)
        assert [(mean.group, mean.count) for mean in summary] == [("b", 2), ("a", 1), (None, 3)]
        assert summary[1].input == found[1].input
        expected = (found[0].results[0].scores.psnr + found[2].results[0].scores.psnr) / 2
        assert summary[0].results[0].psnr == pytest.approx(expected, abs=1e-12)

    def test_pictures_come_one_by_one_with_progress(self, dpdd: Path) -> None:
        told: list[tuple[str, float]] = []
        kept: list[tuple[str, int]] = []
        stream = evaluate(
            [self.engine(tile_size=24)] * 2,  # whose progress is one level's
            find_truth_pairs(dpdd),
            keep=lambda pair, number, pixels: kept.append((pair.name, number)),
            progress=lambda pair, share: told.append((pair.name, share)),
        )
        first = next(stream)
        assert first.pair.name == NUMBERS[0]
        assert kept == [(NUMBERS[0], 0), (NUMBERS[0], 1)]
        assert {name for name, _ in told} == {NUMBERS[0]}
        shares = [share for _, share in told]
        assert shares == sorted(shares)
        assert (shares[0], shares[-1], shares.count(0.5)) == (0, 1, 2)

    def test_errors_of_keep_are_the_pictures(self, dpdd: Path) -> None:
        def refuse(pair: object, number: int, pixels: object) -> None:
            raise UnreadableFileError(Path("x"), "no room")

        found = list(evaluate([self.engine()], find_truth_pairs(dpdd)[:1], keep=refuse))
        assert isinstance(found[0].error, UnreadableFileError)
        assert means(found) == []

    def test_views_in_memory(self, pictures: dict[str, Pictures]) -> None:
        pixels = pictures[NUMBERS[0]]
        views = DualPixelPair(pixels["left"], pixels["right"])
        result, picture = evaluate_pair(self.engine(), views, pixels["sharp"])
        expected = dpdeblur.deblur(views.left, views.right, device="cpu", precision="fp32")
        np.testing.assert_array_equal(picture, expected)
        assert result.scores.psnr == pytest.approx(
            reference(expected, pixels["sharp"])["psnr"], abs=1e-6
        )

    def test_rules_are_checked(self) -> None:
        with pytest.raises(OptionError, match="protocol"):
            Rules("rgb")
        with pytest.raises(OptionError, match=r"^first_row: "):
            Rules(first_row=-1)

    def test_nothing_scored_has_no_means(self) -> None:
        assert means([]) == []
