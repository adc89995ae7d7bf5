"""Weights on real cameras besides the one their blur is modelled on, where a sharp picture exists.

    python benchmarks/cameras.py [--flat DIR] [--pixel4 DIR] [--weights FILE] [--save DIR]

--flat holds PLACE/{f4,f20}/{l,r}.png of a plane (Canon EOS R6 Mark II): f/4, out of focus, against
f/20, their exposures made equal. "Beyond" is how far a picture leaves the range that the f/20 one
has within 9x9 pixels, on average: blur has none, ringing much. "Detail" is amplitude between 0.12
and 0.32 cycles per pixel, as a share of the f/20 picture's.

--pixel4 holds pairs of one channel with their truth, its alignment and white sheets (Xin et al.
2021): the channel is repeated, and scores are linear, of the pictures resampled to the truth.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, maximum_filter, minimum_filter, uniform_filter

from dpdeblur.calibration import PIXEL_4_LEVELS
from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.engines import Engine, make_engine
from dpdeblur.evaluation import psnr, ssim
from dpdeblur.io import read_picture, write_picture
from dpdeblur.pair import DualPixelPair, read_pair

Array = NDArray[np.float32]
BLACK, WHITE = PIXEL_4_LEVELS
BORDER = 16
STOPS = ("f4", "f20")


class Restorer:
    """Restores views, and writes input, result and truth side by side if there is a folder."""

    def __init__(self, engine: Engine, save: Path | None) -> None:
        self.engine, self.save = engine, save

    def __call__(self, name: str, pair: DualPixelPair, truth: Array) -> Array:
        pixels = self.engine.run(pair).image
        if self.save is not None:
            row = np.concatenate((pair.combined(), pixels, truth), axis=1)
            write_picture(self.save / f"{name}.png", row, bit_depth=8, overwrite=True)
        return pixels


def flat(folder: Path, restored: Restorer) -> None:
    print(f"{'flat plane':12}{'PSNR':>16}{'SSIM':>18}{'detail':>14}{'beyond':>18}")
    for place in sorted(folder.iterdir()):
        blurred, sharp = (read_pair(place / f / "l.png", place / f / "r.png") for f in STOPS)
        truth = sharp.combined()
        pictures = (blurred.combined(), restored(f"flat_{place.name}", blurred, truth))
        rows = [measure_flat(same_exposure(picture, truth), truth) for picture in pictures]
        cells = (f"{a:8.3f} -> {b:6.3f}" for a, b in zip(*rows, strict=True))
        print(f"{place.name:12}{'  '.join(cells)}", flush=True)


def same_exposure(picture: Array, truth: Array) -> Array:
    """The picture with each channel's gain in linear light that brings it nearest to the truth."""
    light, wanted = srgb_to_linear(picture), srgb_to_linear(truth)
    gain = (light * wanted).sum((0, 1)) / np.square(light).sum((0, 1))
    return linear_to_srgb((light * gain).clip(0, 1))


def measure_flat(picture: Array, truth: Array) -> tuple[float, float, float, float]:
    """PSNR, SSIM, share of the truth's detail, excursions in thousandths of white."""
    gray, wanted = picture.mean(2), truth.mean(2)
    low, high = minimum_filter(wanted, 9), maximum_filter(wanted, 9)
    beyond = np.maximum(gray - high, 0) + np.maximum(low - gray, 0)
    detail = amplitude(gray) / amplitude(wanted)
    scores = psnr(picture, truth, data_range=1), ssim(picture, truth, data_range=1)
    return *scores, detail, 1000 * float(beyond.mean())


def amplitude(gray: Array) -> float:
    window = np.outer(*(np.hanning(side) for side in gray.shape))
    power = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(s) for s in gray.shape), indexing="ij"))
    return float(np.sqrt(power[(frequency >= 0.12) & (frequency < 0.32)].mean()))


def pixel4(folder: Path, restored: Restorer) -> None:
    left, right = (
        raw(folder / "calibration" / f"white_sheet_{side}_crop_plus64.png") - BLACK
        for side in ("left", "right")
    )
    fall_off = uniform_filter(left / right, 101)[64:-64, 64:-64]
    fields = np.load(folder / "alignment.npz")
    print(f"{'Pixel 4':12}{'PSNR':>16}")
    scores = []
    for name in sorted(name for name in fields.files if name.isdigit()):
        views = [
            np.maximum(raw(folder / f"{name}_{side}.png") - BLACK, 0) / WHITE * gain
            for side, gain in (("left", 1), ("right", fall_off))
        ]
        white = max(view.max() for view in views)
        truth = raw(folder / f"{name}_gt.png") / 65535 / white
        gray = [np.repeat(linear_to_srgb(view / white)[..., None], 3, axis=2) for view in views]
        shown = np.repeat(linear_to_srgb(truth.clip(0, 1))[..., None], 3, axis=2)
        pair = DualPixelPair(*(view.astype(np.float32) for view in gray), toned=False)
        pictures = (pair.combined(), restored(f"pixel4_{name}", pair, shown.astype(np.float32)))
        aligned = [align(srgb_to_linear(p).mean(2), fields, name) for p in pictures]
        inner = np.s_[BORDER:-BORDER, BORDER:-BORDER, None]
        scores.append([psnr(p[inner], truth[inner], data_range=1) for p in aligned])
        print(f"{name:12}{scores[-1][0]:8.2f} -> {scores[-1][1]:6.2f}", flush=True)
    before, after = np.mean(scores, axis=0)
    print(f"{'mean':12}{before:8.2f} -> {after:6.2f}")


def raw(path: Path) -> Array:
    """The first channel's numbers as they are in a 16-bit file."""
    return read_picture(path).codes()[..., 0]


def align(picture: Array, fields: dict[str, Array], name: str) -> Array:
    """Resample a picture where the truth's pixels lie in it: p shows at p + field(p)."""
    rows, columns = (np.arange(side, dtype=float) for side in picture.shape)
    y, x = np.meshgrid(
        np.interp(rows, fields["grid_y"], np.arange(len(fields["grid_y"]))),
        np.interp(columns, fields["grid_x"], np.arange(len(fields["grid_x"]))),
        indexing="ij",
    )
    dx, dy = (map_coordinates(fields[name][..., axis], (y, x), order=1) for axis in (0, 1))
    found: Array = map_coordinates(
        picture, (rows[:, None] + dy, columns + dx), order=3, mode="mirror"
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--flat", type=Path)
    parser.add_argument("--pixel4", type=Path)
    parser.add_argument("--save", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    engine = make_engine(weights=arguments.weights, precision=arguments.precision)
    restored = Restorer(engine, arguments.save)
    if arguments.flat:
        flat(arguments.flat, restored)
    if arguments.pixel4:
        pixel4(arguments.pixel4, restored)


if __name__ == "__main__":
    main()
