"""What names of files may do to a terminal: nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from dpdeblur.cli._output import Output
from dpdeblur.text import escaped
from support.command import run

NASTY = "\x1b[31mred\x9b2J\u202eevil\u2066\r\n\x07\u2028\udcff"


@pytest.mark.parametrize("text", ["a b.png", "é 写真　1.png", "👩\u200d🚀.png", "C:\\new\\x1b.png"])
def test_names_of_any_script_stay(text: str) -> None:
    assert escaped(text) == text


def test_what_a_terminal_obeys_is_written_out() -> None:
    shown = r"\x1b[31mred\x9b2J\u202eevil\u2066\r\n\x07\u2028\udcff"
    assert escaped(NASTY) == shown
    assert escaped(NASTY).isprintable()


def test_errors_and_results(tmp_path: Path) -> None:
    folder = tmp_path / "\x1b[31m\nred\u202e"
    grid = folder / "g.png"
    result = run("calibrate", "pattern", "-o", grid, "--size", "64x48", "--spacing", 16)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert r"\x1b[31m\nred\u202e" in result.stdout
    again = run("calibrate", "pattern", "-o", grid)
    assert again.exit_code == 2
    assert len(again.stderr.splitlines()) == 1
    for text in (result.stdout, again.stderr):
        assert text.replace("\n", "").isprintable()
    document = run("calibrate", "pattern", "-o", grid, "--json").stdout
    assert str(grid) in json.loads(document)["error"]["message"]
    assert document.replace("\n", "").isprintable()


def test_notes_warnings_failures_and_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output()
    output.note(NASTY)
    output.warn(NASTY)
    output.failure(NASTY)
    assert len(capsys.readouterr().err.splitlines()) == 3
    output.interactive = True
    output._err = Console(file=(screen := io.StringIO()), width=100)  # no terminal: no controls
    with output.progress() as bar:
        bar.add_task(NASTY, total=3)
        print_once = bar.get_renderable()
    output._err.print(print_once)
    assert r"\x1b[31mred\x9b2J\u202eevil" in screen.getvalue()
    assert screen.getvalue().replace("\n", "").isprintable()
