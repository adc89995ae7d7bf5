"""How long `dpdeblur fix` takes alone and beside busy programs, by how its threads wait.

    python benchmarks/contention.py [LEFT RIGHT] [--busy N] [--repeats N]

Each command runs alone, and beside N processes that compute without end, with OpenMP's threads
waiting for each other as the program has set them, asleep at once, and spinning for as long as
OpenMP lets them unless told otherwise. Seconds of the whole command, medians of the repeats, taken
in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "canon_r6ii"
WAITS = {
    "as dpdeblur": {},
    "asleep": {"OMP_WAIT_POLICY": "passive"},
    "spinning": {"GOMP_SPINCOUNT": "300000"},  # libgomp's own choice
}
BUSY = "while True: pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("views", nargs="*", default=[EXAMPLE / "l.png", EXAMPLE / "r.png"])
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 1, help="processes beside")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{'':16}{'alone':>10}{f'beside {arguments.busy}':>12}")
    seconds: dict[tuple[str, bool], list[float]] = {}
    for _ in range(arguments.repeats):
        for beside in (False, True):
            busy = [
                subprocess.Popen([sys.executable, "-c", BUSY])
                for _ in range(arguments.busy * beside)
            ]
            try:
                for name, settings in WAITS.items():
                    took = run(arguments.views, settings)
                    seconds.setdefault((name, beside), []).append(took)
            finally:
                for process in busy:
                    process.kill()
    for name in WAITS:
        alone, beside = (statistics.median(seconds[name, busy]) for busy in (False, True))
        print(f"{name:16}{alone:9.2f}s{beside:11.2f}s")


def run(views: list[Path], settings: dict[str, str]) -> float:
    """Seconds that the whole command takes."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_"))
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dpdeblur", "fix", *map(str, views), "-q"]
        began = time.perf_counter()
        subprocess.run(
            [*command, "-o", f"{folder}/sharp.png"], env=environment | settings, check=True
        )
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
