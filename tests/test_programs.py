"""The script that other programs call, with a stand-in for dpdeblur."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "scripts" / "external_editor.sh"


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("name", ["IMG 1.tif", "IMG 1-Edit.tif", "IMG 1-Edit-2.tif"])
def test_the_editor_restores_the_raw_file_beside_the_picture(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "day-1"  # whose dash is none of the picture's name
    folder.mkdir()
    (tmp_path / "day.CR3").touch()
    program = tmp_path / "bin" / "dpdeblur"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    picture = folder / name
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"

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
