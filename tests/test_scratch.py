"""Large arrays in files: nothing is lost, memory is given back, and there may be no room."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from dpdeblur import scratch

SHAPE = (1024, 1024, 24)  # 48 MiB of 16 bits
SIZE = 2 * 1024 * 1024 * 24
IN_MEMORY = scratch._in_memory


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**12))
    monkeypatch.setattr(scratch, "_in_memory", lambda _: False)


def numbers() -> Any:
    return np.random.default_rng(0).integers(0, 2**16, SHAPE, np.uint16)


def test_small_arrays_stay_in_memory() -> None:
    small = numbers()[:8]
    assert scratch.keep(small) is small
    assert scratch.taken(small) == small.nbytes
    assert scratch.to_be_taken([small.nbytes]) == [small.nbytes]
    assert scratch.keep(small[:0]).size == 0
    assert scratch.empty((8, 8, 3), np.float32).flags.owndata


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives memory back")
def test_large_ones_take_memory_only_while_they_are_looked_at() -> None:
    wanted = numbers()
    held = psutil.Process().memory_info
    before = held().rss
    kept = [scratch.keep(wanted) for _ in range(3)]
    assert held().rss - before < SIZE / 2
    found = [int(each.sum(dtype=np.int64)) for each in kept]
    assert held().rss - before > 2 * SIZE
    kept[0][5] = 7  # what is written survives, too
    scratch.rest()
    assert held().rss - before < SIZE / 2
    assert found == [wanted.sum(dtype=np.int64)] * 3
    assert (kept[0][5] == 7).all()
    np.testing.assert_array_equal(kept[1], wanted)
    assert scratch.taken(kept[0][::2]) == 0
    assert scratch.to_be_taken([SIZE, 8]) == [0, 8]


def test_their_files_have_no_name_and_go_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    folders: list[str] = []
    make = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: folders.append(dir) or make(dir=dir))
    array = scratch.empty(SHAPE, np.uint16)
    array[:] = 3
    assert folders == [str(tmp_path)]
    if os.name == "posix":
        assert not list(tmp_path.iterdir())
    with scratch._lock:
        count = len(scratch._mapped)
    del array
    gc.collect()
    assert len(scratch._mapped) == count - 1
    scratch.rest()


@pytest.mark.parametrize("trouble", ["full", "filled meanwhile", "no folder", "no disk"])
def test_without_room_they_are_in_memory(trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    if trouble == "full":
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=SIZE))
    elif trouble == "filled meanwhile":
        monkeypatch.setattr(tempfile, "TemporaryFile", full)
    elif trouble == "no folder":
        monkeypatch.setenv("TMPDIR", "/nowhere")
        monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    else:
        mounts = [SimpleNamespace(mountpoint="/", fstype="tmpfs")]
        monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
        monkeypatch.setattr(scratch, "_in_memory", IN_MEMORY.__wrapped__)
    foreseen = [0, 0] if trouble in {"filled meanwhile", "no folder"} else [SIZE, SIZE]
    assert scratch.to_be_taken([SIZE, SIZE]) == foreseen
    wanted = numbers()
    assert scratch.keep(wanted) is wanted
    assert scratch.taken(wanted) == SIZE
    assert scratch.empty(SHAPE, np.uint16).flags.owndata


def test_room_counts_for_all_arrays_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30 + 2 * SIZE))
    assert scratch.to_be_taken([SIZE, SIZE, 8]) == [0, 0, 8]
    assert scratch.to_be_taken([SIZE, SIZE, SIZE]) == [SIZE, SIZE, SIZE]


def test_where_files_cannot_be_reserved_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    wanted = numbers()
    kept = scratch.keep(wanted)
    assert not kept.flags.owndata
    np.testing.assert_array_equal(kept, wanted)
    assert not scratch.empty(SHAPE, np.uint16).any()
