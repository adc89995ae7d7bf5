"""What a picture takes, by its size and by the memory allowed: peak memory and CPU time.

    python benchmarks/memory.py --sizes 840x560 1680x1120 --budgets none 500MB [--files png tif]

Each figure comes from a process of its own, in fp32 on one thread. The rise is that of the peak
resident memory over what the process held with PyTorch and the weights loaded; the views, made of
noise, are in integers of 16 bits, as read from files.

With `--files` all of `dpdeblur fix` is measured, on files of noise of these formats. The rise is
then that over a process that has imported as much and has no picture: weights, views and result
count as well. So does CPU time, less that process's. Linux only.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

IMPORTS = "import dpdeblur.cli.fix, dpdeblur.engines.network, dpdeblur.pair, dpdeblur.raw"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", default=["840x560", "1680x1120"])
    parser.add_argument("--budgets", nargs="+", default=["none"], help="none is the default")
    parser.add_argument("--weights", default="mccnet")
    parser.add_argument("--files", nargs="+", default=["none"], help="formats: png, tif, ...")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure, arguments.weights)))
        return
    if arguments.write:
        write(*arguments.write)
        return
    print(f"{'size':>12}{'budget':>9}{'files':>7}", end="")
    print(f"{'tiles':>7}{'rise MB':>9}{'CPU s':>8}{'us/pixel':>10}")
    for size, budget, kind in itertools.product(
        arguments.sizes, arguments.budgets, arguments.files
    ):
        if kind == "none":
            command = [__file__, "--weights", arguments.weights, "--measure", size, budget]
            run = json.loads(subprocess.check_output([sys.executable, *command], text=True))
        else:
            run = measure_fix(size, budget, arguments.weights, kind)
        width, height = map(int, size.split("x"))
        print(
            f"{size:>12}{budget:>9}{kind:>7}{run['tiles']:7}{run['rise'] / 1e6:9.0f}"
            f"{run['seconds']:8.1f}{run['seconds'] / (width * height) * 1e6:10.2f}",
            flush=True,
        )


def noise(height: int, width: int, seed: int) -> NDArray[np.uint16]:
    random = np.random.default_rng(seed)
    samples = np.empty((height, width, 3), np.uint16)
    for row in samples:  # no more memory than the picture itself
        row[:] = random.integers(0, 2**16, row.shape, np.uint16)
    return samples


def measure(size: str, budget: str, weights: str) -> dict[str, float]:
    """Tiles, bytes above what was held before, and CPU seconds of the engine's work."""
    import time

    import psutil
    import torch

    from dpdeblur import scratch
    from dpdeblur.engines import Network, NetworkOptions
    from dpdeblur.io import Picture, PictureInfo
    from dpdeblur.memory import parse_memory, peak_memory
    from dpdeblur.models import load_model
    from dpdeblur.pair import DualPixelPair

    torch.set_num_threads(1)
    width, height = map(int, size.split("x"))
    limit = None if budget == "none" else parse_memory(budget)
    engine = Network(load_model(weights), NetworkOptions("cpu", "fp32", max_memory=limit))
    info = PictureInfo(Path("noise.tif"), 16, gray=False)
    views = (scratch.keep(noise(height, width, seed)) for seed in (0, 1))
    pair = DualPixelPair(*(Picture(view, 16, info) for view in views))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = psutil.Process().memory_info().rss
    began = time.process_time()
    tiles = engine.run(pair).run.tiles
    seconds = time.process_time() - began
    rise = (peak_memory(torch.device("cpu")) or 0) - before
    return {"tiles": tiles or 0, "rise": rise, "seconds": seconds}


def measure_fix(size: str, budget: str, weights: str, kind: str) -> dict[str, float]:
    """Tiles, bytes above those of a process without a picture, and CPU seconds of `fix`."""
    with tempfile.TemporaryDirectory() as folder:
        left, right, sharp = (str(Path(folder, f"{name}.{kind}")) for name in "lrs")
        subprocess.run([sys.executable, __file__, "--write", size, left], check=True)
        subprocess.run([sys.executable, __file__, "--write", size, right], check=True)
        options = ["--weights", weights, "--precision", "fp32", "--device", "cpu", "--json"]
        options += [] if budget == "none" else ["--max-memory", budget]
        empty = process(["-c", IMPORTS])
        whole = process(["-m", "dpdeblur", "fix", left, right, "-o", sharp, *options])
    rise, seconds = (ended - began for began, ended in zip(empty[:2], whole[:2], strict=True))
    return {"tiles": json.loads(whole[2])["run"]["tiles"], "rise": rise, "seconds": seconds}


def process(arguments: list[str]) -> tuple[int, float, str]:
    """What Python takes at most in bytes, CPU seconds, and what it prints, on one thread."""
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(
            [sys.executable, *arguments], stdout=out, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        # Linux counts this process's own memory for the child, too; but that is less.
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(child.returncode)
        out.seek(0)
        return 1024 * usage.ru_maxrss, usage.ru_utime + usage.ru_stime, out.read()


def write(size: str, path: str) -> None:
    """Write a view of noise with 16 bits."""
    from dpdeblur.io import write_picture

    width, height = map(int, size.split("x"))
    write_picture(Path(path), noise(height, width, seed=ord(Path(path).stem)))


if __name__ == "__main__":
    main()
