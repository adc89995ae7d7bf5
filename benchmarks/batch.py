"""What reading and writing cost a batch: its rate against that of the bare engine, in one run.

    python benchmarks/batch.py [--size 1680x1120] [--pictures 16] [--weights mccnet] [--device cpu]

One warm engine restores a pair in memory `pictures` times, then a folder of as many 16-bit PNG
pairs: by `Threads`, one at a time, and as `run_batch` chooses. They take turns, and the median
ratio counts. On a busy machine look at the CPU time; where the engine is on the CPU too, the rate
cannot be better than that says, unless fewer threads for each picture waste less.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from dpdeblur.batch import Executor, Threads, plan_jobs, run_batch
from dpdeblur.engines import Engine, make_engine
from dpdeblur.io import write_picture
from dpdeblur.pair import read_pair

EXAMPLE = Path(__file__).parents[1] / "examples" / "canon_r6ii"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="1680x1120", help="width x height in pixels")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--weights", default="mccnet")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    engine = make_engine(
        weights=arguments.weights, device=arguments.device, precision=arguments.precision
    )
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in"), Path(folder, "out")
        write_folder(source, height, width, arguments.pictures)
        pair = read_pair(source / "0_L.png", source / "0_R.png")
        engine.run(pair)

        def bare() -> None:
            with engine.warm():  # as a batch does
                for _ in range(arguments.pictures):
                    engine.run(pair)

        def batch(how: Engine | Executor) -> None:
            report = run_batch(how, plan_jobs(source, out, overwrite=True))
            assert report.count("done") == arguments.pictures

        one_by_one, chosen = partial(batch, Threads(engine)), partial(batch, engine)
        chosen()
        ways = {"bare": bare, "one at a time": one_by_one, "as chosen": chosen}
        turns = [[timed(way) for way in ways.values()] for _ in range(arguments.repeats)]
    print(f"seconds of a picture of {arguments.size}, and the rate against bare")
    for number, what in enumerate(("wall", "CPU")):
        seconds = [
            [turn[way][number] / arguments.pictures for turn in turns] for way in range(len(ways))
        ]
        for name, taken in zip(ways, seconds, strict=True):
            rate = statistics.median(a / b for a, b in zip(seconds[0], taken, strict=True))
            print(f"{what:6}{name:14}{statistics.median(taken):7.2f}{rate:8.1%}")


def write_folder(folder: Path, height: int, width: int, count: int) -> None:
    """Pairs of the example, laid side by side, with a camera's noise, which PNG cannot squeeze."""
    views = read_pair(EXAMPLE / "l.png", EXAMPLE / "r.png")
    rng = np.random.default_rng(0)
    for side, view in (("L", views.left), ("R", views.right)):
        times = -(-height // view.shape[0]), -(-width // view.shape[1]), 1
        pixels = np.tile(view, times)[:height, :width]
        noise = rng.normal(0, 0.004, pixels.shape)
        noisy = np.clip(pixels + noise, 0, 1).astype(np.float32)
        write_picture(folder / f"0_{side}.png", noisy, bit_depth=16)
        for number in range(1, count):
            (folder / f"{number}_{side}.png").write_bytes((folder / f"0_{side}.png").read_bytes())


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds that passed, and that this process computed."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
