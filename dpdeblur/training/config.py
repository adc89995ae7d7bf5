"""What a training run is: read from a TOML file, checked key by key."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dpdeblur.errors import MissingFileError, OptionError
from dpdeblur.models import MCCNetConfig
from dpdeblur.training.scenes import SceneConfig

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Stage:
    """Crops from fraction `start` of the run on: `batch` of `height` x `width` pixels."""

    start: float = 0.0
    height: int = 128
    width: int = 128
    batch: int = 4


@dataclass(frozen=True)
class TrainConfig:
    """One run: AdamW, linear warm-up, cosine decay to `final` of `rate`, clipping, EMA.

    `photos` is a folder of sharp pictures; `stages` let the crops grow. `initial` names weights
    to start from; empty starts from He initialisation.
    """

    photos: str = "photos"
    seed: int = 0
    steps: int = 1000
    rate: float = 6e-4
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-4
    warm_up: int = 100
    final: float = 0.02
    clip: float = 0.5
    ema: float = 0.998
    precision: str = "bf16"
    checkpoint_every: int = 200
    initial: str = ""
    stages: tuple[Stage, ...] = (Stage(),)
    model: MCCNetConfig = field(default_factory=MCCNetConfig)
    scenes: SceneConfig = field(default_factory=SceneConfig)

    def stage(self, step: int) -> Stage:
        """The stage that `step` falls into."""
        return [stage for stage in self.stages if step >= stage.start * self.steps][-1]


def read_config(path: Path) -> TrainConfig:
    """Read a TOML file with the keys of TrainConfig; tables `model` and `scenes`, `[[stages]]`.

    Raises MissingFileError, or OptionError naming the key that is unknown or of a wrong type.
    """
    if not path.is_file():
        raise MissingFileError(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(str(path), f"it is not valid TOML ({error})") from error
    values["model"] = _build(MCCNetConfig, values.get("model", {}), "model.")
    values["scenes"] = _build(SceneConfig, values.get("scenes", {}), "scenes.")
    if "stages" in values:
        values["stages"] = tuple(_build(Stage, stage, "stages.") for stage in values["stages"])
        if not values["stages"] or values["stages"][0].start != 0:
            raise OptionError("stages", "the first stage must start at 0")
    config: TrainConfig = _build(TrainConfig, values, "")
    if config.precision not in PRECISIONS:
        raise OptionError("precision", f"'{config.precision}' is not one of fp32, bf16")
    return config


def _build(kind: type[Any], values: dict[str, Any], prefix: str) -> Any:
    defaults = {item.name: getattr(kind(), item.name) for item in dataclasses.fields(kind)}
    checked = {}
    for key, value in values.items():
        if key not in defaults:
            raise OptionError(prefix + key, f"unknown key; use one of {', '.join(defaults)}")
        wanted = type(defaults[key])
        if wanted is tuple and isinstance(value, list):
            value = tuple(value)
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted:
            raise OptionError(prefix + key, f"{value!r} is not of type {wanted.__name__}")
        checked[key] = value
    return kind(**checked)
