"""How fast a CUDA device restores, and what it could do at most. Needs one; Linux or Windows.

Times one level of full size by every combination of precision (fp32, bf16, fp16), memory layout
(channels_last or not), and way to run it: as it is, by torch.compile, as a CUDA graph; beside the
device's products of matrices, and with the transfers from and to pinned memory. Medians of the
repeats, after a warm-up; each is timed by CUDA's own events. Then the engine on whole pictures of
noise in memory, with all scales: single ones, and those of a batch, which run as graphs.

    python benchmarks/cuda.py --size 1680x1120 --json cuda.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

WAYS = ("eager", "compile", "graph")
MATRIX = 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", nargs="+", default=["mccnet"], help="files or shipped names")
    parser.add_argument("--size", default="1680x1120", help="width x height in pixels")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "fp16"])
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    arguments = parser.parse_args()

    import torch

    if not torch.cuda.is_available():
        sys.exit("There is no CUDA device here that PyTorch can use; nothing was measured.")
    width, height = map(int, arguments.size.split("x"))
    ceilings = {name: product_rate(name, arguments.repeats) for name in arguments.precisions}
    rows: list[dict[str, Any]] = []
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {arguments.size}")
    for name, rate in ceilings.items():
        print(f"product of matrices, {name}: {rate / 1e12:.1f} TFLOP/s")
    print(
        f"{'weights':12}{'precision':>10}{'last':>6}{'way':>9}{'ms':>9}{'share':>8}{'+ copies':>10}"
        f"{'GiB':>7}"
    )
    for weights in arguments.weights:
        for precision in arguments.precisions:
            for last in (False, True):
                for way in arguments.ways:
                    row: dict[str, Any] = {
                        "weights": weights,
                        "precision": precision,
                        "channels_last": last,
                        "way": way,
                    }
                    try:
                        row |= measure(row, (height, width), ceilings, arguments.repeats)
                    except RuntimeError as error:  # what a device or PyTorch cannot do
                        row["error"] = str(error).partition("\n")[0]
                    rows.append(row)
                    print(line(row), flush=True)
    pictures = [
        {"weights": weights, "precision": precision}
        | whole_pictures(weights, precision, height, width)
        for weights in arguments.weights
        for precision in arguments.precisions
    ]
    for row in pictures:
        print(
            f"{row['weights'][-11:]:12}{row['precision']:>10}  whole pictures: "
            f"{row['single']:.0f} ms single, {row['batch']:.0f} ms in a batch"
        )
    if arguments.json:
        about = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
        about |= {"size": [height, width], "products": ceilings, "rows": rows}
        about |= {"pictures": pictures}
        arguments.json.write_text(json.dumps(about, indent=2) + "\n")


def line(row: dict[str, Any]) -> str:
    start = f"{row['weights'][-11:]:12}{row['precision']:>10}{row['channels_last']!s:>6}"
    start += f"{row['way']:>9}"
    if "error" in row:
        return f"{start}  {row['error'][:60]}"
    return (
        f"{start}{row['ms']:9.2f}{row['share']:8.0%}{row['ms_with_copies']:10.2f}"
        f"{row['peak_memory'] / 2**30:7.2f}"
    )


def product_rate(precision: str, repeats: int) -> float:
    """Operations a second of a product of large matrices; fp32 means fp32."""
    import torch

    from dpdeblur.device import PRECISIONS

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    first, second = torch.rand(2, MATRIX, MATRIX, device="cuda").to(PRECISIONS[precision])
    milliseconds = median_of(lambda: first @ second, repeats)
    return 2 * MATRIX**3 / milliseconds * 1000


def measure(
    row: dict[str, Any], size: tuple[int, int], ceilings: dict[str, float], repeats: int
) -> dict[str, float]:
    """Milliseconds of the full-size level, without and with the transfers, and bytes at most."""
    import torch

    from dpdeblur.device import autocast
    from dpdeblur.models import load_model

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    device, precision = torch.device("cuda"), row["precision"]
    network = load_model(row["weights"]).network.to(device)
    if row["channels_last"]:
        network.to(memory_format=torch.channels_last)
    rows, columns = (-(-side // 8) * 8 for side in size)
    shapes = [(rows, columns)] * 2
    if network.config.levels > 1:
        shapes.append((rows // 2, columns // 2))
    pinned = [torch.rand(1, 3, *shape).pin_memory() for shape in shapes]
    result = torch.empty(1, 3, rows, columns).pin_memory()
    inputs = [each.to(device) for each in pinned]

    def level() -> torch.Tensor:
        left, right, *coarser = inputs
        return run(left, right, coarser[0] if coarser else None)

    run: Callable[..., torch.Tensor] = network.level
    if row["way"] == "compile":
        run = torch.compile(network.level)
    with torch.inference_mode(), autocast(device, precision):
        work: Callable[[], Any] = level
        if row["way"] == "graph":
            work = replay = Captured(level)
            output = replay.output
        else:
            output = level()

        def with_copies() -> None:
            for into, given in zip(inputs, pinned, strict=True):
                into.copy_(given, non_blocking=True)
            made = work()
            result.copy_(output if made is None else made, non_blocking=True)

        milliseconds, copied = median_of(work, repeats), median_of(with_copies, repeats)
    operations = level_operations(network, rows, columns)
    return {
        "ms": milliseconds,
        "ms_with_copies": copied,
        "share": operations / ceilings[precision] / milliseconds * 1000,
        "peak_memory": torch.cuda.max_memory_allocated(),
    }


def whole_pictures(weights: str, precision: str, height: int, width: int) -> dict[str, float]:
    """Milliseconds of one picture by itself, and of one in a batch: medians of five."""
    import numpy as np

    from dpdeblur.engines import make_engine
    from dpdeblur.pair import DualPixelPair

    engine = make_engine(weights=weights, device="cuda", precision=precision)
    pair = DualPixelPair(*np.random.default_rng(0).random((2, height, width, 3), dtype=np.float32))
    found = {}
    for name, context in (("single", nullcontext()), ("batch", engine.warm())):
        with context:
            times = []
            for _ in range(8):
                start = time.perf_counter()
                engine.run(pair)
                times.append(1000 * (time.perf_counter() - start))
            found[name] = statistics.median(times[3:])
    return found


class Captured:
    """A CUDA graph of some work, to be called; `output` holds what it makes."""

    def __init__(self, work: Callable[[], Any]) -> None:
        import torch

        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                work()
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.output = work()

    def __call__(self) -> None:
        self.graph.replay()


def level_operations(network: Any, rows: int, columns: int) -> float:
    """Two for each multiply-add of convolutions and attention of the level of full size."""
    from dpdeblur.models import count_cost

    cost = count_cost(network.config, height=rows, width=columns)
    levels = network.descriptor.levels_for(rows, columns)
    return 2 * (cost.convolution + cost.attention) / sum(4.0**-level for level in range(levels))


def median_of(work: Callable[[], Any], repeats: int) -> float:
    """Milliseconds, after three runs that do not count."""
    import torch

    for _ in range(3):
        work()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


if __name__ == "__main__":
    main()
