"""`dpdeblur score --map` as a user types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from scipy.stats import spearmanr

from dpdeblur.io import write_map
from support.command import failure, run

Folders = tuple[Path, Path]
SHAPE = (31, 44)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Maps in pixels of radius, and truths of 8 bits with holes."""
    rng = np.random.default_rng(0)
    for name in ("x/one", "two"):
        stored = rng.integers(1, 255, SHAPE, np.uint8)
        made = -9.5 * stored / 255 + 3 + rng.normal(0, 1, SHAPE)
        stored[rng.uniform(0, 1, SHAPE) < 0.2] = 0
        path = tmp_path / "truth" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), stored)
        write_map(tmp_path / "made" / f"{name}.tif", made)
    return tmp_path / "made", tmp_path / "truth"


@pytest.fixture
def pair(folders: Folders) -> tuple[Path, Path]:
    return folders[0] / "two.tif", folders[1] / "two.png"


def report_of(*arguments: object) -> dict[str, object]:
    result = run("score", "--map", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


def reference(made: Path, truth: Path) -> dict[str, float]:
    """Order 2 by polyfit, the ranks by SciPy."""
    x, y = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(float) for path in (made, truth))
    x, y = x[y > 0], y[y > 0] / 255
    rest = np.polyval(np.polyfit(x, y, 1), x) - y
    return {
        "aiwe2": float(np.sqrt(np.mean(rest**2))),
        "spearman": 1 - abs(spearmanr(x, y).statistic),
    }


def test_further_pages_are_told(pair: tuple[Path, Path]) -> None:
    tifffile.imwrite(pair[0], np.ones((2, *SHAPE), np.float32), photometric="minisblack")
    result = run("score", "--map", *pair)
    assert "Only the first of its 2 pages was read." in " ".join(result.stderr.split())


class TestFolders:
    def test_agrees_with_independent_numbers(self, folders: Folders) -> None:
        report = report_of(*folders)
        assert [each["name"] for each in report["pictures"]] == ["two", "x/one"]
        for each in report["pictures"]:
            paths = folders[0] / f"{each['name']}.tif", folders[1] / f"{each['name']}.png"
            scores = each["result"]
            assert set(scores) == {"aiwe1", "aiwe2", "spearman"}
            for key, expected in reference(*paths).items():
                assert scores[key] == pytest.approx(expected, rel=1e-5)
            assert 0.5 * scores["aiwe2"] < scores["aiwe1"] < scores["aiwe2"]
        for key, value in report["mean"]["result"].items():
            both = [each["result"][key] for each in report["pictures"]]
            assert value == pytest.approx(sum(both) / 2)

    def test_says_how_it_was_made(self, folders: Folders) -> None:
        text = run("score", "--map", *folders).stdout
        for words in ("AIWE(1)", "AIWE(2)", "1-|rho|", "x/one", "(mean)", "scipy", "affine"):
            assert words in text
        report = report_of(*folders)
        assert report["protocol"]["name"] == "map"
        assert {"dpdeblur", "scipy", "numpy"} == set(report["versions"])

    def test_table_as_csv(self, folders: Folders, tmp_path: Path) -> None:
        table = tmp_path / "scores.csv"
        report = report_of(*folders, "--csv", table)
        rows = list(csv.DictReader(table.read_text().splitlines()))
        assert [(row["name"], row["kind"]) for row in rows] == [
            ("two", "result"),
            ("x/one", "result"),
            ("", "mean result"),
        ]
        assert float(rows[-1]["aiwe1"]) == report["mean"]["result"]["aiwe1"]

    def test_left_out_maps_are_named(self, folders: Folders) -> None:
        (folders[1] / "two.png").unlink()
        assert "two.tif has no counterpart" in run("score", "--map", *folders).stderr

    def test_another_map_as_input(self, folders: Folders) -> None:
        report = report_of(*folders, "--input", folders[1])
        assert report["mean"]["input"]["spearman"] == pytest.approx(0, abs=1e-9)
        assert report["mean"]["result"]["spearman"] > 0.01


class TestTwoFiles:
    def test_the_truth_is_perfect(self, pair: tuple[Path, Path]) -> None:
        scores = report_of(pair[1], pair[1])["mean"]["result"]
        assert scores == {key: pytest.approx(0, abs=1e-9) for key in scores}

    def test_zero_in_a_prediction_is_a_number(self, pair: tuple[Path, Path]) -> None:
        stored = cv2.imread(str(pair[1]), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(pair[0].with_suffix(".png")), stored - stored.min())
        cv2.imwrite(str(pair[1]), np.maximum(stored, 1))
        found = report_of(pair[0].with_suffix(".png"), pair[1])["mean"]["result"]
        assert 0 <= found["aiwe2"] < 0.01

    def test_floating_point_truth(self, pair: tuple[Path, Path]) -> None:
        stored = cv2.imread(str(pair[1]), cv2.IMREAD_UNCHANGED)
        truth = np.where(stored > 0, stored / 255, np.nan)
        write_map(pair[1].with_suffix(".tif"), truth)
        first, second = (
            report_of(pair[0], path)["mean"] for path in (pair[1], pair[1].with_suffix(".tif"))
        )
        assert first["result"] == pytest.approx(second["result"], rel=1e-6)

    def test_without_the_option_a_map_is_refused(self, pair: tuple[Path, Path]) -> None:
        assert "two.tif" in failure(run("score", *pair))


class TestWrongInput:
    def test_size(self, pair: tuple[Path, Path]) -> None:
        write_map(pair[0], np.ones((20, 44)), overwrite=True)
        sentence = failure(run("score", "--map", *pair))
        for words in ("two.tif", "two.png", "44x20", "44x31"):
            assert words in sentence

    def test_colour(self, pair: tuple[Path, Path]) -> None:
        cv2.imwrite(str(pair[1]), np.random.default_rng(0).integers(0, 255, (*SHAPE, 3)))
        sentence = failure(run("score", "--map", *pair))
        assert "two.png" in sentence
        assert "colour" in sentence

    def test_nothing_known(self, pair: tuple[Path, Path]) -> None:
        cv2.imwrite(str(pair[1]), np.zeros(SHAPE, np.uint8))
        sentence = failure(run("score", "--map", *pair))
        assert "two.png" in sentence
        assert "unknown everywhere" in sentence

    def test_holes_where_the_truth_is_known(self, pair: tuple[Path, Path]) -> None:
        write_map(pair[0], np.full(SHAPE, np.nan), overwrite=True)
        sentence = failure(run("score", "--map", *pair))
        assert "two.tif" in sentence
        assert "no finite value" in sentence

    def test_protocols_are_for_pictures(self, pair: tuple[Path, Path]) -> None:
        assert "--protocol" in failure(run("score", "--map", *pair, "--protocol", "dpdd"))

    def test_exposure_is_of_pictures(self, pair: tuple[Path, Path]) -> None:
        sentence = failure(run("score", "--map", *pair, "--match-exposure"))
        assert "--match-exposure: it is for pictures" in sentence

    def test_missing_file(self, pair: tuple[Path, Path]) -> None:
        assert "does not exist" in failure(run("score", "--map", "nowhere.tif", pair[1]))
