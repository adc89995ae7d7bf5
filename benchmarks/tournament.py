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

from dpdeblur.models import PAPER, MCCNet, MCCNetConfig, save_model
from dpdeblur.training import (
    Batch,
    SceneConfig,
    Stage,
    StepReport,
    SyntheticPairs,
    TrainConfig,
    Validator,
    load_photos,
    train,
)

PLAIN = MCCNetConfig(use_cc=False, use_volume=False)  # inverses and coarse to fine
BARE = dataclasses.replace(PLAIN, use_bank=False, use_selection=False, levels=1)
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
MODELS = {
    "mccnet": PAPER,
    "compact": BARE,
    "bank": dataclasses.replace(BARE, use_bank=True, use_selection=True),
    "pyramid": PLAIN,
    "correlation": dataclasses.replace(PLAIN, use_cc=True),
    "volume": dataclasses.replace(PLAIN, use_volume=True),
    "both": MCCNetConfig(),
    "wide": dataclasses.replace(PLAIN, widths=(48, 96, 144)),
    "narrow": dataclasses.replace(PLAIN, widths=(24, 48, 72)),
    "deep": dataclasses.replace(PLAIN, widths=(32, 64, 128), blocks=(2, 2, 5)),
    "no-bank": dataclasses.replace(PLAIN, use_bank=False),
    "no-selection": dataclasses.replace(PLAIN, use_selection=False),
}
CONTENDERS = {name: dataclasses.replace(BASE, model=model) for name, model in MODELS.items()}
CONTENDERS["pyramid-adamw"] = dataclasses.replace(CONTENDERS["pyramid"], optimiser="adamw")
CALIBRATION = 20
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
    """Train one contender for `seconds` of CPU time; goes on where it was stopped."""
    config = dataclasses.replace(CONTENDERS[name], steps=10**6)
    checkpoint, log = out / f"{name}.pt", out / f"{name}.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if not lines:
        (out / f"{name}.trial.pt").unlink(missing_ok=True)
        began = time.process_time()
        train(config, pairs, out / f"{name}.trial.pt", stop_after=CALIBRATION)
        cost = (time.process_time() - began) / CALIBRATION
        lines = [{"steps": int(seconds / cost), "cpu": 0.0, "step": 0}]
        log.write_text(json.dumps(lines[0]) + "\n")
    config = dataclasses.replace(config, steps=lines[0]["steps"])
    spent, paused = lines[-1]["cpu"], 0.0
    began, interval = time.process_time(), seconds / 12

    def on_step(report: StepReport, average: MCCNet) -> None:
        nonlocal paused
        cpu = spent + time.process_time() - began - paused
        last = report.step == config.steps
        if not last and cpu < lines[-1]["cpu"] + interval:
            return
        before = time.process_time()
        scores = {key: score.psnr for key, score in validator(average).items()}
        paused += time.process_time() - before
        lines.append({"cpu": round(cpu, 1), "step": report.step, "loss": report.loss, **scores})
        with log.open("a") as file:
            file.write(json.dumps(lines[-1]) + "\n")
        print(name, lines[-1], flush=True)

    network = train(config, pairs, checkpoint, on_step=on_step)
    save_model(network, out / f"{name}.safetensors", {"cpu_seconds": str(lines[-1]["cpu"])})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="+", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    device = torch.device("cpu")
    pairs = SyntheticPairs(load_photos(arguments.photos, device), BASE.scenes, 0)
    validator = Validator(validation_pairs(load_photos(arguments.validation, device, 430)))
    for name in arguments.names:
        compete(name, pairs, validator, 60 * arguments.minutes, arguments.output)


if __name__ == "__main__":
    main()
