"""Recipes: training runs read from TOML files, and the presets they start from."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dpdeblur.errors import OptionError
from dpdeblur.io.atomic import read_at_most
from dpdeblur.io.limits import METADATA
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
    try:
        values = tomllib.loads(read_at_most(path, METADATA).decode())
    except (ValueError, RecursionError) as error:  # of TOML, of UTF-8, of very long numbers
        raise OptionError(str(path), f"it is not valid TOML ({error})") from error
    preset = values.pop("preset", "fast")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise OptionError("preset", f"{preset!r} is not one of {', '.join(PRESETS)}")
    if "steps" in values:
        if "epochs" in values:
            raise OptionError("epochs", "'steps' is set too; give one of the two")
        values["epochs"] = 0  # whatever the preset says
    config: TrainConfig = _filled(PRESETS[preset], values)
    return config


def _filled(default: Any, table: Mapping[str, Any], key: str = "") -> Any:
    """`default` with the values of a table of TOML, which is the recipe itself or below `key`."""
    names = [item.name for item in dataclasses.fields(default)]
    known = names if key else ["preset", *names]
    values = dict(table)
    for name, value in table.items():
        inner = f"{key}.{name}" if key else name
        if name not in names:
            raise OptionError(inner, f"unknown key; use one of {', '.join(known)}")
        ours = getattr(default, name)
        if isinstance(value, dict) and dataclasses.is_dataclass(ours):
            values[name] = _filled(ours, value, inner)
        elif isinstance(value, list) and name == "stages":
            rows = [_filled(ours[0], row, inner) if isinstance(row, dict) else row for row in value]
            values[name] = rows
    try:
        return dataclasses.replace(default, **values)
    except OptionError as error:
        raise OptionError(f"{key}.{error.key}" if key else error.key, error.reason) from error
