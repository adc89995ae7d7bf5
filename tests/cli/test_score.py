"""`dpdeblur score` as a user types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dpdeblur.io import read_picture, write_map, write_picture
from dpdeblur.pair import DualPixelPair
from support.command import failure, run

Pair = tuple[Path, Path]


class TestScore:
    @pytest.fixture
    def folders(self, tmp_path: Path, small_views: DualPixelPair) -> tuple[Path, Path, Path]:
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
                    read_picture(place / name).srgb().astype(np.float64)
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
            darker = read_picture(path).srgb() * np.float32([0.9, 0.8, 0.85])
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
                    read_picture(place / f"{each['name']}.png").srgb().astype(np.float64)
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

    def test_maps_are_no_pictures(self, pair: Pair, tmp_path: Path) -> None:
        write_map(tmp_path / "map.tif", np.ones((50, 59), np.float32))
        said = failure(run("score", tmp_path / "map.tif", pair[0]))
        assert "map.tif cannot be read: it is a map rather than a picture; add --map" in said
        (tmp_path / "text.png").write_bytes(b"text")
        assert "--map" not in failure(run("score", tmp_path / "text.png", pair[0]))

    def test_sizes_must_agree(self, pair: Pair, tmp_path: Path) -> None:
        write_picture(tmp_path / "b.png", read_picture(pair[0]).srgb()[:30])
        sentence = failure(run("score", pair[0], tmp_path / "b.png"))
        assert "size" in sentence
        assert "b.png" in sentence

    def test_left_out_pictures_are_named(self, folders: tuple[Path, Path, Path]) -> None:
        (folders[1] / "two.png").unlink()
        result = run("score", *folders[:2])
        assert result.exit_code == 1
        assert "Error: " in result.stderr
        assert "two.png has no counterpart" in result.stderr
        quiet = run("score", *folders[:2], "--quiet")
        assert (quiet.exit_code, quiet.stdout) == (1, "")
        assert "two.png has no counterpart" in quiet.stderr
        allowed = run("score", *folders[:2], "--allow-missing")
        assert allowed.exit_code == 0
        assert allowed.stdout == result.stdout
        assert "Warning: " in allowed.stderr
        report = json.loads(run("score", *folders[:2], "--json").stdout)
        assert report["unmatched"]["predictions"] == [str(folders[0] / "two.png")]
        assert len(report["warnings"]) == 1
