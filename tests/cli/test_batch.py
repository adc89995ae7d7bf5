"""`dpdeblur batch` as a user types it."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dpdeblur.engines import Engine, Restored
from dpdeblur.io import read_picture, write_picture
from dpdeblur.optics import write_calibration
from dpdeblur.pair import DualPixelPair
from support.batches import ENGINE, RUN, FakeEngine, fake_run, no_leftovers, statuses
from support.batches import write_pair as write_numbered
from support.command import failure, run
from support.optimiser_reference import asymmetric_calibration
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

    @pytest.mark.slow
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

    def test_what_to_do_about_views_by_other_names(self, source: Path, tmp_path: Path) -> None:
        call = ("batch", source, tmp_path / "out", "--dry-run")
        advice = "give the endings of their names with --left-suffix and --right-suffix."
        assert advice not in run(*call).stderr
        for side in ("main", "sub"):
            (source / f"c_{side}.png").write_bytes(b"")
        assert advice in run(*call).stderr

    def test_equals_fix(self, source: Path, tmp_path: Path) -> None:
        run("batch", source, tmp_path / "out", "--format", "tiff")
        run("fix", source / "a_L.png", source / "a_R.png", "-o", tmp_path / "one.tif")
        batched = read_picture(tmp_path / "out" / "a.tif").srgb()
        assert np.array_equal(batched, read_picture(tmp_path / "one.tif").srgb())

    @pytest.mark.slow
    def test_by_the_optimiser(self, source: Path, tmp_path: Path) -> None:
        options = ("--engine", "mpi", "--method", "fast", "--device", "cpu")
        out = tmp_path / "out"
        report = json.loads(run("batch", source, out, *options, "--json").stdout)
        assert (report["done"], report["failed"]) == (3, 0)
        manifest = json.loads((out / "batch.json").read_text())
        assert manifest["schema"] == 2
        settings = {"method": "fast", "radii": None, "calibration": None}
        assert manifest["engine"] == {"name": "mpi", **settings}
        for record in manifest["pictures"]:
            assert record["run"]["engine"] == "mpi"
            layers = record["run"]["settings"]["layers"]
            assert record["run"]["settings"] == settings | {"layers": layers}
            assert layers == sorted(layers, reverse=True)
        assert report["pictures"] == manifest["pictures"]
        one = tmp_path / "one.png"
        views = source / "a_L.png", source / "a_R.png"
        assert run("fix", *views, *options, "-o", one).exit_code == 0
        assert (out / "a.png").read_bytes() == one.read_bytes()

    def test_a_report_is_written_and_renewed(self, source: Path, tmp_path: Path) -> None:
        options = ("--engine", "mpi", "--method", "fast", "--device", "cpu", "--json")
        options = (*options, "--report", tmp_path / "page")
        for earlier in (0, 3):
            result = run("batch", source, tmp_path / "out", *options)
            path = Path(json.loads(result.stdout)["report"])
            html = path.read_text("utf-8")
            assert path == tmp_path / "page" / "report.html"
            assert html.count('data-label="Restored"') == 3
            assert html.count("Made by an earlier run.") == earlier
        path.write_text("mine")
        result = run("batch", source, tmp_path / "new", *options)
        assert result.exit_code == 2
        assert "no report of dpdeblur" in json.loads(result.stdout)["error"]["message"]
        assert not (tmp_path / "new").exists()

    def test_results_of_another_method_are_pointed_out(self, source: Path, tmp_path: Path) -> None:
        options = ("--engine", "mpi", "--device", "cpu", "--json")
        run("batch", source, tmp_path, *options, "--method", "fast")
        for method, count in (("fast", 0), ("full", 1)):
            result = run("batch", source, tmp_path, *options, "--method", method)
            report = json.loads(result.stdout)
            assert (report["skipped"], len(report["notes"])) == (3, count)
        assert "other weights or settings; add --overwrite" in report["notes"][0]

    def test_raw_numbers_through_a_calibration(self, source: Path, tmp_path: Path) -> None:
        kernels = asymmetric_calibration()
        write_calibration(tmp_path / "lens.npz", replace(kernels, levels=(1024, 16383)))
        options = ("--engine", "mpi", "--method", "fast", "--calibration", tmp_path / "lens.npz")
        result = run("batch", source, tmp_path / "out", *options, "--json")
        assert result.exit_code == 1
        (error,) = {record["error"] for record in json.loads(result.stdout)["pictures"]}
        assert "linear raw numbers" in error
        assert "in colour" in error

    def test_options_of_the_other_engine(self, source: Path, tmp_path: Path) -> None:
        (source / "day" / "lonely_L.png").unlink()
        out = tmp_path / "out"
        said = failure(run("batch", source, out, "--method", "fast"))
        assert "--method: it is for the engine mpi" in said
        said = failure(run("batch", source, out, "--engine", "mpi", "--ensemble"))
        assert "--ensemble: it is for the engine mccnet" in said
        said = failure(run("batch", source, out, "--ray-cores", "1"))
        assert "--ray-cores: it is for a cluster" in said
        assert not out.exists()

    def test_pairs_from_a_table(self, source: Path, tmp_path: Path) -> None:
        table = tmp_path / "list.csv"
        table.write_text("left,right,name\nday/b_L.png,day/b_R.png,mine\n")
        result = run("batch", source, tmp_path / "out", "--pairs", table, "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
        assert (tmp_path / "out" / "mine.png").is_file()

    def test_swapped_names_are_a_warning(self, source: Path, tmp_path: Path) -> None:
        table = tmp_path / "list.csv"
        table.write_text("left,right,name\nday/b_R.png,day/b_L.png,mine\n")
        options = ("--pairs", table, "--overwrite")
        said = run("batch", source, tmp_path / "out", *options).stderr
        assert "Warning: mine: The names say that" in said
        report = json.loads(run("batch", source, tmp_path / "out", *options, "--json").stdout)
        (warning,) = report["warnings"]
        assert warning.startswith("mine: The names say that")

    @pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
    def test_signals_end_it_as_an_interrupt_does(
        self,
        source: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        code: int,
    ) -> None:
        number = getattr(signal, name)

        left = [number]

        def write_and_stop(*args: Any, **options: Any) -> tuple[str, ...]:
            if left:
                signal.raise_signal(left.pop())
            return write_picture(*args, **options)

        monkeypatch.setattr("dpdeblur.batch.steps.write_picture", write_and_stop)
        monkeypatch.setattr("dpdeblur.engines.EngineRequest.make", lambda _: ENGINE)
        before = signal.signal(number, signal.SIG_DFL)
        try:
            result = run("batch", source, tmp_path / "out")
            assert signal.getsignal(number) is signal.SIG_DFL
        finally:
            signal.signal(number, before)
        assert result.exit_code == code
        assert "finished results are kept" in result.stderr
        made = {path.stem for path in (tmp_path / "out").rglob("*.png")}
        assert made
        names = {name.rpartition("/")[2] for name in statuses(tmp_path / "out")}
        assert names == made
        assert no_leftovers(tmp_path)

    def test_the_bar_counts_pictures_of_several_engines_and_skipped_ones(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(17):
            write_numbered(tmp_path / "in", f"{number:02}", number)
        (tmp_path / "in" / "03_R.png").write_bytes(b"")
        steps: list[float] = []

        class Two(FakeEngine):
            def side_by_side(self, most: int) -> list[Engine]:
                return [FakeEngine(self.act) for _ in range(most)]

        def act(*arguments: Any) -> Restored:
            late = tmp_path / "out" / "16.png"  # comes meanwhile, so it is skipped
            if not late.exists():
                late.write_bytes(b"another program's")
            return replace(fake_run(*arguments), run=RUN)

        monkeypatch.setattr("dpdeblur.engines.EngineRequest.make", lambda _: Two(act))
        monkeypatch.setattr(
            "rich.progress.Progress.advance", lambda _bar, _task, step: steps.append(step)
        )
        assert run("batch", tmp_path / "in", tmp_path / "out").exit_code == 1
        assert statuses(tmp_path / "out")["16"] == "skipped"
        assert min(steps) >= 0
        assert sum(steps) == 17

    def test_no_pairs(self, tmp_path: Path) -> None:
        assert "No pairs" in failure(run("batch", tmp_path, tmp_path / "out"))
        assert "does not exist" in failure(run("batch", tmp_path / "none", tmp_path / "out"))

    def test_the_output_is_a_file(self, source: Path, tmp_path: Path) -> None:
        (source / "day" / "lonely_L.png").unlink()
        (tmp_path / "out").write_bytes(b"mine")
        said = failure(run("batch", source, tmp_path / "out"))
        assert f"{tmp_path / 'out'} is not a folder" in said

    def test_views_reduced_and_exchanged(self, source: Path, tmp_path: Path) -> None:
        """As `fix` does it; the record says so, and a later run notices other options."""
        left, right = source / "a_L.png", source / "a_R.png"
        options = ("--size", "48", "--swap-views")
        report = json.loads(run("batch", left, right, tmp_path / "out", *options, "--json").stdout)
        (record,) = report["pictures"]
        assert record["views"] == {"size": 48, "swap_views": True}
        assert report["warnings"] == []
        assert run("fix", left, right, *options, "-o", tmp_path / "one.png").exit_code == 0
        assert run("fix", right, left, "--size", "48", "-o", tmp_path / "two.png").exit_code == 0
        batched = read_picture(tmp_path / "out" / "a.png").samples
        assert batched.shape[1] == 48
        for name in ("one.png", "two.png"):
            np.testing.assert_array_equal(read_picture(tmp_path / name).samples, batched)
        (note,) = json.loads(run("batch", left, right, tmp_path / "out", "--json").stdout)["notes"]
        assert note.startswith("1 existing picture was made with other size, sides or balance")

    def test_suffixes_and_dry_run(self, source: Path, tmp_path: Path) -> None:
        (source / "a_L.png").rename(source / "a.png")
        (source / "a_R.png").rename(source / "a_aux.png")
        options = ("--right-suffix", "_aux", "--dry-run")
        report = json.loads(run("batch", source, tmp_path / "out", *options, "--json").stdout)
        (row,) = report["pictures"]
        assert (row["name"], Path(row["left"]), row["done"]) == ("a", source / "a.png", False)
        assert report["orphans"] == []
        shown = run("batch", source, tmp_path / "out", *options).stdout
        assert "1 of 1 to do" in shown
        assert not (tmp_path / "out").exists()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "a.png").write_text("no picture")
        blocked = run("batch", source, tmp_path / "out", *options)
        assert "0 of 1 to do" in blocked.stdout
        assert "blocked" in blocked.stdout
        (tmp_path / "out" / "a.png").unlink()
        said = failure(
            run("batch", source, tmp_path / "out", "--right-suffix", "_b", "--left-suffix", "_a")
        )
        assert "name the views with these suffixes" in said
        table = ("--pairs", tmp_path / "table.csv")
        assert "--right-suffix: " in failure(
            run("batch", source, tmp_path / "out", *options, *table)
        )

    def test_qualities_and_linear_light(self, source: Path, tmp_path: Path) -> None:
        files, out = (source / "a_L.png", source / "a_R.png"), tmp_path / "out"
        said = failure(run("batch", *files, out, "--linear"))
        assert "--linear: .png, the default, holds no linear light" in said
        assert "choose .tif or .exr with --format." in said
        assert "--quality: .png" in failure(run("batch", *files, out, "--quality", "80"))
        assert "--linear: .jpg" in failure(run("fix", *files, "-o", "a.jpg", "--linear"))
        assert "--linear" in failure(run("batch", *files, out, "--format", "same", "--linear"))
        for options, name in ((("jpg", "--quality", "50"), "a.jpg"), (("exr",), "a.exr")):
            assert run("batch", *files, out, "--format", *options).exit_code == 0
            assert (out / name).is_file()
