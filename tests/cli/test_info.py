"""`dpdeblur info` as a user types it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import dpdeblur
from dpdeblur.cli.info import ONLY_IN
from dpdeblur.models import PAPER, MCCNet, MCCNetConfig
from support.command import failure, run

Pair = tuple[Path, Path]


class TestInfo:
    def test_weights_and_versions(self) -> None:
        report = json.loads(run("info", "--json").stdout)
        assert report["versions"]["dpdeblur"] == dpdeblur.__version__
        assert report["weights"]["name"] == "mccnet"
        assert "cpu" in [device["name"] for device in report["devices"]]
        assert "mccnet" in run("info").stdout

    @pytest.mark.parametrize(
        ("weights", "shown", "hidden"),
        [("paper", "tail_width", "radii"), ("mccnet", "radii", "tail_width")],
    )
    def test_only_what_the_weights_use_is_shown(
        self, weights: str, shown: str, hidden: str
    ) -> None:
        text = run("info", "--weights", weights).stdout
        assert shown in text
        assert "negative_slope" in text
        assert hidden not in text

    def test_what_is_not_shown_changes_nothing(self) -> None:
        with torch.device("meta"):
            other = replace(PAPER, levels=2, use_bank=False, use_selection=False, widths=(8, 8, 8))
            other = replace(other, use_volume=False, radii=(1.0,), blocks=(1, 1, 1))
            other = replace(other, view_widths=(8, 8), bands=(1, 1), contrast=0.4)
            assert {k for k, v in vars(other).items() if v != getattr(PAPER, k)} == set(
                ONLY_IN["compact"].split()
            )
            assert _shapes(MCCNet(other)) == _shapes(MCCNet(PAPER))
            small = MCCNetConfig(radii=(1.0,), widths=(8, 8, 8), view_widths=(8, 8))
            other = replace(small, use_msf=False, use_msfe=False, stem_width=8, tail_width=8)
            other = replace(other, encoder_widths=(8, 8, 8, 8), fusion_widths=(8, 8, 8))
            other = replace(other, decoder_widths=(8, 8, 8))
            assert {k for k, v in vars(other).items() if v != getattr(small, k)} == set(
                ONLY_IN["paper"].split()
            )
            assert _shapes(MCCNet(other)) == _shapes(MCCNet(small))

    @pytest.mark.parametrize(
        ("command", "views"), [("info", False), ("split", False), ("fix", True), ("refocus", True)]
    )
    def test_advice_about_what_is_no_raw_file(
        self, pair: Pair, command: str, *, views: bool
    ) -> None:
        options = ("--aperture", "2") if command == "refocus" else ()
        said = failure(run(command, pair[0], *options))
        assert "it is not a Canon raw file; give a CR2 or CR3" in said
        assert ("give the left and the right view" in said) == views

    @pytest.mark.slow
    def test_cost_against_the_paper(self) -> None:
        report = json.loads(run("info", "--cost", "--json").stdout)
        ours, paper = report["configurations"]["MCCNet"], report["paper"]
        assert math.isclose(ours["parameters"], paper["parameters"], rel_tol=1e-3)
        assert math.isclose(ours["paper_count"], paper["multiply_adds"], rel_tol=3e-3)
        assert "978.79" in run("info", "--cost").stdout


def _shapes(network: MCCNet) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}
