"""The names of weights; `eval` tests where their results go."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpdeblur.engines import EngineRequest
from dpdeblur.errors import OptionError
from dpdeblur.evaluation import network_candidates
from dpdeblur.models import find_weights


def network(file: Path) -> EngineRequest:
    return EngineRequest(weights=file, device="cpu", precision="fp32")


def test_the_default_weights_alone() -> None:
    (candidate,) = network_candidates(network, folder=Path("out"))
    assert (candidate.label, candidate.file) == ("mccnet", find_weights())
    assert candidate.output("day.1/a") == Path("out/day.1/a.png")


def test_as_many_folders_as_it_takes(tmp_path: Path) -> None:
    files = [tmp_path / name / "run/best.safetensors" for name in ("a", "b")]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_bytes(find_weights().read_bytes())
    found = network_candidates(network, files, tmp_path)
    assert [each.label for each in found] == ["a/run/best", "b/run/best"]
    assert found[1].output("x") == tmp_path / "b/run/best/x.png"
    assert network_candidates(network, files)[0].output("x") is None
    with pytest.raises(OptionError, match="given twice") as error:
        network_candidates(network, [files[0], files[0]])
    assert error.value.parameter == "weights"
