"""What a training run is: read from a TOML file, checked key by key."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.models import MCCNet, MCCNetConfig
from dpdeblur.training.scenes import SceneConfig
from dpdeblur.training.synthetic import CameraConfig
from dpdeblur.views import is_folder

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
    """One run; raises OptionError naming the key whose value cannot be used.

    `photos` is a folder of sharp pictures; `stages` let the crops grow. `initial` names weights
    to start from, whose widths and switches then hold instead of `model`; empty starts from He
    initialisation.

    What differs from the paper (Sections 3.5 and 4.2), as this must be a short run on a CPU:

    - AdamW with `warm_up` steps of linear warm-up, cosine decay to `final` of `rate`, gradients
      clipped to the norm `clip` and a moving average of the weights (`ema`), instead of Adam at
      1e-4, halved every 60 of 200 epochs.
    - The Charbonnier loss alone. The paper adds MS-SSIM, whose five scales need larger crops than
      these; it is planned.
    - `epsilon` of that loss is 0.03 instead of 1e-3, with which the many small errors of noise and
      lost texture outweigh the edges that can be restored: on small batches early training hardly
      moved (+0.03 dB on validation pairs after 600 steps).
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
    epsilon: float = 0.03
    precision: str = "bf16"
    checkpoint_every: int = 200
    initial: str = ""
    stages: tuple[Stage, ...] = (Stage(),)
    model: MCCNetConfig = field(default_factory=MCCNetConfig)
    scenes: SceneConfig = field(default_factory=SceneConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)

    def __post_init__(self) -> None:
        for part, prefix in (
            (self, ""),
            (self.model, "model."),
            (self.scenes, "scenes."),
            (self.camera, "camera."),
            *((stage, "stages.") for stage in self.stages),
        ):
            _check_numbers(part, prefix)
        starts = [stage.start for stage in self.stages]
        if starts[:1] != [0] or starts != sorted(set(starts)):
            raise OptionError("stages.start", "the first must be 0 and each later one greater")
        if self.scenes.sharp + self.scenes.large > 1:
            raise OptionError("scenes.large", "together with scenes.sharp it must be at most 1")
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise OptionError("precision", f"'{self.precision}' is not one of {known}")

    def stage(self, step: int) -> Stage:
        """The stage that `step` falls into."""
        return [stage for stage in self.stages if step >= stage.start * self.steps][-1]


def read_config(path: Path) -> TrainConfig:
    """Read a TOML file with TrainConfig's keys: tables `model`, `scenes`, `camera`, `[[stages]]`.

    Raises MissingFileError, UnreadableFileError, or OptionError naming the key that is unknown, of
    a wrong type or has a value that cannot be used.
    """
    if is_folder(path):
        raise UnreadableFileError(path, "it is a folder")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(str(path), f"it is not valid TOML ({error})") from error
    config: TrainConfig = _build(TrainConfig(), values, "")
    return config


def _build(default: Any, value: Any, key: str) -> Any:
    """`value` from TOML as the kind of thing that `default` is."""
    if dataclasses.is_dataclass(default) and not isinstance(default, type):
        if not isinstance(value, dict):
            raise OptionError(key, f"{value!r} is not a table; write its keys below [{key}]")
        names = [item.name for item in dataclasses.fields(default)]
        checked = {}
        for name, item in value.items():
            inner = f"{key}.{name}" if key else name
            if name not in names:
                raise OptionError(inner, f"unknown key; use one of {', '.join(names)}")
            checked[name] = _build(getattr(default, name), item, inner)
        return dataclasses.replace(default, **checked)
    if isinstance(default, tuple):
        tables = dataclasses.is_dataclass(default[0])
        if not isinstance(value, list) or not (tables or len(value) == len(default)):
            wanted = f"a list of tables [[{key}]]" if tables else f"a list of {len(default)} values"
            raise OptionError(key, f"{value!r} is not {wanted}")
        return tuple(_build(default[0], item, key) for item in value)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise OptionError(key, f"{value!r} is not of type {type(default).__name__}")
    return value


_MULTIPLE = MCCNet.descriptor.multiple_of
_WIDTHS = {"stem_width", "encoder_widths", "fusion_widths", "decoder_widths", "tail_width"}
_COUNTS = {"steps", "checkpoint_every", "batch", "height", "width"}
_SHARES = {"final", "behind", "sharp", "large", "flat", "wide_share", "view_gain"}
_SCENE_RANGES = {"sharp_range", "moderate_range", "large_range", "exposure"}
_RANGES = _SCENE_RANGES | {"wide_range", "read_noise", "shot_noise"}
_RULES: tuple[tuple[set[str], Callable[[float], bool], str], ...] = (
    (_WIDTHS | _COUNTS | {"rate", "clip", "epsilon"}, lambda x: x > 0, "above 0"),
    ({"betas", "ema", "start"}, lambda x: x < 1, "below 1"),
    (_SHARES, lambda x: x <= 1, "at most 1"),
    ({"height", "width"}, lambda x: x % _MULTIPLE == 0, f"a multiple of {_MULTIPLE}"),
    ({"seed"}, lambda x: x < 2**32, "below 2^32"),
)


def _check_numbers(part: Any, prefix: str) -> None:
    for name, value in vars(part).items():
        values = value if isinstance(value, tuple) else (value,)
        for number in values:
            if not isinstance(number, int | float):
                continue
            if not (math.isfinite(number) and number >= 0):
                raise OptionError(prefix + name, f"{number} is negative or not finite")
            for names, holds, words in _RULES:
                if name in names and not holds(number):
                    raise OptionError(prefix + name, f"{number} is not {words}")
        if name in _RANGES and values[0] > values[1]:
            raise OptionError(prefix + name, f"{list(values)} does not go from low to high")
