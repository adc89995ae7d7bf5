"""`dpdeblur bench` as a user types it."""

from __future__ import annotations

import json

import pytest

from support.command import failure, run

SMALL = ("bench", "--quick", "--size", "64x48", "--device", "cpu", "--precision", "fp32")


@pytest.mark.slow
def test_for_machines_and_people() -> None:
    report = json.loads(run(*SMALL, "--weights", "mccnet", "--json").stdout)
    assert report["device"] == "cpu"
    assert {"name", "precision", "shape", "rate"} == set(report["ceilings"][0])
    (forward,) = report["forwards"]
    assert forward["share"] == pytest.approx(forward["predicted"] / forward["measured"]["cpu"])
    assert forward["measured"]["wall"] > 0
    assert {"operations", "fft_operations", "peak_memory", "memory_before", "run"} < set(forward)
    text = run(*SMALL, "--weights", "paper").stdout
    assert "gemm" in text
    assert "64x48" in text


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--size", "64", "--size: '64' is not two whole numbers"),
        ("--weights", "nope", "The weights nope cannot be used"),
        ("--device", "gpu", "The device 'gpu' cannot be used"),
    ],
)
def test_what_cannot_be_used(option: str, value: str, sentence: str) -> None:
    assert sentence in failure(run("bench", option, value))
