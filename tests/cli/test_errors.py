"""How a command ends that is mistyped or interrupted, or that memory does not suffice for."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dpdeblur.io import formats
from support.batches import FakeEngine, fake_run
from support.command import failure, run
from support.pairs import write_pair


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(2):
        views = np.random.default_rng(number).random((2, 16, 24, 3)).astype(np.float32)
        write_pair(tmp_path, f"p{number}", *views)
    return tmp_path


def fail_at(number: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine stop at a picture."""
    done = []

    def act(*arguments: Any) -> Any:
        done.append(1)
        if len(done) == number:
            raise error
        return fake_run(*arguments)

    monkeypatch.setattr("dpdeblur.engines.EngineRequest.make", lambda _: FakeEngine(act))


def test_an_interrupt_says_what_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, said in ((1, "Interrupted."), (2, "Interrupted; finished results are kept.")):
        fail_at(number, KeyboardInterrupt(), monkeypatch)
        result = run("batch", folder, folder / f"out{number}", "--quiet")
        assert (result.exit_code, result.stderr) == (130, f"Error: {said}\n")
    fail_at(1, KeyboardInterrupt(), monkeypatch)
    result = run("fix", folder / "p0_L.png", folder / "p0_R.png")
    assert (result.exit_code, result.stderr) == (130, "Error: Interrupted.\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("fix", "a", "--tile-size", "0"), "'--tile-size': 0 is not at least 1."),
        (("fix", "a", "--tile-size", "x"), "'--tile-size': 'x' is not a whole number."),
        (("synth", "a", "-o", "b", "--noise", "x"), "'--noise': 'x' is not a number."),
        (("synth", "a", "-o", "b", "--seed", "9999999999"), "is not at most 4294967295."),
        (("fix", "a", "--only", "x"), "'--only': 'x' is not one of 'near', 'far'."),
        (("--megapixels", "x", "info"), "'--megapixels': 'x' is not a number."),
        (("fix", "a", "b", "\x1b[7mc"), r"unexpected extra argument(s) (\x1b[7mc)"),
        (("fix", "a", "--tile-size", "\x1b[7m"), r"'\x1b[7m' is not a whole number."),
        (("fix", "a", "--\x1b[7m"), r"--\x1b[7m"),
        (("\x1b[7m",), r"'\x1b[7m'"),
        (("calibrate", "\x1b[7m"), r"'\x1b[7m'"),
    ],
)
def test_what_is_mistyped_is_said_plainly(words: tuple[str, ...], says: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "\x1b" not in result.stderr


def test_errors_before_the_command_are_json_too() -> None:
    result = run("--megapixels", "-1", "info", "--json")
    assert json.loads(result.stdout)["error"]["message"] == "--megapixels: -1 is not above 0."


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("could not create a primitive")])
def test_memory_that_runs_out_is_no_bug(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    pytest.importorskip("torch")  # whose errors are known once it is loaded, as engines load it
    fail_at(1, error, monkeypatch)
    result = run("fix", folder / "p0_L.png", folder / "p0_R.png")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: Memory ran out;")
    fail_at(1, RuntimeError("a bug"), monkeypatch)
    assert isinstance(run("fix", folder / "p0_L.png", folder / "p0_R.png").exception, RuntimeError)


@pytest.mark.parametrize(("extension", "kind"), [("jpg", "JPEG"), ("webp", "WebP")])
def test_what_is_too_long_is_refused_before_the_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, extension: str, kind: str
) -> None:
    fail_at(1, AssertionError("the engine was run"), monkeypatch)
    short = tuple(replace(form, longest=form.longest and 20) for form in formats.FORMATS)
    monkeypatch.setattr(formats, "FORMATS", short)
    result = run("fix", folder / "p0_L.png", folder / "p0_R.png", "-o", folder / f"a.{extension}")
    assert f"{kind} holds at most 20 pixels" in result.stderr
    result = run("batch", folder, folder / "out", "--format", extension)
    assert result.stderr.count(f"{kind} holds at most 20 pixels") == 2


def test_what_may_not_be_read_is_said_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typer looks first, in words of its own, and stops for one of several."""
    opened = Path.open

    def refuse(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **options)

    (tmp_path / "a.png").touch()
    monkeypatch.setattr(os, "access", lambda *_args, **_options: False)
    monkeypatch.setattr(Path, "open", refuse)
    for arguments in (("info", tmp_path / "a.png"), ("--config", tmp_path / "a.png", "info")):
        assert "a.png cannot be read: Permission denied" in failure(run(*arguments))
