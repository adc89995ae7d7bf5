"""Batches of small pairs, and an engine that is instant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur.batch import MANIFEST_NAME, Plan, plan_jobs
from dpdeblur.engines import ProgressCallback, Restored, RestoreOptions
from dpdeblur.io import write_picture
from dpdeblur.io.picture import FileViews
from dpdeblur.models import PAPER, LoadedModel, MCCNet

MODEL = LoadedModel(MCCNet(PAPER), {}, "untrained", "0" * 64)


def view(seed: int, height: int = 18, width: int = 24) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def write_pair(folder: Path, name: str, seed: int, extension: str = ".png") -> None:
    for side, extra in (("L", 0), ("R", 1000)):
        write_picture(folder / f"{name}_{side}{extension}", view(seed + extra))


def fake_restore(
    model: LoadedModel,
    views: FileViews,
    options: RestoreOptions,
    progress: ProgressCallback | None,
) -> Restored:
    """The combined picture, with what a real engine reports; instant."""
    rows = len(views.left)
    for done in (0, rows):
        if progress is not None:
            progress(done, rows)
    return Restored(views.combined(), "cpu", "fp32", 24, 1, 0.25, None, ("a note",))


def read_manifest(folder: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    content = json.loads((folder / MANIFEST_NAME).read_text("utf-8"), parse_constant=refuse)
    assert isinstance(content, dict)
    return content


def statuses(folder: Path) -> dict[str, str]:
    return {entry["name"]: entry["status"] for entry in read_manifest(folder)["pictures"]}


def no_leftovers(folder: Path) -> bool:
    return not any(path.name.startswith(".") for path in folder.rglob("*"))


def three_pairs(tmp_path: Path) -> Plan:
    for number in (1, 2, 3):
        write_pair(tmp_path / "in", f"{number}", number)
    return plan_jobs(tmp_path / "in", tmp_path / "out")
