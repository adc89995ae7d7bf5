"""What a picture takes, by its size and by the memory allowed: peak memory and CPU time.

    python benchmarks/memory.py --sizes 840x560 1680x1120 --budgets none 500MB [--command]

Each figure comes from a process of its own, in fp32 on one thread. The rise is that of the peak
resident memory over what the process held with PyTorch and the weights loaded; the views, made of
noise, are in integers of 16 bits, as read from files. With `--command` the picture is written to
files first and the whole way is measured, from reading them to the file written. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", default=["840x560", "1680x1120"])
    parser.add_argument("--budgets", nargs="+", default=["none"], help="none is the default")
    parser.add_argument("--weights", default="mccnet")
    parser.add_argument("--command", action="store_true", help="from files to a file")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        size, budget = arguments.measure
        found = measure(size, budget, arguments.weights, files=arguments.command)
        print(json.dumps(found))
        return
    print(f"{'size':>12}{'budget':>9}{'tiles':>7}{'rise MB':>9}{'CPU s':>8}{'us/pixel':>10}")
    for size in arguments.sizes:
        for budget in arguments.budgets:
            command = [sys.executable, __file__, *sys.argv[1:], "--measure", size, budget]
            run = json.loads(subprocess.check_output(command, text=True))
            print(
                f"{size:>12}{budget:>9}{run['tiles']:7}{run['rise'] / 1e6:9.0f}"
                f"{run['seconds']:8.1f}{run['seconds'] / run['pixels'] * 1e6:10.2f}",
                flush=True,
            )


def noise(height: int, width: int, seed: int) -> NDArray[np.uint16]:
    random = np.random.default_rng(seed)
    samples = np.empty((height, width, 3), np.uint16)
    for row in samples:  # no more memory than the picture itself
        row[:] = random.integers(0, 2**16, row.shape, np.uint16)
    return samples


def measure(size: str, budget: str, weights: str, *, files: bool) -> dict[str, float]:
    """Tiles, bytes above what was held before, CPU seconds and pixels of one restoration."""
    import time

    import psutil
    import torch

    from dpdeblur.engines import Network, NetworkOptions
    from dpdeblur.io import Picture, PictureInfo, write_picture
    from dpdeblur.memory import parse_memory
    from dpdeblur.models import load_model
    from dpdeblur.pair import DualPixelPair, read_pair

    torch.set_num_threads(1)
    width, height = map(int, size.split("x"))
    limit = None if budget == "none" else parse_memory(budget)
    engine = Network(load_model(weights), NetworkOptions("cpu", "fp32", max_memory=limit))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{side}.tif" for side in ("left", "right", "sharp")]
        info = PictureInfo(paths[0], 16, gray=False)
        views = [Picture(noise(height, width, seed), 16, info) for seed in (0, 1)]
        if files:
            for path, view in zip(paths, views, strict=False):
                write_picture(path, view.samples)
            views = []
        pair = None if files else DualPixelPair(*views)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = psutil.Process().memory_info().rss
        began = time.process_time()
        pair = pair or read_pair(*paths[:2])
        restored = engine.run(pair)
        if files:
            write_picture(paths[2], restored.samples, pair.info)
        seconds = time.process_time() - began
        status = Path("/proc/self/status").read_text().splitlines()
        peak = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {
        "tiles": restored.run.tiles,
        "rise": peak - before,
        "seconds": seconds,
        "pixels": height * width,
    }


if __name__ == "__main__":
    main()
