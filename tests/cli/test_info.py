"""`dpdeblur info` as a user types it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import dpdeblur
from support.command import run

Pair = tuple[Path, Path]


class TestInfo:
    def test_weights_and_versions(self) -> None:
        report = json.loads(run("info", "--json").stdout)
        assert report["versions"]["dpdeblur"] == dpdeblur.__version__
        assert report["weights"]["name"] == "mccnet"
        assert "cpu" in [device["name"] for device in report["devices"]]
        assert "mccnet" in run("info").stdout

    @pytest.mark.slow
    def test_cost_against_the_paper(self) -> None:
        report = json.loads(run("info", "--cost", "--json").stdout)
        ours, paper = report["configurations"]["MCCNet"], report["paper"]
        assert math.isclose(ours["parameters"], paper["parameters"], rel_tol=1e-3)
        assert math.isclose(ours["paper_count"], paper["multiply_adds"], rel_tol=3e-3)
        assert "978.79" in run("info", "--cost").stdout
