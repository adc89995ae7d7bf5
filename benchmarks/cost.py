"""What weights cost beside the processor's own speed: CPU seconds and memory, in one run.

    python benchmarks/cost.py [--size 1680x1120] [--weights mccnet FILE...] [--repeats 3]

Every figure comes from a process of its own on one thread in fp32; the weights take turns with a
product of matrices, as the machine's speed drifts. Medians count. "Share" is the time that the
multiply-adds of the network would take at the speed of that product, by the time it took. "Light",
"inverses" and "mismatch" are what the front end takes of the CPU seconds, measured on its own, at
the full size; all scales together take 1.3 times as much. Linux only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpdeblur.models import MCCNet
    from dpdeblur.pair import DualPixelPair

GEMM = 1536
ROUNDS = 12
FRONT_END = ("light", "inverses", "mismatch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="1680x1120", help="width x height in pixels")
    parser.add_argument("--weights", nargs="+", default=["mccnet"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, height, width)))
        return
    names = ["matrices", *arguments.weights]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(arguments.repeats):
        for name in names:
            command = [sys.executable, __file__, "--size", arguments.size, "--measure", name]
            runs[name].append(json.loads(subprocess.check_output(command, text=True)))
    speed = statistics.median(run["speed"] for run in runs["matrices"])
    print(f"product of matrices: {speed / 1e9:.1f} G multiply-adds a CPU second")
    print(
        f"{arguments.size:16}{'G mult-adds':>12}{'CPU s':>8}{'share':>8}{'memory GB':>11}"
        + "".join(f"{part:>10}" for part in FRONT_END)
    )
    for name in arguments.weights:
        seconds, rise, operations, *parts = (
            statistics.median(run.get(key, 0) for run in runs[name])
            for key in ("seconds", "rise", "operations", *FRONT_END)
        )
        share = operations / speed / seconds
        print(
            f"{name:16}{operations / 1e9:12.0f}{seconds:8.2f}{share:8.0%}{rise / 1e9:11.2f}"
            + "".join(f"{part:10.2f}" for part in parts)
        )


def measure(name: str, height: int, width: int) -> dict[str, float]:
    """Of the product of matrices its speed; of weights CPU seconds, bytes and multiply-adds."""
    import time

    import torch

    torch.set_num_threads(1)
    if name == "matrices":
        first, second = torch.rand(2, GEMM, GEMM)
        first @ second
        began = time.process_time()
        for _ in range(ROUNDS):
            first @ second
        return {"speed": ROUNDS * GEMM**3 / (time.process_time() - began)}
    import numpy as np
    import psutil

    from dpdeblur.engines import Network, NetworkOptions
    from dpdeblur.models import count_cost, load_model
    from dpdeblur.pair import DualPixelPair

    model = load_model(name)
    left, right = np.random.default_rng(0).random((2, height, width, 3), dtype=np.float32)
    pair = DualPixelPair(left, right)
    before = psutil.Process().memory_info().rss
    began = time.process_time()
    Network(model, NetworkOptions("cpu", "fp32")).run(pair)
    seconds = time.process_time() - began
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    operations = count_cost(model.network.config, height=height, width=width).total
    found = {"seconds": seconds, "rise": peak - before, "operations": operations}
    if model.network.config.body == "compact":
        found |= front_end(model.network, pair)
    return found


def front_end(network: MCCNet, pair: DualPixelPair) -> dict[str, float]:
    """CPU seconds that each part of the front end takes at the full size."""
    import time

    import torch

    front = network.front_end
    views = [torch.from_numpy(view).permute(2, 0, 1)[None] for view in (pair.left, pair.right)]
    times = [time.process_time()]
    with torch.inference_mode():
        left, right = map(front.to_light, views)
        times.append(time.process_time())
        for _, restored in front.restore(left, right):
            for _ in restored:
                pass
        times.append(time.process_time())
        front.mismatch(left, right)
        times.append(time.process_time())
    return {
        part: after - before
        for part, (before, after) in zip(FRONT_END, pairwise(times), strict=True)
    }


if __name__ == "__main__":
    main()
