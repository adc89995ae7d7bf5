"""The program whose output is closed, has no reader, or lies on a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux"),
]
PATTERN = ("calibrate", "pattern", "--size", "64x48", "--spacing", "16", "-o")


def shell(redirected: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the program from a shell, which says where its streams go."""
    command = [sys.executable, "-m", "dpdeblur", *map(str, arguments)]
    line = f'"$@" {redirected}'
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line, "sh", *command],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-"])
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    done = shell(closed, *PATTERN, tmp_path / "g.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "g.png").read_bytes()[:4] == b"\x89PNG"


def test_a_full_disk_is_told_after_the_work(tmp_path: Path) -> None:
    done = shell("> /dev/full", *PATTERN, tmp_path / "g.png")
    assert done.returncode == 1
    assert done.stderr == "Error: The results cannot be printed: No space left on device.\n"
    assert (tmp_path / "g.png").exists()


def test_a_reader_that_goes_does_not_stop_the_work(tmp_path: Path) -> None:
    done = shell("2>&1 | true", *PATTERN, tmp_path / "g.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "g.png").exists()
