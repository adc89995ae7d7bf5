"""What reports are made of; `eval`, `score` and `fix` test them as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dpdeblur.datasets import FolderMatch, ScoreFiles, pair_folders
from dpdeblur.evaluation import (
    MapScores,
    Rules,
    Scores,
    map_scoring,
    mean_scores,
    picture_scoring,
    report_files,
    score_maps,
    score_pictures,
)
from dpdeblur.evaluation.report import Column, Table
from dpdeblur.io import write_map, write_picture

MATCH = FolderMatch(tuple(ScoreFiles(name, Path("a"), Path("b")) for name in ("one", "two")))


def test_a_table_has_its_digits() -> None:
    columns = Column("PSNR", ".2f"), Column("Gain", "+.1f")
    table = Table("title", columns, [("a", (20, None)), ("b", (float("inf"), 0.25))])
    assert table.texts() == [("a", "20.00", ""), ("b", "inf", "+0.2")]


def test_mean_of_maps() -> None:
    assert mean_scores([MapScores(1, 2, 0), MapScores(2, 4, 1)]) == MapScores(1.5, 3, 0.5)


def test_files_in_all_forms() -> None:
    scores = [{"result": Scores(20, 0.5, 0.25)}, {"result": Scores(30, 1, 0.75)}]
    report = report_files(picture_scoring(Rules("dpdd-8bit")), MATCH, scores)
    (table,) = report.tables
    assert table.title == "The result"
    assert table.texts()[-1] == ("(mean)", "25.00", "0.7500", "0.5000")
    assert report.csv.splitlines() == [
        "name,kind,psnr,ssim,mae",
        "one,result,20,0.5,0.25",
        "two,result,30,1,0.75",
        ",mean result,25.0,0.75,0.5",
    ]
    assert report.document["mean"] == {"result": {"psnr": 25, "ssim": 0.75, "mae": 0.5}}
    assert report.sentences[0].startswith("Protocol dpdd-8bit: Clamped")


def test_names_of_any_bytes_are_written(tmp_path: Path) -> None:
    match = FolderMatch((ScoreFiles("\udcff", Path("a"), Path("b")),))
    report = report_files(map_scoring(), match, [{"result": MapScores(0, 0, 0)}])
    report.write_csv(tmp_path / "scores.csv")
    assert b"\r\n\xff,result,0,0,0\r\n" in (tmp_path / "scores.csv").read_bytes()


def test_files_are_scored(tmp_path: Path) -> None:
    truth = np.random.default_rng(0).random((9, 12, 3), dtype=np.float32)
    for name, pixels in (("truth", truth), ("made", truth / 2), ("input", truth)):
        write_picture(tmp_path / f"{name}.png", pixels, bit_depth=16)
        write_map(tmp_path / f"{name}.tif", pixels[..., 0])
    made = {}
    for ending in (".png", ".tif"):
        names = (tmp_path / f"{name}{ending}" for name in ("made", "truth", "input"))
        (made[ending],) = pair_folders(*names).pictures
    shares: list[float] = []
    rules = Rules(match_exposure=True)
    pictures = score_pictures(made[".png"], rules, progress=shares.append)
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1])
    assert list(pictures) == ["result", "input"]
    assert pictures["input"].psnr == float("inf")
    assert pictures["result"].matched is not None
    assert pictures["result"].matched.channel_gains == pytest.approx([2, 2, 2], rel=1e-3)
    shares.clear()
    maps = score_maps(made[".tif"], progress=shares.append)
    assert maps["result"].aiwe2 == pytest.approx(0, abs=1e-6)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 20


@pytest.mark.slow
def test_files_are_scored_without_pytorch(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_picture(path, np.random.default_rng(0).random((9, 12, 3), dtype=np.float32))
    command = ["score", str(path), str(path), "--csv", str(tmp_path / "t.csv")]
    code = (
        "import sys; from dpdeblur.cli import app\n"
        f"app({command}, standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
