"""The scores of a long run, or of one run after another, against their compute.

python benchmarks/learning.py benchmarks/results/fourth-light.jsonl -o docs/images/learning.png
python benchmarks/learning.py benchmarks/results/weights.jsonl -o docs/images/weights.png

A line of the file holds gains in dB over the input, by the name of their set; and either the
`hours` (the sum of `seconds` in the run's log.jsonl) or the `gigapixels` of all crops seen up to
there, in the earlier runs, too, that the weights come from.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    lines = [json.loads(line) for line in arguments.scores.read_text().splitlines()]
    hours = "hours" in lines[0]
    key, label = ("hours", "Hours of one core") if hours else ("gigapixels", "Gigapixels seen")
    sets = sorted({name for line in lines for name in line["gains"]})
    figure, axis = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name in sets:
        points = [(line[key], line["gains"][name]) for line in lines if name in line["gains"]]
        axis.plot(*zip(*points, strict=True), ".-", label=name)
    axis.set(
        xlabel=label,
        xscale="linear" if hours else "log",
        ylabel="PSNR over the input's (dB)",
        ylim=(0, None),
    )
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")
    figure.savefig(arguments.output, dpi=110)


if __name__ == "__main__":
    main()
