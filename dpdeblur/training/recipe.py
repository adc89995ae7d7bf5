"""Recipes: training runs read from TOML files, and the presets they start from."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dpdeblur.datasets import is_folder
from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.models import PAPER
from dpdeblur.training.config import Stage, TrainConfig

# The paper states neither batch nor precision, which are assumed, and mentions no residual.
PRESETS: Mapping[str, TrainConfig] = {
    "fast": TrainConfig(),
    "paper": TrainConfig(
        epochs=200,
        rate=1e-4,
        betas=(0.9, 0.999),
        weight_decay=0.0,
        warm_up=0,
        schedule="halving",
        clip=0.0,
        ema=0.0,
        epsilon=1e-3,
        ms_ssim=1.0,
        precision="fp32",
        stages=(Stage(0.0, 512, 512, 4),),
        model=dataclasses.replace(PAPER, residual=False),
    ),
}


def read_config(path: Path) -> TrainConfig:
    """Read a recipe.

    Args:
        path: a TOML file with TrainConfig's keys, and tables for `[[stages]]` and the other parts.
            Its key `preset` ("fast" by default) names the one of PRESETS that supplies all keys
            left out.

    Returns:
        The recipe.

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: the file cannot be read.
        OptionError: a key is unknown, of a wrong type or has a value that cannot be used; it names
            the key.

    >>> recipe = Path("recipe.toml")
    >>> _ = recipe.write_text('photos = "photos"\\nsteps = 4\\nwarm_up = 1')
    >>> read_config(recipe).steps
    4
    """
    if is_folder(path):
        raise UnreadableFileError(path, "it is a folder")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:  # of TOML, of UTF-8, of very long numbers
        raise OptionError(str(path), f"it is not valid TOML ({error})") from error
    preset = values.pop("preset", "fast")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise OptionError("preset", f"{preset!r} is not one of {', '.join(PRESETS)}")
    if "steps" in values:
        if "epochs" in values:
            raise OptionError("epochs", "'steps' is set too; give one of the two")
        values["epochs"] = 0  # whatever the preset says
    config: TrainConfig = _build(PRESETS[preset], values, "")
    return config


def _build(default: Any, value: Any, key: str, any_length: bool = False) -> Any:
    """`value` from TOML as the kind of thing that `default` is."""
    if dataclasses.is_dataclass(default) and not isinstance(default, type):
        if not isinstance(value, dict):
            raise OptionError(key, f"{value!r} is not a table; write its keys below [{key}]")
        names = [item.name for item in dataclasses.fields(default)]
        known = names if key else ["preset", *names]
        lengths = {item.name for item in dataclasses.fields(default) if item.metadata}
        checked = {}
        for name, item in value.items():
            inner = f"{key}.{name}" if key else name
            if name not in names:
                raise OptionError(inner, f"unknown key; use one of {', '.join(known)}")
            checked[name] = _build(getattr(default, name), item, inner, name in lengths)
        try:
            return dataclasses.replace(default, **checked)
        except ValueError as error:
            raise OptionError(key, str(error)) from error
    if isinstance(default, tuple):
        tables = dataclasses.is_dataclass(default[0])
        free = tables or any_length
        if not (isinstance(value, list) and value and (free or len(value) == len(default))):
            count = "values" if any_length else f"{len(default)} values"
            wanted = f"a list of tables [[{key}]]" if tables else f"a list of {count}"
            raise OptionError(key, f"{value!r} is not {wanted}")
        return tuple(_build(default[0], item, key) for item in value)
    if type(value) is int and abs(value) >= 2**63:  # TOML has no larger ones, but Python does
        raise OptionError(key, "it is too large")
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise OptionError(key, f"{value!r} is not of type {type(default).__name__}")
    return value
