"""How good weights are on synthetic pairs of a fixed seed (on real ones: `dpdeblur eval`).

    python benchmarks/quality.py --photos DIR [--weights FILE] [--precision fp32]

Pairs are rendered from the photographs, which must not be ones the weights were trained on, with
blur like DPDD's at two widths, and with everything in focus. The last column says how close to the
input the result stays where that is in focus: where, but for noise, both views equal the truth.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter
from torch import Tensor

from dpdeblur.engines import Engine, make_engine
from dpdeblur.evaluation import Scores, evaluate_pair, mean_scores, score
from dpdeblur.pair import DualPixelPair
from dpdeblur.training import Batch, CameraConfig, SceneConfig, SyntheticPairs, load_photos

SEED, COUNT, SIZE = 12345, 12, (480, 600)
# DPDD at 1680 pixels across is blurred by radii of 0 to 12 pixels mostly, with a tail beyond 18.
AT_1680 = SceneConfig(moderate_range=(0.5, 8.0), large_range=(8.0, 18.0), large=0.2)
AT_840 = SceneConfig(
    sharp_range=(0.0, 0.35), moderate_range=(0.25, 4.0), large_range=(4.0, 9.0), large=0.2, ramp=2.0
)
SCENES = {
    "840 wide": AT_840,
    "1680 wide": AT_1680,
    "in focus": SceneConfig(sharp=1, sharp_range=(0.0, 0.3), flat=1),
}
CAMERA = CameraConfig()
NOISELESS = dataclasses.replace(
    CAMERA, read_noise=(0.0, 0.0), shot_noise=(0.0, 0.0), view_gain=0.0, eight_bit=0.0
)
SAME = 1.5 / 255
AROUND = 11
ENOUGH = 0.02


def arrays(batch: Batch) -> tuple[NDArray[np.float32], ...]:
    """Left, right and sharp picture of a batch of one."""
    return tuple(
        part[0].permute(1, 2, 0).contiguous().numpy()
        for part in (batch.left, batch.right, batch.sharp)
    )


def in_focus(clean: Batch) -> NDArray[np.bool_]:
    left, right, sharp = arrays(clean)
    off = np.maximum(np.abs(left - sharp), np.abs(right - sharp)).max(2)
    found: NDArray[np.bool_] = minimum_filter(off < SAME, AROUND)
    return found


def measure(
    engine: Engine, photos: list[Tensor], scenes: SceneConfig
) -> tuple[Scores, Scores, float]:
    """Mean scores of the input and the result; PSNR of one to the other where in focus."""
    pairs, clean = (SyntheticPairs(photos, scenes, SEED, each) for each in (CAMERA, NOISELESS))
    before, after, kept = [], [], []
    for index in range(COUNT):
        left, right, sharp = arrays(pairs.batch(index, 1, SIZE))
        views = DualPixelPair(left, right)
        untouched = views.combined()
        result, restored = evaluate_pair(engine, views, sharp)
        before.append(score(untouched, sharp))
        after.append(result.scores)
        mask = in_focus(clean.batch(index, 1, SIZE))
        if mask.mean() >= ENOUGH:
            kept.append(-10 * np.log10(np.square(restored - untouched)[mask].mean()))
    return mean_scores(before), mean_scores(after), float(np.mean(kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--photos", type=Path, required=True)
    arguments = parser.parse_args()
    engine = make_engine(weights=arguments.weights, precision=arguments.precision)
    photos = load_photos(arguments.photos, torch.device("cpu"), smallest=430)
    print(f"{'':10}{'input':>22}{'result':>24}{'gain':>11}{'kept in focus':>18}")
    for title, scenes in SCENES.items():
        margin = SyntheticPairs(photos, scenes, SEED, CAMERA).margin
        rows, columns = (side + 2 * margin for side in SIZE)
        large = [p for p in photos if p.shape[1] >= rows and p.shape[2] >= columns]
        before, after, kept = measure(engine, large, scenes)
        cells = (f"{s.psnr:8.2f} {s.ssim:.4f} {s.mae:.4f}" for s in (before, after))
        gain = after.psnr - before.psnr
        print(f"{title:10}{'  '.join(cells)}  {gain:+6.2f} dB {kept:14.1f} dB", flush=True)


if __name__ == "__main__":
    main()
