"""Rendered pairs as files, from Python; tests/cli/test_synth.py has what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpdeblur.errors import OptionError, OutputExistsError
from dpdeblur.io import read_picture, write_picture
from dpdeblur.optics import Calibration, DiskPSF, write_calibration
from dpdeblur.training import SynthOptions, write_pair


@pytest.fixture
def sharp(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    pixels = np.random.default_rng(0).random((24, 32, 3)).astype(np.float32)
    write_picture(path, pixels, bit_depth=8)
    return path


def test_what_was_written_is_told(sharp: Path, tmp_path: Path) -> None:
    warnings: list[str] = []
    depth = tmp_path / "flat.png"
    write_picture(depth, np.full((24, 32, 3), 0.5, np.float32), bit_depth=8)
    options = SynthOptions(max_radius=3)
    pair = write_pair(
        sharp, tmp_path / "out", options, depth=depth, extension="tif", on_warning=warnings.append
    )
    assert (pair.width, pair.height, pair.radii) == (32, 24, (0, 0))
    assert list(pair.outputs) == ["left", "right", "truth"]
    assert pair.outputs["left"] == tmp_path / "out" / "a_left.tif"
    assert all(read_picture(path).info.bit_depth == 16 for path in pair.outputs.values())
    assert warnings == [f"{depth} has the same value everywhere, so everything is in focus."]


@pytest.mark.parametrize("calibrated", [False, True])
def test_progress_is_told_in_small_steps(sharp: Path, tmp_path: Path, calibrated: bool) -> None:
    seen: list[float] = []
    options = SynthOptions()
    if calibrated:
        kernels = DiskPSF(0.5, 3)(torch.tensor([[2.0]]))
        left, right = (kernel[0, 0].expand(2, 3, -1, -1).numpy() for kernel in kernels)
        write_calibration(tmp_path / "lens.npz", Calibration(left, right, 2.0))
        options = SynthOptions(psf=str(tmp_path / "lens.npz"))
    write_pair(sharp, tmp_path / "out", options, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)
    assert max(np.diff([0.0, *seen])) < 0.1


def test_by_default_there_is_a_plane(sharp: Path, tmp_path: Path) -> None:
    assert write_pair(sharp, tmp_path).radii == pytest.approx((-8, 8))
    with pytest.raises(OutputExistsError):
        write_pair(sharp, tmp_path)


def test_errors_name_parameters(sharp: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="radius: it sets one blur for the whole picture; leave"):
        write_pair(sharp, tmp_path, SynthOptions(radius=3), depth=sharp)
    with pytest.raises(OptionError, match=r"psf: 'gauss' is not disk, butterworth or an .npz file"):
        write_pair(sharp, tmp_path, SynthOptions(psf="gauss"))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"focus": 2}, "focus: 2.0 is not at most 1"),
        ({"radius": 101}, "radius: 101.0 is not from -100 to 100"),
        ({"max_radius": -3}, "max_radius: -3.0 is not from 0 to 100"),
        ({"kind": "depth"}, "kind: 'depth' is not one of disparity, inverted, distance"),
    ],
)
def test_options_out_of_range(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        SynthOptions(**values)
