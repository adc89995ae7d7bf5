"""At which width raw files are best restored: `fix --size`, measured on files of known scenes.

    python benchmarks/raw_sizes.py PHOTO... [--radii 10 40 80] [--weights FILE] [--save DIR]

A part of the sensor of an EOS 5D Mark IV, a fifth of it across (1344 x 896 of 6720 x 4480 pixels),
sees each PHOTO, sharp down to its pixels, on a tilted plane: blurred at the top, behind the focus
plane, by the largest radius (in sensor pixels), at the bottom, in front of it, by a quarter of it.
Shot and read noise, a Bayer mosaic and a CR2 file follow, and the file goes the way of `fix`, at as
many scales as the whole picture would. PSNR
in dB and SSIM are against the sharp PHOTO; pictures of other sizes are reduced as `fix` does it,
or enlarged (Lanczos).
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.colour import srgb_to_linear
from dpdeblur.engines import Engine, Network, NetworkOptions
from dpdeblur.evaluation import Scores, mean_scores, score
from dpdeblur.io import read_picture, write_picture
from dpdeblur.models import load_model
from dpdeblur.optics import DiskPSF, photograph
from dpdeblur.raw import RawOptions, finish, read_raw_pair

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.dual_pixel_raw import camera_colours, write_scene

Array = NDArray[np.float32]
SENSOR, PART = 6720, 5
HEIGHT, WIDTH = 4480 // PART, SENSOR // PART
COMMON = (1680, SENSOR)  # widths at which results are compared with each other
READ, SHOT = 3.8e-4, 3.2e-5  # of a photodiode, white being 1: 3 numbers, 4 electrons a number
GAINS = np.array([2, 1, 1.5])
SEED = 0


def take(picture: Array, largest: float, path: Path) -> Array:
    """Write the raw file of a tilted picture; gives back what of it the sensor's part sees."""
    rows, columns = (
        (side - part) // 2 for side, part in zip(picture.shape[:2], (HEIGHT, WIDTH), strict=True)
    )
    window = np.s_[rows : rows + HEIGHT, columns : columns + WIDTH]
    light = srgb_to_linear(torch.from_numpy(picture).permute(2, 0, 1)[None])
    radius = torch.full((picture.shape[0],), largest)
    radius[window[0]] = torch.linspace(largest, -largest / 4, HEIGHT)
    radius[window[0].stop :] = -largest / 4
    views = photograph(light, radius[:, None].expand(1, 1, -1, light.shape[3]), lens(largest))
    rng = np.random.default_rng(SEED)
    sides = []
    for view in views:
        side = view[0].permute(1, 2, 0).double().numpy()[window].clip(0, 1)
        side[:4, :4] = 1  # clipped, so that white is where the camera has it
        seen = camera_colours(side).clip(0) / GAINS
        sides.append(seen + rng.normal(size=seen.shape) * np.sqrt(READ**2 + SHOT * seen))
    write_scene(path, *(side.clip(0, 1) for side in sides), white_balance=(2048, 1024, 1024, 1536))
    return picture[window]


def lens(largest: float) -> DiskPSF:
    return DiskPSF(0.86, int(np.ceil(largest)) + 1)


def at_width(picture: Array, width: int) -> Array:
    """The picture at a width: reduced in linear light as raw files are, or enlarged."""
    if width <= picture.shape[1]:
        numbers = np.rint(srgb_to_linear(picture.astype(np.float64)).clip(0, 1) * 65535)
        return finish(numbers.astype(np.uint16), size=width)
    size = (width, round(picture.shape[0] * width / picture.shape[1]))
    channels = (
        Image.fromarray(np.ascontiguousarray(picture[..., channel])).resize(
            size, Image.Resampling.LANCZOS
        )
        for channel in range(3)
    )
    return np.stack([np.asarray(channel) for channel in channels], -1).clip(0, 1)


def compare(picture: Array, truth: Array) -> list[Scores]:
    """Scores at its own width and at the common ones."""
    widths = (picture.shape[1], *(common // PART for common in COMMON))
    return [score(at_width(picture, width), at_width(truth, width)) for width in widths]


def measure(
    engine: Engine, photo: Path, radius: float, widths: list[int], save: Path | None
) -> dict[str, list[Scores]]:
    """Scores by what was done: the untouched picture of the sensor's size, and of each width the
    input and the result."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.cr2"
        truth = take(read_picture(photo).srgb(), radius, path)
        found = {}
        for width in widths:
            pair = read_raw_pair(path, RawOptions(size=width // PART))
            pictures = {"input": pair.combined(), "result": engine.run(pair).image}
            for kind, picture in pictures.items():
                found[f"{width} {kind}"] = compare(picture, truth)
                if save is not None:
                    name = f"{photo.stem}_{radius:g}_{width}_{kind}.png"
                    write_picture(save / name, picture, bit_depth=8, overwrite=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    parser.add_argument("--radii", type=float, nargs="+", default=[10, 40, 80])
    parser.add_argument("--widths", type=int, nargs="+", default=[840, 1680, 2520, 3360, SENSOR])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--save", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    model = load_model(arguments.weights)
    # As many scales as the whole picture would get.
    scaled = round(model.descriptor.levels_width / PART)
    model.network.descriptor = dataclasses.replace(model.descriptor, levels_width=scaled)
    engine = Network(model, NetworkOptions(precision="fp32"))
    for radius in arguments.radii:
        runs = [
            measure(engine, photo, radius, arguments.widths, arguments.save)
            for photo in arguments.photos
        ]
        print(f"radius {radius:g}{'own width':>24}{'at 1680':>20}{f'at {SENSOR}':>20}")
        for name in runs[0]:
            means = (
                mean_scores(scores) for scores in zip(*(run[name] for run in runs), strict=True)
            )
            cells = (f"{mean.psnr:12.2f} {mean.ssim:.4f}" for mean in means)
            print(f"{name:14}{' '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
