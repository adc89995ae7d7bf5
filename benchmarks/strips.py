"""What strips cost: time and peak memory of a picture in strips, against the whole picture.

Every figure comes from a process of its own (peak memory never goes down within one), whole and
strips taking turns; the median of the repeats counts. Linux only. Example:

    python benchmarks/strips.py --size 1680x1120 --precision bf16 --heights 560 280
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="840x560", help="width x height in pixels")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--heights", type=int, nargs="+", default=[280, 140], help="of the strips")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    if arguments.measure:
        print(json.dumps(measure(height, width, arguments.precision, arguments.measure)))
        return

    runs: dict[int, list[dict[str, float]]] = {rows: [] for rows in (height, *arguments.heights)}
    for _ in range(arguments.repeats):
        for rows, results in runs.items():
            results.append(in_new_process(rows))
    print(f"{'strips':>12} {'seconds':>9} {'ratio':>6} {'rise MB':>9} {'ratio':>6} {'halo':>6}")
    whole: tuple[float, float] | None = None
    for results in runs.values():
        seconds = statistics.median(result["seconds"] for result in results)
        rise = statistics.median(result["rise"] for result in results)
        whole = whole or (seconds, rise)
        label = f"{results[0]['strips']} of {results[0]['rows']}"
        print(
            f"{label:>12} {seconds:9.2f} {seconds / whole[0]:6.2f} {rise / 1e6:9.0f} "
            f"{rise / whole[1]:6.2f} {results[0]['rows_read'] / height:6.2f}"
        )


def in_new_process(rows: int) -> dict[str, float]:
    command = [sys.executable, __file__, *sys.argv[1:], "--measure", str(rows)]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return found


def measure(height: int, width: int, precision: str, rows: int) -> dict[str, float]:
    """Seconds and rise of the peak resident memory of one restoration on the CPU."""
    import numpy as np
    import psutil

    from dpdeblur.engines import Network, NetworkOptions, plan_strips
    from dpdeblur.models import LoadedModel, MCCNet
    from dpdeblur.pair import DualPixelPair

    left, right = np.random.default_rng(0).random((2, height, width, 3), dtype=np.float32)
    network, pair = MCCNet().eval(), DualPixelPair(left, right)
    model = LoadedModel(network, {}, "random weights", "")
    before = psutil.Process().memory_info().rss
    run = Network(model, NetworkOptions("cpu", precision, strip_height=rows)).run(pair).run
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    multiple, halo = network.descriptor.multiple_of, network.descriptor.halo
    strips = plan_strips(-(-height // multiple) * multiple, rows, halo, multiple)
    return {
        "seconds": run.seconds,
        "rise": peak - before,
        "strips": run.strips,
        "rows": run.strip_height,
        "rows_read": sum(strip.rows_read for strip in strips),
    }


if __name__ == "__main__":
    main()
