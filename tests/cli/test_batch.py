"""`dpdeblur batch` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dpdeblur.io import read_picture
from dpdeblur.pair import DualPixelPair
from support.command import failure, run
from support.pairs import write_pair

Pair = tuple[Path, Path]


class TestBatch:
    @pytest.fixture
    def source(self, tmp_path: Path, small_views: DualPixelPair) -> Path:
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
        batched = read_picture(tmp_path / "out" / "a.tif").srgb()
        assert np.array_equal(batched, read_picture(tmp_path / "one.tif").srgb())

    def test_pairs_from_a_table(self, source: Path, tmp_path: Path) -> None:
        table = tmp_path / "list.csv"
        table.write_text("left,right,name\nday/b_L.png,day/b_R.png,mine\n")
        result = run("batch", source, tmp_path / "out", "--pairs", table, "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
        assert (tmp_path / "out" / "mine.png").is_file()

    def test_no_pairs(self, tmp_path: Path) -> None:
        assert "No pairs" in failure(run("batch", tmp_path, tmp_path / "out"))
        assert "does not exist" in failure(run("batch", tmp_path / "none", tmp_path / "out"))
