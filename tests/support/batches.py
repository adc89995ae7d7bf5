"""Batches of small pairs, and an engine that is instant."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur.batch import MANIFEST_NAME, Plan, plan_jobs
from dpdeblur.engines import Engine, ProgressCallback, Restored, RunInfo, Window
from dpdeblur.io import write_picture
from dpdeblur.pair import DualPixelPair

Run = Callable[[DualPixelPair, ProgressCallback | None], Restored]


def view(seed: int, height: int = 18, width: int = 24) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def write_pair(folder: Path, name: str, seed: int, extension: str = ".png") -> None:
    for side, extra in (("L", 0), ("R", 1000)):
        write_picture(folder / f"{name}_{side}{extension}", view(seed + extra))


class FakeEngine:
    """The combined picture, with what a real engine reports; instant.

    `act`, if given, is called with the pair and the progress callback instead of `fake_run`.
    """

    name = "fake"

    def __init__(self, act: Run | None = None, digest: str = "0" * 64) -> None:
        self.act, self.digest = act or fake_run, digest
        self.settings = {"colour": "blue"}

    def prepare(self) -> None:
        pass

    def warm(self) -> AbstractContextManager[None]:
        return nullcontext()

    def side_by_side(self, most: int) -> Sequence[Engine]:
        return (self,)

    def read(self, pair: DualPixelPair) -> DualPixelPair:
        return pair

    def run(
        self,
        pair: DualPixelPair,
        progress: ProgressCallback | None = None,
        window: Window | None = None,
    ) -> Restored:
        restored = self.act(pair, progress)
        if restored.run.digest == self.digest:
            return restored
        return replace(restored, run=replace(restored.run, digest=self.digest))


class WarmEngine(FakeEngine):
    """Notes in `events` when it becomes warm, runs, and becomes cold."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self.events = events

    @contextmanager
    def warm(self) -> Iterator[None]:
        self.events.append("warm")
        yield
        self.events.append("cold")

    def run(self, *arguments: Any) -> Restored:
        self.events.append("run")
        return super().run(*arguments)


def fake_run(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
    rows = len(pair.left)
    for done in (0, rows):
        if progress is not None:
            progress(done, rows)
    run = RunInfo("fake", {}, "0" * 64, "cpu", "fp32", 0.25, tile_size=(24, 32), notes=("a note",))
    return Restored(pair.combined(), None, run)


ENGINE = FakeEngine()
RUN = RunInfo("mccnet", {"weights": {"sha256": "w"}}, "w", "cpu", "fp32", 2.5, versions={})
"""A record of a run."""


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
