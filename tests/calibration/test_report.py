"""What calibrations and fits say of themselves: numbers that JSON takes, and lines."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dpdeblur.calibration import Solved, describe, describe_fit, fit_summary, summary
from dpdeblur.optics import Calibration


def kernels(shift: int) -> np.ndarray:
    """One row of two tiles; points of light `shift` and `shift` + 1 pixels to the right."""
    made = np.zeros((1, 2, 9, 9), np.float32)
    made[0, 0, 4, 4 + shift] = made[0, 1, 4, 5 + shift] = 1
    return made


BARE = Calibration(kernels(-2), kernels(0), -3.0)
FULL = Calibration(
    kernels(-2),
    kernels(1),
    4.5,
    frame=(40, 80),
    ratio=np.array([[0.9, 1.25]], np.float32),
    levels=(512.0, 16383.0),
)
SOLVED = Solved(FULL, np.array([[[0.011, 0.02], [0.03, 0.04449]]], np.float32), 22.4, 1.27, ())


def test_numbers_of_kernels_alone() -> None:
    assert describe(BARE) == {
        "tiles": [1, 2],
        "kernel_size": 9,
        "radius": -3.0,
        "disparity": {"mean": 2.0, "min": 2.0, "max": 2.0},
        "common_offset": [-0.5, 0.0],
        "frame": None,
        "levels": None,
        "ratio": None,
    }


def test_numbers_of_a_whole_calibration() -> None:
    told = describe(FULL)
    assert json.loads(json.dumps(told)) == told
    assert (told["frame"], told["levels"]) == ([40, 80], [512.0, 16383.0])
    assert told["ratio"] == {"min": pytest.approx(0.9), "max": 1.25}


def test_lines() -> None:
    assert summary(BARE).splitlines() == [
        "1x2 tiles, kernels of 9 px",
        "Radius -3.00 px (in front of focus), disparity +2.00 px (+2.00 to +2.00)",
        "For pictures of any size",
        "sRGB",
        "No vignetting measured",
    ]
    assert summary(FULL).splitlines()[1:] == [
        "Radius +4.50 px (behind focus), disparity +3.00 px (+3.00 to +3.00)",
        "For pictures of 80x40",
        "Linear raw numbers, black 512, white 16383",
        "Brightness of left over right 0.900 to 1.250",
    ]


def test_a_fit() -> None:
    told = describe_fit(SOLVED)
    assert told.items() > describe(FULL).items()
    assert (told["spacing"], told["drift"]) == (22.4, 1.27)
    assert told["residual_percent"] == [[[1.1, 2.0], [3.0, 4.45]]]
    lines = fit_summary(SOLVED).splitlines()
    assert lines[:5] == summary(FULL).splitlines()
    assert lines[5:] == [
        "Dots 22 px apart; sharp picture moved by up to 1.3 px",
        "Unexplained: 2.6 % of the pattern's contrast, at most 4.5 %; left/right by tile, in %:",
        "   1.1/ 2.0   3.0/ 4.5",
    ]
