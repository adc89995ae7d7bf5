"""Every command's help."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dpdeblur
from dpdeblur.cli._options import Precision, ProtocolName
from dpdeblur.evaluation import PROTOCOLS
from support.command import run

COMMANDS = ("app", "fix", "split", "batch", "map", "score", "info", "train", "eval", "synth")


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_examples_and_output_switches(self, command: str) -> None:
        text = run(command, "--help").stdout
        assert f"dpdeblur {command}" in text
        assert "Example" in text
        assert "--json" in text
        assert "--quiet" in text

    @pytest.mark.parametrize("command", ["app", "fix", "map"])
    @pytest.mark.slow
    def test_help_needs_no_torch(self, command: str) -> None:
        code = (
            "import sys\nfrom dpdeblur.cli import app\n"
            f"try:\n    app(['{command}', '--help'])\nexcept SystemExit:\n    pass\n"
            "heavy = {'torch', 'numpy', 'cv2', 'skimage'} & sys.modules.keys()\nassert not heavy"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    def test_version(self) -> None:
        assert run("--version").stdout == f"dpdeblur {dpdeblur.__version__}\n"

    def test_choices_are_those_of_the_library(self) -> None:
        from dpdeblur.device import PRECISIONS

        assert {choice.value for choice in ProtocolName} == set(PROTOCOLS)
        assert {choice.value for choice in Precision} == {"auto", *PRECISIONS}
