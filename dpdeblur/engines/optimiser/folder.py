"""The folder that a map of defocus is written to: map, preview, picture, and a record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dpdeblur.engines.base import Restored
from dpdeblur.io import write_map, write_picture
from dpdeblur.io.atomic import check_writable, write_whole
from dpdeblur.pair import DualPixelPair
from dpdeblur.plots import draw_defocus

SCHEMA = 2
"""Of map.json."""
SIGN = "positive behind the focus plane, negative in front of it, 0 in focus"
UNIT = "radius of the circle of confusion in pixels of this map"
GENERIC_UNIT = "radius of a generic lens's circle of confusion: right up to a factor"


def map_files(folder: Path) -> dict[str, Path]:
    """The files of a map's folder: `defocus`, `preview`, `sharp` and `record`."""
    return {
        "defocus": folder / "defocus.tif",
        "preview": folder / "defocus_preview.png",
        "sharp": folder / "sharp.png",
        "record": folder / "map.json",
    }


def check_map_files(folder: Path, inputs: Sequence[Path], *, overwrite: bool = False) -> None:
    """Find out before the long work whether all could be written; raises as `write_whole` does."""
    for path in map_files(folder).values():
        check_writable(path, overwrite=overwrite, inputs=inputs)


def describe_map(pair: DualPixelPair, restored: Restored) -> dict[str, Any]:
    """What map.json says of a map, but for its inputs. The map is to have been found."""
    assert restored.defocus is not None
    height, width = pair.upright(restored.defocus).shape
    relative = restored.run.settings["calibration"] is None
    light: dict[str, Any] = {"encoding": "sRGB"}
    if pair.levels is not None:
        black, white = pair.levels
        light = {"encoding": "raw", "black": black, "white": white}
    return {
        "schema": SCHEMA,
        "width": width,
        "height": height,
        "relative": relative,
        "sign": SIGN,
        "unit": GENERIC_UNIT if relative else UNIT,
        "radii": [float(restored.defocus.min()), float(restored.defocus.max())],
        "light": light,
        "run": asdict(restored.run),
    }


def write_map_folder(
    folder: Path,
    pair: DualPixelPair,
    restored: Restored,
    record: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> Sequence[str]:
    """Write all files, upright, and the `record` as map.json; gives `write_picture`'s warnings.

    Each file is written whole or not at all. Raises OutputExistsError and UnwritableOutputError.
    """
    assert restored.defocus is not None
    files, defocus = map_files(folder), pair.upright(restored.defocus)
    write_map(files["defocus"], defocus, overwrite=overwrite)
    draw_defocus(files["preview"], defocus, relative=bool(record["relative"]), overwrite=overwrite)
    picture = pair.upright(restored.image)
    warnings = write_picture(files["sharp"], picture, pair.info, bit_depth=16, overwrite=overwrite)
    said = {"warnings": [*record.get("warnings", ()), *warnings]}
    document = json.dumps({**record, **said}, indent=2, allow_nan=False) + "\n"
    write_whole(files["record"], document.encode(), overwrite=overwrite)
    return warnings
