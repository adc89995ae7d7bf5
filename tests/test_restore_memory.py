"""Sizes in words, control groups, and the memory model against the real thing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dpdeblur.errors import OptionError
from dpdeblur.models import ModelDescriptor
from dpdeblur.restore import parse_memory, plan_strips
from dpdeblur.restore.memory import (
    MemoryModel,
    cgroup_headrooms,
    free_memory,
    peak_memory,
    total_memory,
)

DESCRIPTOR = ModelDescriptor()


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
    write(tmp_path / "fs" / "user", max=1000, current=300, stat="anon 10\ninactive_file 50")
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


@given(
    units=st.integers(2, 600),
    width=st.integers(16, 9000),
    budget=st.integers(10**8, 10**11),
    precision=st.sampled_from(["fp32", "bf16", "fp16"]),
)
def test_fit_takes_the_fewest_strips_the_budget_allows(
    units: int, width: int, budget: int, precision: str
) -> None:
    height, memory = 8 * units, MemoryModel(precision)

    def peak(strip_height: int) -> int:
        strips = plan_strips(height, strip_height, DESCRIPTOR.halo, 8)
        return max(memory.needed(strip.rows_read, width) for strip in strips)

    fitting = memory.fit(height, width, DESCRIPTOR, budget)
    if fitting is None:
        assert peak(8) > budget
        assert memory.smallest(height, width, DESCRIPTOR) >= peak(8)
        return
    assert peak(fitting) <= budget
    count = len(plan_strips(height, fitting, DESCRIPTOR.halo, 8))
    if count > 1:
        fewer = -(-units // (count - 1)) * 8
        assert peak(fewer) > budget


def test_needed_grows_with_the_picture_and_the_precision() -> None:
    sizes = [MemoryModel("fp32").needed(rows, 1680) for rows in range(8, 1200, 8)]
    assert sizes == sorted(set(sizes))
    assert MemoryModel("bf16").needed(560, 840) < MemoryModel("fp32").needed(560, 840)
    assert MemoryModel("fp32", "mps").needed(560, 840) > MemoryModel("fp32").needed(560, 840)
    assert MemoryModel("fp32", "cpu", "tiles").needed(560, 840) < MemoryModel("fp32").needed(
        560, 840
    )


PEAK = """
import numpy as np, psutil
from dpdeblur.models import PAPER, LoadedModel, MCCNet, MCCNetConfig
from dpdeblur.restore import RestoreOptions, restore
from dpdeblur.views import DPViews

def peak():
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))

left, right = np.random.default_rng(0).random((2, 560, 256, 3), dtype=np.float32)
network = MCCNet(PAPER if "%(body)s" == "paper" else MCCNetConfig())
model, views = LoadedModel(network.eval(), {}, "random", ""), DPViews(left, right)
before = psutil.Process().memory_info().rss
restored = restore(model, views, RestoreOptions("cpu", "fp32", max_memory=%(budget)d))
print(restored.strips, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(("body", "budget"), [("paper", 300_000_000), ("compact", 150_000_000)])
def test_max_memory_is_kept(body: str, budget: int) -> None:
    command = [sys.executable, "-c", PEAK % {"body": body, "budget": budget}]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    strips, rise = map(int, output.split())
    assert strips > 1
    # The lower bound makes sure that this measures the run at all.
    assert budget / 3 < rise < budget
