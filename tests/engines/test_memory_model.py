"""The memory model against the real thing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpdeblur.engines import plan_strips
from dpdeblur.engines.memory_model import MemoryModel
from dpdeblur.models import ModelDescriptor

DESCRIPTOR = ModelDescriptor()


@given(
    units=st.integers(2, 600),
    width=st.integers(16, 9000),
    budget=st.integers(10**8, 10**11),
    precision=st.sampled_from(["fp32", "bf16", "fp16"]),
)
@pytest.mark.slow
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
from dpdeblur.engines import Network, NetworkOptions
from dpdeblur.pair import DualPixelPair

def peak():
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))

left, right = np.random.default_rng(0).random((2, 560, 256, 3), dtype=np.float32)
network = MCCNet(PAPER if "%(body)s" == "paper" else MCCNetConfig())
model, views = LoadedModel(network.eval(), {}, "random", ""), DualPixelPair(left, right)
before = psutil.Process().memory_info().rss
engine = Network(model, NetworkOptions("cpu", "fp32", max_memory=%(budget)d))
print(engine.run(views).run.strips, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(("body", "budget"), [("paper", 300_000_000), ("compact", 250_000_000)])
def test_max_memory_is_kept(body: str, budget: int) -> None:
    command = [sys.executable, "-c", PEAK % {"body": body, "budget": budget}]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    strips, rise = map(int, output.split())
    assert strips > 1
    # The lower bound makes sure that this measures the run at all.
    assert budget / 3 < rise < budget
