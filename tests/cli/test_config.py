"""Defaults of one's own, and what is said of a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import dpdeblur
from dpdeblur.io import allow_megapixels
from dpdeblur.io.limits import MEGAPIXELS
from support.command import failure, run


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "dpdeblur.toml"
    monkeypatch.setenv("DPDEBLUR_CONFIG", str(path))
    return path


def plan(*arguments: object) -> list[str]:
    report = json.loads(run(*arguments, "--dry-run", "--json").stdout)
    return [Path(row["output"]).suffix for row in report["pictures"]]


class TestConfig:
    def test_the_command_line_wins(
        self, config: Path, pair: tuple[Path, Path], tmp_path: Path
    ) -> None:
        config.write_text('overwrite = true\n[batch]\nformat = "tif"\nquality = 80\n')
        assert plan("batch", *pair, tmp_path / "out") == [".tif"]  # which has no quality
        said = failure(run("batch", *pair, tmp_path / "out", "--quality", "70"))
        assert "--quality: .tif" in said
        assert str(config) not in said
        assert plan("batch", *pair, tmp_path / "out", "--format", "jpg") == [".jpg"]
        other = tmp_path / "other.toml"
        other.write_text('[batch]\nformat = "webp"\n[calibrate.pattern]\noverwrite = true\n')
        assert plan("--config", other, "batch", *pair, tmp_path / "out") == [".webp"]

    @pytest.mark.parametrize(
        ("text", "arguments"),
        [
            ("quality = 80\nlinear = true", ()),
            ("ray-cores = 2", ()),
            ("method = 'fast'\ncalibration = 'lens.npz'", ()),
            ("weights = 'paper'\nprecision = 'fp32'\nensemble = true", ("--engine", "mpi")),
            ("feather = 3\ndepth-range = 2", ("--strength", "0.5")),
        ],
    )
    def test_what_is_of_no_use_is_left_out(
        self,
        config: Path,
        pair: tuple[Path, Path],
        tmp_path: Path,
        text: str,
        arguments: tuple[str, ...],
    ) -> None:
        config.write_text(text)
        assert plan("batch", *pair, tmp_path / "out", *arguments) == [".png"]

    def test_what_is_wrong_and_of_use_is_the_files(
        self, config: Path, pair: tuple[Path, Path], tmp_path: Path
    ) -> None:
        config.write_text("[batch]\nstrength = 3.0\nquality = 80\n")
        assert f"3 is not in the range 0 to 1 ({config} sets it)" in failure(
            run("batch", *pair, tmp_path / "out")
        )

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("sharpen = 3", "no such option"),
            ("[mend]\nquiet = true", "no such command"),
            ("[fix]\nformat = 3", "'fix' has no such option"),
            ("[fix", "not TOML"),
            (f"a = {'[' * 5000}{']' * 5000}", "not TOML"),
            ('megapixels = "many"', "--megapixels: 'many' is not a number above 0;"),
            ("[fix]\nmegapixels = 3", "'fix' has no such option"),
        ],
    )
    def test_what_means_nothing_is_an_error(self, config: Path, text: str, says: str) -> None:
        config.write_text(text)
        assert says in failure(run("info"))

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("tile-size = 0", "0 is not at least 1."),
            ("tile-size = [1, 2]", "[1, 2] is not a whole number."),
            ("[fix]\nensemble = 'x'", "'x' is not true or false."),
            ("mask = 3", "3 is not text."),
        ],
    )
    def test_a_value_that_cannot_be_is_the_files(
        self, config: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
    ) -> None:
        config.write_text(text)
        monkeypatch.setenv("COLUMNS", "500")
        result = run("fix", "a", "b")
        assert result.exit_code == 2
        assert f"{says} {config} sets it." in result.stderr

    def test_one_value_of_several(self, config: Path, pair: tuple[Path, Path]) -> None:
        config.write_text('[fix]\nfocus-at = "99,3"\n')
        assert "--focus-at: 99,3 lies outside" in failure(run("fix", *pair))

    def test_the_limit_of_what_is_read(self, config: Path, pair: tuple[Path, Path]) -> None:
        config.write_text("megapixels = 0.001\n")
        try:
            assert "the limit of 0.001 megapixels" in failure(run("score", *pair))
            assert run("--megapixels", "1", "score", *pair).exit_code == 0
        finally:
            allow_megapixels(MEGAPIXELS)

    def test_a_file_that_was_named_must_be_there(self, config: Path) -> None:
        assert "does not exist" in failure(run("info"))
        assert config.name in failure(run("info"))

    def test_a_folder_of_ones_own_that_is_out_of_reach(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DPDEBLUR_CONFIG", raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("x" * 300)))
        assert "dpdeblur.toml cannot be read: File name too long." in failure(run("info"))

    def test_a_file_without_end_is_not_read(self) -> None:
        assert "larger than 1 MiB" in failure(run("--config", "/dev/zero", "info"))

    @pytest.mark.slow
    def test_info_shows_it(self, config: Path) -> None:
        config.write_text('device = "cpu"\n')
        shown = json.loads(run("info", "--json").stdout)["config"]
        assert shown == {"path": str(config), "settings": {"device": "cpu"}}
        assert config.name in run("info").stdout


class TestTelling:
    def test_version(self) -> None:
        assert run("-V").stdout == f"dpdeblur {dpdeblur.__version__}\n"

    def test_the_log_has_what_was_said(self, pair: tuple[Path, Path], tmp_path: Path) -> None:
        log, out = tmp_path / "log.txt", tmp_path / "out"
        chosen = ("--balance", "off", "--strength", "0")
        said = run("batch", *pair, out, "--dry-run", "-v", "--log", log, *chosen).stderr
        assert f"source={pair[0]} {pair[1]}, " in said
        assert "dry_run=True" in said
        assert "strength=0.0" in said
        assert run("fix", pair[0], "--log", log).exit_code == 2
        run("batch", *pair, out, "--dry-run", "--json", "--log", log)
        text = log.read_text()
        assert text.count("1 of 1 to do") == 2
        assert '"pictures"' not in text
        for part in (f"dpdeblur {dpdeblur.__version__} batch", "WARNING There is no raw", "ERROR"):
            assert part in text
        assert said.count("Done in") == 1

    def test_colours_stay_out_of_the_log(
        self, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        run("batch", *pair, tmp_path / "out", "--dry-run", "--log", tmp_path / "log.txt")
        text = (tmp_path / "log.txt").read_text()
        assert "1 of 1 to do" in text
        assert r"\x1b" not in text

    def test_the_log_must_be_writable(self, pair: tuple[Path, Path], tmp_path: Path) -> None:
        assert "cannot be written" in failure(run("fix", *pair, "--log", tmp_path / "no" / "log"))
        os.mkfifo(tmp_path / "log")
        assert "it is a pipe" in failure(run("fix", *pair, "--log", tmp_path / "log"))

    def test_what_is_no_log_stays_as_it_is(self, pair: tuple[Path, Path], tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("Left at the window, right at the door.\n")
        (tmp_path / "log").touch()
        for path in (pair[0], tmp_path / "notes.txt"):
            before = path.read_bytes()
            said = failure(run("fix", *pair, "--log", path))
            assert f"{path} cannot be written: it is there, and is no log of this program." in said
            assert path.read_bytes() == before
        for _ in range(2):
            assert run("score", *pair, "--log", tmp_path / "log").exit_code == 0

    def test_a_log_on_a_full_disk_stops_nothing(self, pair: tuple[Path, Path]) -> None:
        done = run("score", *pair, "--log", "/dev/full")
        assert done.exit_code == 0
        assert done.stderr.count("Warning: /dev/full cannot be written: No space left") == 1
        assert "PSNR" in done.stdout
        assert "Traceback" not in done.stderr
