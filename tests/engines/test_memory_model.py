"""The memory model against the real thing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpdeblur.engines import plan_tiles, whole
from dpdeblur.engines.memory_model import MemoryModel
from dpdeblur.models import MCCNetConfig, ModelDescriptor
from dpdeblur.models.config import describe

PAPER, COMPACT = ModelDescriptor(), describe(MCCNetConfig())


@given(
    sides=st.tuples(st.integers(2, 400), st.integers(2, 400)),
    budget=st.integers(10**8, 10**10),
    precision=st.sampled_from(["fp32", "bf16", "fp16"]),
    descriptor=st.sampled_from([PAPER, COMPACT]),
)
@pytest.mark.slow
def test_fit_takes_the_tiles_that_read_least_within_the_budget(
    sides: tuple[int, int], budget: int, precision: str, descriptor: ModelDescriptor
) -> None:
    height, width = (8 * side for side in sides)
    memory = MemoryModel(descriptor, precision)

    def cut(size: tuple[int, int]) -> tuple[int, int]:
        """The most memory of a tile, and the pixels read in all."""
        tiles = plan_tiles(whole(height, width), size, descriptor.halo, 8)
        return (
            max(memory.needed(tile.rows.read, tile.columns.read) for tile in tiles),
            sum(tile.rows.read * tile.columns.read for tile in tiles),
        )

    fitting = memory.fit(height, width, budget)
    if fitting is None:
        least = (8, width if descriptor is PAPER else 8)
        assert memory.smallest(height, width) >= cut(least)[0]
        assert memory.smallest(height, width) > budget
        return
    needed, read = cut(fitting)
    assert needed <= budget
    if descriptor is PAPER:
        assert fitting[1] == width
    for other in ((fitting[0], width), (2 * fitting[0], fitting[1]), (height, fitting[1])):
        least, all_read = cut(other)
        assert least > budget or all_read >= read


def test_needed_grows_with_the_picture_and_the_precision() -> None:
    sizes = [MemoryModel(PAPER, "fp32").needed(rows, 1680) for rows in range(8, 1200, 8)]
    assert sizes == sorted(set(sizes))
    plain = MemoryModel(PAPER, "fp32").needed(560, 840)
    assert MemoryModel(PAPER, "bf16").needed(560, 840) < plain
    assert MemoryModel(PAPER, "fp32", "mps").needed(560, 840) > plain
    assert MemoryModel(COMPACT, "fp32").needed(560, 840) < plain


PEAK = """
import numpy as np, psutil
from dpdeblur.models import PAPER, LoadedModel, MCCNet, MCCNetConfig
from dpdeblur.engines import Network, NetworkOptions
from dpdeblur.pair import DualPixelPair

def peak():
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))

left, right = np.random.default_rng(0).random((2, 560, %(width)d, 3), dtype=np.float32)
network = MCCNet(PAPER if "%(body)s" == "paper" else MCCNetConfig())
model, views = LoadedModel(network.eval(), {}, "random", ""), DualPixelPair(left, right)
before = psutil.Process().memory_info().rss
engine = Network(model, NetworkOptions("cpu", "fp32", max_memory=%(budget)d))
print(engine.run(views).run.tiles, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("body", "width", "budget"),
    [("paper", 256, 400_000_000), ("compact", 640, 180_000_000), ("compact", 3360, 800_000_000)],
)
def test_max_memory_is_kept(body: str, width: int, budget: int) -> None:
    what = {"body": body, "width": width, "budget": budget}
    command = [sys.executable, "-c", PEAK % what]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    tiles, rise = map(int, output.split())
    assert tiles > 1
    # The lower bound makes sure that this measures the run at all.
    assert budget / 3 < rise < budget
