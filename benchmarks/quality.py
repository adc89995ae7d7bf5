"""How good weights are: real pairs with ground truth, and synthetic pairs of a fixed seed.

    python benchmarks/quality.py --real DIR --first-row 60 --photos DIR [--weights FILE]

The real folder holds X_L, X_R and X_GT pictures; rows above --first-row are not scored. Synthetic
pairs are rendered from the photographs, which must not be ones the weights were trained on. The
last table says how close to the input the result stays where everything is in focus already.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.imaging import read_picture, read_views
from dpdeblur.metrics import Scores, mean_scores, score
from dpdeblur.models import LoadedModel, load_model
from dpdeblur.restore import RestoreOptions, restore
from dpdeblur.training import SceneConfig, SyntheticPairs, load_photos
from dpdeblur.views import DPViews, find_pairs

SEED, COUNT, SIZE = 12345, 24, (320, 400)
IN_FOCUS = SceneConfig(sharp=1, sharp_range=(0.0, 0.3), flat=1)
Sample = tuple[str, DPViews, NDArray[np.float32]]


def real_samples(folder: Path) -> Iterable[Sample]:
    for pair in find_pairs(folder).pairs:
        truth = pair.left.with_name(f"{Path(pair.name).name}_GT.png")
        yield pair.name, read_views(pair.left, pair.right), read_picture(truth).pixels


def synthetic_samples(photos: list[torch.Tensor], scenes: SceneConfig) -> Iterable[Sample]:
    pairs = SyntheticPairs(photos, scenes, SEED)
    for index in range(COUNT):
        batch = pairs.batch(index, 1, SIZE)
        left, right, sharp = (
            part[0].permute(1, 2, 0).contiguous().numpy()
            for part in (batch.left, batch.right, batch.sharp)
        )
        yield str(index), DPViews(left, right), sharp


def report(
    title: str,
    model: LoadedModel,
    samples: Iterable[Sample],
    options: RestoreOptions,
    first_row: int,
) -> None:
    print(f"{title}\n{'':12}{'input':>22}{'result':>24}")
    inputs: list[Scores] = []
    results: list[Scores] = []
    for name, views, sharp in samples:
        restored = restore(model, views, options).pixels
        inputs.append(score(views.combined()[first_row:], sharp[first_row:]))
        results.append(score(restored[first_row:], sharp[first_row:]))
        if len(sharp) > SIZE[0]:
            print_row(name, inputs[-1], results[-1])
    print_row("mean", mean_scores(inputs), mean_scores(results))


def print_row(name: str, before: Scores, after: Scores) -> None:
    cells = (f"{s.psnr:8.2f} {s.ssim:.4f} {s.mae:.4f}" for s in (before, after))
    print(f"{name:12}{'  '.join(cells)}  {after.psnr - before.psnr:+.2f} dB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--real", type=Path)
    parser.add_argument("--first-row", type=int, default=0)
    parser.add_argument("--photos", type=Path)
    arguments = parser.parse_args()
    model = load_model(arguments.weights)
    options = RestoreOptions(precision=arguments.precision)
    if arguments.real:
        report("Real pairs", model, real_samples(arguments.real), options, arguments.first_row)
    if arguments.photos:
        photos = load_photos(arguments.photos, torch.device("cpu"), smallest=430)
        for title, scenes in (("Synthetic pairs", SceneConfig()), ("In focus", IN_FOCUS)):
            report(title, model, synthetic_samples(photos, scenes), options, 0)


if __name__ == "__main__":
    main()
