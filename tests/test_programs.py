"""What other programs call, with a stand-in for dpdeblur."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
SCRIPT = DOCS / "scripts" / "external_editor.sh"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A search path on which dpdeblur prints what it was given, one word a line."""
    program = tmp_path / "bin" / "dpdeblur"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("name", ["IMG 1.tif", "IMG 1-Edit.tif", "IMG 1-Edit-2.tif"])
def test_the_editor_restores_the_raw_file_beside_the_picture(
    tmp_path: Path, path: str, name: str
) -> None:
    folder = tmp_path / "day-1"  # whose dash is none of the picture's name
    folder.mkdir()
    (tmp_path / "day.CR3").touch()
    picture = folder / name

    def edit() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(SCRIPT), str(picture)],
            env={"PATH": path, "HOME": str(tmp_path)},
            text=True,
            capture_output=True,
            check=False,
        )

    assert edit().returncode == 2
    raw = folder / "IMG 1.CR3"
    raw.touch()
    said = edit().stdout.splitlines()
    assert said[:5] == ["fix", str(raw), "-o", str(picture), "--overwrite"]


def test_digikam_puts_the_names_in_quotes_itself(path: str) -> None:
    (line,) = (
        each for each in (DOCS / "programs.md").read_text("utf-8").splitlines() if "$INPUT" in each
    )
    for name in ("INPUT", "OUTPUT"):
        line = line.replace(f"${name}", f'"/day 1/{name}.tif"')
    said = subprocess.run(
        ["sh", "-c", line], env={"PATH": path}, text=True, capture_output=True, check=True
    )
    assert said.stdout.splitlines()[:4] == ["fix", "/day 1/INPUT.tif", "-o", "/day 1/OUTPUT.tif"]
