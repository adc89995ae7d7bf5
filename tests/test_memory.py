"""Sizes in words, what is free and taken, control groups."""

from __future__ import annotations

import ctypes
import errno
import mmap
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch

from dpdeblur.errors import OptionError
from dpdeblur.memory import (
    cgroup_headrooms,
    free_memory,
    is_out_of_memory,
    own_block,
    parse_memory,
    peak_memory,
    reusing_memory,
    total_memory,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2_000_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("800M", 800_000_000),
        ("512mib", 536_870_912),
        (".5k", 500),
        ("1T", 10**12),
        (" 4096 ", 4096),
        ("7b", 7),
    ],
)
def test_parse_memory(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize(
    "text", ["", "GB", "two", "-1GB", "2 GB RAM", "1e9", "0", "0.4", "2iB", "1.2.3M", "nan", "inf"]
)
def test_parse_memory_refuses(text: str) -> None:
    with pytest.raises(OptionError, match=r"^max_memory: "):
        parse_memory(text)


def test_free_memory_of_the_cpu_is_plausible() -> None:
    device = torch.device("cpu")
    assert 0 < free_memory(device) <= total_memory(device) == psutil.virtual_memory().total


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_limit_of_the_address_space_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = psutil.Process().memory_info().vms + 2**24
    monkeypatch.setattr(psutil.Process, "rlimit", lambda *_: (limit, limit))
    assert free_memory(torch.device("cpu")) <= 2**24


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_peak_memory_of_the_cpu_is_the_most_the_process_has_held() -> None:
    device = torch.device("cpu")
    before = psutil.Process().memory_info().rss
    held = torch.ones(100_000_000, dtype=torch.uint8)
    peak = peak_memory(device)
    assert peak is not None
    assert peak > before + 0.9 * held.nbytes
    del held
    again = peak_memory(device)
    assert again is not None
    assert again > before + 0.9 * 100_000_000


def test_peak_memory_is_none_where_it_is_not_known(tmp_path: Path) -> None:
    assert peak_memory(torch.device("mps")) is None
    assert peak_memory(torch.device("cpu"), tmp_path / "status") is None


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"memory.{name}").write_text(f"{content}\n")


def headrooms(tmp_path: Path, membership: str) -> list[int]:
    (tmp_path / "cgroup").write_text(membership)
    return sorted(cgroup_headrooms(tmp_path / "cgroup", tmp_path / "fs"))


def test_limits_of_control_groups_count_at_every_level(tmp_path: Path) -> None:
    cached = "anon 10\nactive_file 20\ninactive_file 30"
    write(tmp_path / "fs" / "user", max=1000, current=300, stat=cached)
    write(tmp_path / "fs" / "user" / "session", max="max", current=100)
    assert headrooms(tmp_path, "0::/user/session\n") == [750]
    write(tmp_path / "fs" / "user" / "session", max=400)
    assert headrooms(tmp_path, "0::/user/session\n") == [300, 750]


def test_the_limit_of_a_container_is_at_the_top(tmp_path: Path) -> None:
    write(tmp_path / "fs", max=500, current=600)
    assert headrooms(tmp_path, "0::/somewhere/on/the/host\n") == [0]


def test_control_groups_version_1(tmp_path: Path) -> None:
    group = tmp_path / "fs" / "memory" / "docker" / "abc"
    write(group, limit_in_bytes=900, usage_in_bytes=500, stat="total_inactive_file 100")
    membership = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/\n"
    assert headrooms(tmp_path, membership) == [500]


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert headrooms(tmp_path, "0::/\n") == []
    assert list(cgroup_headrooms(tmp_path / "none", tmp_path / "fs")) == []


@pytest.mark.parametrize(
    ("text", "ran_out"),
    [
        ("could not create a primitive", True),
        ("could not create a primitive descriptor for a convolution", False),
        ("[enforce fail] DefaultCPUAllocator: can't allocate memory", True),
        ("mat1 and mat2 shapes cannot be multiplied", False),
    ],
)
def test_what_says_that_memory_ran_out(text: str, ran_out: bool) -> None:
    assert is_out_of_memory(RuntimeError(text)) is ran_out


def test_no_room_to_load_a_library() -> None:
    """As PyTorch's under a small `ulimit -v`."""
    assert is_out_of_memory(ImportError("libx.so: failed to map segment from shared object"))
    assert not is_out_of_memory(ImportError("No module named 'x'"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is an ordinary tensor")
def test_a_block_of_its_own_goes_back_at_once() -> None:
    like = torch.empty(1)
    before = psutil.Process().memory_info().rss
    with torch.inference_mode():
        block = own_block((4, 5_000_000), like)
        block.fill_(2)
        assert (block.shape, block.dtype) == ((4, 5_000_000), torch.float32)
        assert psutil.Process().memory_info().rss > before + 0.9 * block.nbytes
        del block
    assert psutil.Process().memory_info().rss < before + 2e7
    trained = own_block((4, 5_000_000), like)  # what has gradients is PyTorch's own
    assert trained.untyped_storage().resizable()
    with torch.inference_mode():
        assert own_block((2, 3), like).untyped_storage().resizable()  # so is what is small


def test_without_room_for_a_block_of_its_own_there_is_an_ordinary_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> object:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", full)
    with torch.inference_mode():
        assert own_block((4, 5_000_000), torch.empty(1)).untyped_storage().resizable()


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc"
)
def test_memory_is_given_back_by_the_last_that_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[torch.device] = []
    monkeypatch.setattr("dpdeblur.memory.release_unused", given_back.append)
    cpu = torch.device("cpu")
    with suppress(KeyboardInterrupt), reusing_memory(cpu):
        with reusing_memory(cpu):
            pass
        assert not given_back
        raise KeyboardInterrupt
    assert given_back == [cpu]
    first, second = reusing_memory(cpu), reusing_memory(cpu)  # as in two threads
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert given_back == [cpu]
    second.__exit__(None, None, None)
    assert given_back == [cpu, cpu]
