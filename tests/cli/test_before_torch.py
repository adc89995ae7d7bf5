"""Errors do not wait for PyTorch, whose import takes seconds: here it cannot be imported at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from support.pairs import EXAMPLE

ROOT = Path(__file__).parents[2]
LEFT, RIGHT = (str(EXAMPLE / f"{side}.png") for side in "lr")

CASES = {
    "fix nope.png nope2.png": "nope.png does not exist; check the name.",
    "fix one.cr2": "one.cr2 cannot be read: ",
    "fix one.png LEFT": "one.png cannot be read: ",
    "fix LEFT RIGHT -o there.png": "there.png already exists; add --overwrite",
    "fix LEFT RIGHT -o x.png --weights nope": "The weights nope cannot be used: ",
    "fix LEFT RIGHT -o x.png --max-memory much": "--max-memory: 'much' is not a size",
    "fix LEFT RIGHT -o x.png --device gpu": "The device 'gpu' cannot be used: its name is not one",
    "fix LEFT RIGHT -o x.png --mask small.png": "The mask and the picture differ in size (20x20",
    "fix LEFT RIGHT -o x.png --focus-at 999,9": "--focus-at: 999,9 lies outside",
    "refocus LEFT RIGHT -o x.png --at 999,9": "--at: 999,9 lies outside",
    "fix LEFT RIGHT -o x.png --method fast": "--method: it is for the engine mpi",
    "fix LEFT RIGHT -o x.png --engine mpi --ensemble": "--ensemble: it is for the engine mccnet",
    "map nope.png LEFT -o x": "nope.png does not exist; check the name.",
    "map LEFT RIGHT -o x --radii 3": "--radii: '3' is not two numbers",
    "map LEFT RIGHT -o x --radii 3,-3": "--radii: 3 to -3 is not a range",
    "map LEFT RIGHT -o x --calibration nope.npz": "nope.npz does not exist; check the name.",
    "map LEFT RIGHT -o x --calibration one.npz": "one.npz cannot be read: ",
    "map LEFT one.png -o x": "one.png cannot be read: ",
    "batch nope out": "nope does not exist; check the name.",
    "batch one.png out": "No pairs can be made from .",
    "batch pairs out --weights nope": "The weights nope cannot be used: ",
    "eval nope": "nope does not exist; check the name.",
    "eval truths --weights nope": "The weights nope cannot be used: ",
    "eval truths --csv there.csv": "there.csv already exists; add --overwrite",
    "eval truths --engine mpi --calibration nope.npz": "nope.npz does not exist; check the name.",
    "score nope nope": "nope does not exist; check the name.",
    "score LEFT one.png": "one.png cannot be read: ",
    "train nope.toml": "nope.toml does not exist; check the name.",
    "train bad.toml": "scenes.sharp: ",
    "calibrate solve nope LEFT LEFT -o c.npz": "nope does not exist; check the name.",
    "calibrate solve LEFT LEFT LEFT -o c.npz --grid 6": "--grid: '6' is not two whole numbers",
    "calibrate import nope -o c.npz": "nope does not exist; check the name.",
    "calibrate show nope.npz": "nope.npz does not exist; check the name.",
    "synth nope.png -o x": "nope.png does not exist; check the name.",
    "synth LEFT -o x --depth one.png": "one.png cannot be read: ",
    "synth LEFT -o x --psf nope": "--psf: 'nope' is not disk, butterworth or an .npz file",
    "export -o x.onnx --weights nope": "The weights nope cannot be used: ",
    "app --no-open --weights nope": "The weights nope cannot be used: ",
    "bench --size 64": "--size: '64' is not two whole numbers",
    "bench --weights nope": "The weights nope cannot be used: ",
    "info nope.cr2": "nope.cr2 does not exist; check the name.",
    "info --weights nope": "The weights nope cannot be used: ",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of files that are none, and a PyTorch that complains when it is imported."""
    (tmp_path / "lib/torch").mkdir(parents=True)
    (tmp_path / "lib/torch/__init__.py").write_text("raise AssertionError('PyTorch was imported')")
    for name in ("one.cr2", "one.png", "one.npz", "there.png", "there.csv"):
        (tmp_path / name).write_bytes(b"nothing")
    Image.new("L", (20, 20)).save(tmp_path / "small.png")
    for folder in ("pairs", "truths"):
        (tmp_path / folder).mkdir()
        for name in ("a_L.png", "a_R.png", "a_GT.png")[: 2 if folder == "pairs" else 3]:
            (tmp_path / folder / name).write_bytes(Path(LEFT).read_bytes())
    (tmp_path / "bad.toml").write_text("[scenes]\nsharp = 2")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("call", CASES)
def test_errors_come_without_pytorch(place: Path, call: str) -> None:
    words = [{"LEFT": LEFT, "RIGHT": RIGHT}.get(word, word) for word in call.split()]
    path = os.pathsep.join((str(place / "lib"), str(ROOT)))
    found = subprocess.run(
        [sys.executable, "-m", "dpdeblur", *words],
        cwd=place,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stderr.startswith(f"Error: {CASES[call]}")
    assert found.returncode == 2
    assert found.stdout == ""
    assert len(found.stderr.strip().splitlines()) == 1
