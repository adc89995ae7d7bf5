"""Every command's help."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

import dpdeblur
from dpdeblur.cli._options import Precision, ProtocolName
from dpdeblur.cli._wishes import Side
from dpdeblur.evaluation import PROTOCOLS
from dpdeblur.models import find_weights
from support.command import run

COMMANDS = (
    "app",
    "fix",
    "refocus",
    "split",
    "batch",
    "map",
    "score",
    "info",
    "bench",
    "train",
    "mean",
    "eval",
    "synth",
    "export",
)


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_examples_and_output_switches(self, command: str) -> None:
        text = run(command, "--help").stdout
        assert f"dpdeblur {command}" in text
        assert "Example" in text
        assert "--json" in text
        assert "--quiet" in text

    @pytest.mark.parametrize("command", [("fix",), ("calibrate", "show"), ("calibrate",), ()])
    def test_flags_have_no_type(self, command: tuple[str, ...]) -> None:
        text = run(*command, "--help").stdout
        assert "--help" in text
        assert "bool" not in text

    @pytest.mark.parametrize(("command", "extra"), [("app", "app"), ("export", "onnx")])
    def test_extras_are_named(self, command: str, extra: str) -> None:
        """What stands in brackets would pass for markup."""
        assert f"dpdeblur[{extra}]" in " ".join(run(command, "--help").stdout.split())

    def test_paragraphs_fill_the_lines(self) -> None:
        lines = [line.strip() for line in run("fix", "--help").stdout.splitlines()]
        first = next(i for i, line in enumerate(lines) if line.startswith("Give one raw file"))
        paragraph = lines[first : lines.index("", first)]
        assert min(map(len, paragraph[:-1])) > 60

    @pytest.mark.parametrize("command", ["app", "fix", "map"])
    @pytest.mark.slow
    def test_help_needs_no_torch(self, command: str) -> None:
        code = (
            "import sys\nfrom dpdeblur.cli import app\n"
            f"try:\n    app(['{command}', '--help'])\nexcept SystemExit:\n    pass\n"
            "heavy = {'torch', 'numpy', 'cv2', 'skimage'} & sys.modules.keys()\nassert not heavy"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    @pytest.mark.parametrize("command", ["fix", "batch", "eval", "info"])
    def test_shipped_weights_are_named(self, command: str) -> None:
        shipped = {path.stem for path in find_weights().parent.glob("*.safetensors")}
        text = run(command, "--help").stdout
        assert shipped
        assert all(f" {name}" in text for name in shipped)

    def test_version(self) -> None:
        assert run("--version").stdout == f"dpdeblur {dpdeblur.__version__}\n"

    def test_choices_are_those_of_the_library(self) -> None:
        from dpdeblur import steer
        from dpdeblur.device import PRECISIONS

        assert {choice.value for choice in ProtocolName} == set(PROTOCOLS)
        assert {side.value for side in Side} == set(get_args(steer.Side))
        assert {choice.value for choice in Precision} == {"auto", *PRECISIONS}
