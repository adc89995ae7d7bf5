"""What a recipe asks for, looked at before any work."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from dpdeblur.errors import DPDeblurError, MissingFileError, OptionError, UnreadableFileError
from dpdeblur.models import MCCNetConfig
from dpdeblur.training import TrainConfig, read_config, run_recipe
from dpdeblur.training.config import Stage, ValidationConfig
from dpdeblur.training.scenes import SceneConfig
from dpdeblur.training.sources import check_folders, settled

CPU = torch.device("cpu")


@pytest.mark.parametrize(("failure", "found"), [(None, "bf16"), ("no such words", "fp32")])
def test_the_precision_auto(
    monkeypatch: pytest.MonkeyPatch, failure: str | None, found: str
) -> None:
    monkeypatch.setattr("dpdeblur.training.sources.try_out", lambda *_: failure)
    config, notes = settled(TrainConfig(), CPU)
    assert config == dataclasses.replace(TrainConfig(), precision=found)
    assert all("cannot compute in bf16 (no such words)" in note for note in notes)
    assert len(notes) == (failure is not None)
    for named in ("bf16", "fp32"):
        kept = TrainConfig(precision=named)
        assert settled(kept, CPU) == (kept, ())


def test_folders_are_looked_for_before_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a device was asked for")

    monkeypatch.setattr("dpdeblur.training.run.choose", refuse)
    recipe = tmp_path / "a.toml"
    (tmp_path / "photos").mkdir()
    for text, kind in (
        ('photos = "none"', MissingFileError),
        ('photos = "a.toml"', UnreadableFileError),
        ('photos = "photos"\n[validation]\npairs = "none"', MissingFileError),
        ("", OptionError),
    ):
        recipe.write_text(text)
        with pytest.raises(kind):
            run_recipe(recipe, tmp_path / "run")
    recipe.write_text('photos = "photos"')
    check_folders(read_config(recipe), tmp_path)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Stage, {"batch": 10**9}),
        (Stage, {"height": 2**40}),
        (ValidationConfig, {"count": 10**6}),
        (SceneConfig, {"occluders": 10**9}),
        (SceneConfig, {"large_range": (0.0, 1e300)}),
        (MCCNetConfig, {"stem_width": 2**62}),
        (MCCNetConfig, {"blocks": (10**9,) * 3}),
        (TrainConfig, {"level_weights": (1.0,) * 10**5}),
    ],
)
def test_sizes_beyond_reason_are_refused(kind: Any, values: dict[str, Any]) -> None:
    with pytest.raises(DPDeblurError) as error:
        kind(**values)
    assert next(iter(values)) in str(error.value)
