"""A batch that is killed, again and again: nothing is lost, nothing is made twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from support.batches import no_leftovers, read_manifest
from support.toy_weights import pairs, restore_folder, toy_weights

KILLS = 30


def results(folder: Path) -> dict[str, tuple[int, int]]:
    """What tells whether a result was written again."""
    found = {path.name: path.stat() for path in folder.glob("*.png")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="starting anew each time would take minutes")
def test_killed_at_random_moments(tmp_path: Path) -> None:
    weights = toy_weights(tmp_path / "toy.safetensors")
    source, out = pairs(tmp_path / "in", 3 * KILLS), tmp_path / "out"
    restore_folder(source, tmp_path / "whole", weights)
    context = multiprocessing.get_context("fork")
    rng = np.random.default_rng()
    for _ in range(KILLS):
        before = results(out)
        process = context.Process(target=restore_folder, args=(source, out, weights))
        process.start()
        begun = len(before) + rng.integers(3)
        while process.is_alive() and len(results(out)) < begun:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert before.items() <= results(out).items()
        for part in out.glob(".dpdeblur-*"):
            os.utime(part, (0, 0))  # as if the next batch came later
    before = results(out)
    restore_folder(source, out, weights)
    assert before.items() <= results(out).items()
    assert no_leftovers(out)
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").glob("*.png")}
    assert {path.name: path.read_bytes() for path in out.glob("*.png")} == whole
    assert {entry["output"] for entry in read_manifest(out)["pictures"]} == whole.keys()
