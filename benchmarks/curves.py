"""The curves of a tournament, and of a long run, against CPU time.

python benchmarks/curves.py benchmarks/results/tournament/*.jsonl -o docs/images/tournament.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

SETS = {"840": "like 840 pixels across", "1680": "like 1680 pixels across"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("logs", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    figure, axes = plt.subplots(1, len(SETS), figsize=(11, 4.5), layout="constrained")
    for path in arguments.logs:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        scored = [line for line in lines if "840" in line]
        for axis, key in zip(axes, SETS, strict=True):
            minutes = [line["cpu"] / 60 for line in scored]
            axis.plot(minutes, [line[key] for line in scored], ".-", label=path.stem)
    for axis, title in zip(axes, SETS.values(), strict=True):
        axis.set(title=f"Synthetic pairs {title}", xlabel="CPU minutes", ylabel="PSNR (dB)")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    figure.savefig(arguments.output, dpi=110)


if __name__ == "__main__":
    main()
