"""Networks and optimisers at equal cost: each contender trains for the same CPU time on one thread.

    python benchmarks/tournament.py NAME... --photos DIR --validation DIR [--minutes 30] -o runs/t

Every contender draws the same scenes from the same seed and anneals its rate by the end of its
budget. Its CPU time is that of the process, rendering included, scoring left out. NAME.jsonl in the
output folder gets a line for each score: CPU seconds, step, PSNR on synthetic pairs like
photographs of 840 and of 1680 pixels across; NAME.safetensors the moving average of the weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

import torch
from torch import Tensor

from dpdeblur.models import PAPER, MCCNetConfig, save_model
from dpdeblur.training import (
    Batch,
    SceneConfig,
    Stage,
    SyntheticPairs,
    TrainConfig,
    Validator,
    load_photos,
    train,
)

BARE = MCCNetConfig(use_bank=False, use_selection=False, use_volume=False, use_cc=False, levels=1)
PYRAMID = MCCNetConfig(use_volume=False, use_cc=False)
VOLUME = MCCNetConfig(use_cc=False)
BASE = TrainConfig(
    rate=1e-3,
    optimiser="muon",
    warm_up=50,
    epsilon=0.01,
    precision="fp32",
    margin=16,
    checkpoint_every=100,
    stages=(Stage(0.0, 160, 160, 3),),
    scenes=SceneConfig(sharp=0.22, large=0.25, moderate_range=(0.4, 7.0), large_range=(6.0, 20.0)),
)
# From `compact` on each adds an idea, up to `volume-correlation`; the others change one thing.
MODELS = {
    "mccnet": PAPER,
    "compact": BARE,
    "bank": dataclasses.replace(BARE, use_bank=True, use_selection=True),
    "pyramid": PYRAMID,
    "volume": VOLUME,
    "volume-correlation": MCCNetConfig(),
    "correlation": dataclasses.replace(PYRAMID, use_cc=True),
    "no-bank": dataclasses.replace(VOLUME, use_bank=False),
    "no-selection": dataclasses.replace(VOLUME, use_selection=False),
    "no-pyramid": dataclasses.replace(VOLUME, levels=1),
    "wide": dataclasses.replace(VOLUME, widths=(48, 96, 144)),
    "narrow": dataclasses.replace(VOLUME, widths=(24, 48, 72)),
    "deep": dataclasses.replace(VOLUME, widths=(32, 64, 128), blocks=(2, 2, 5)),
}
CONTENDERS = {name: dataclasses.replace(BASE, model=model) for name, model in MODELS.items()}
CONTENDERS["pyramid-adamw"] = dataclasses.replace(CONTENDERS["pyramid"], optimiser="adamw")
CALIBRATION, SLICES = 20, 12
SIZE, COUNT = (320, 448), 6
VALIDATION = {
    "840": SceneConfig(
        sharp_range=(0.0, 0.35), moderate_range=(0.25, 4.0), large_range=(4.0, 9.0), ramp=2.0
    ),
    "1680": SceneConfig(moderate_range=(0.5, 8.0), large_range=(8.0, 18.0), large=0.2),
}


def validation_pairs(photos: list[Tensor]) -> dict[str, list[Batch]]:
    found = {}
    for name, scenes in VALIDATION.items():
        pairs = SyntheticPairs(photos, scenes, 12345)
        sides = [side + 2 * pairs.margin for side in SIZE]
        large = [p for p in photos if p.shape[1] >= sides[0] and p.shape[2] >= sides[1]]
        pairs = SyntheticPairs(large, scenes, 12345)
        found[name] = [pairs.batch(number, 1, SIZE) for number in range(COUNT)]
    return found


def compete(
    name: str, pairs: SyntheticPairs, validator: Validator, seconds: float, out: Path
) -> None:
    """Train one contender for `seconds` of CPU time, in slices; goes on after the last whole one.

    How many steps are left is estimated anew before each slice from what a step cost in the one
    before, so that the rate has fallen when the time is over, whatever else the machine does.
    """
    config = dataclasses.replace(CONTENDERS[name], seed=pairs.seed, checkpoint_every=10**6)
    log = out / f"{name}.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    cpu, done = (lines[-1]["cpu"], lines[-1]["step"]) if lines else (0.0, 0)
    cost = lines[-1]["cost"] if lines else 0.0
    while not lines or lines[-1]["left"] > 0:
        left = max(1, round((seconds - cpu) / cost)) if cost else 10**6
        share = round(seconds / SLICES / cost) if cost else CALIBRATION
        count = left if left < 1.5 * share else share
        began = time.process_time()
        network = train(
            dataclasses.replace(config, steps=done + left),
            pairs,
            out / f"{name}.pt",
            stop_after=done + count,
        )
        spent = time.process_time() - began
        # A slice that was trained but not logged before a kill costs nothing now.
        cost = max(spent / count, cost / 2)
        cpu, done = cpu + spent, done + count
        scores = {key: score.psnr for key, score in validator(network).items()}
        lines.append({"cpu": cpu, "step": done, "left": left - count, "cost": cost, **scores})
        with log.open("a") as file:
            file.write(json.dumps(lines[-1]) + "\n")
        print(name, lines[-1], flush=True)
        save_model(network, out / f"{name}.safetensors", {"cpu_seconds": f"{cpu:.0f}"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="+", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0, help="of scenes and first weights")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    device = torch.device("cpu")
    pairs = SyntheticPairs(load_photos(arguments.photos, device), BASE.scenes, arguments.seed)
    validator = Validator(validation_pairs(load_photos(arguments.validation, device, 430)))
    for name in arguments.names:
        compete(name, pairs, validator, 60 * arguments.minutes, arguments.output)


if __name__ == "__main__":
    main()
