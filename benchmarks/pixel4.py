"""Defocus map and sharp picture by `dpdeblur map` of the Pixel 4 pairs of Xin et al. (2021).

    python benchmarks/pixel4.py DIR [--methods fast full] [--scenes 001 003] [--save DIR]

DIR holds NNN_{left,right}.png (linear raw numbers), NNN_gt.png, NNN_defocus_gt.png, alignment.npz
and calibration/, which is imported first. Scores are linear, divided by the scene's maximum, data
range 1. The truth lies in a geometry of its own: "aligned" (primary) resamples picture (Lanczos)
and map (linear) by the fixed field of alignment.npz and leaves 16 pixels off at the border; "raw"
compares pixel by pixel, as the paper does, and there even a perfect picture ends at 26.9 dB. Map
scores are in v / 255 of the truth; "scale" is the mean absolute error of the kernels' scale. Time
and peak memory are those of the whole command, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, uniform_filter

from dpdeblur.calibration import PIXEL_4_LEVELS
from dpdeblur.colour import srgb_to_linear
from dpdeblur.evaluation import mae, psnr, scale_error, score_map, ssim
from dpdeblur.io import read_map, read_picture

Array = NDArray[np.float32]
BLACK, WHITE = PIXEL_4_LEVELS
SLOPE, OFFSET = 1.33, 0.02  # kernel scale = 1.33 v / 255 + 0.02 for the truth's values v
MARGIN = 64  # pixels that the white sheets have around the frame
BORDER = 16  # pixels that aligned scores leave out, as their neighbours may lie beyond the frame


@dataclass(frozen=True)
class Scene:
    """A pair and its truth, in linear light: max(raw - black, 0) / white, float32 H x W.

    `right` is as it was recorded; `right * match` has the brightness of `left`. `truth` and
    `defocus` (v / 255, NaN where not known) lie in a geometry of their own: what they show at
    pixel p is at p + field(p) in the views, field H x W x 2 being (x, y).
    """

    name: str
    left: Array
    right: Array
    match: Array
    truth: Array
    defocus: Array
    field: Array

    @property
    def maximum(self) -> float:
        """What light is divided by before it is scored: the brightest pixel of both views."""
        return float(max(self.left.max(), (self.right * self.match).max()))

    @property
    def input(self) -> Array:
        """The mean of the views after matching."""
        return (self.left + self.right * self.match) / 2


def scene_names(folder: Path) -> list[str]:
    return sorted(path.name.removesuffix("_left.png") for path in folder.glob("*_left.png"))


def load_scene(folder: Path, name: str) -> Scene:
    left, right = (
        np.maximum(numbers(folder / f"{name}_{side}.png") - BLACK, 0) / np.float32(WHITE)
        for side in ("left", "right")
    )
    truth = numbers(folder / f"{name}_gt.png") / np.float32(65535)
    values = read_picture(folder / f"{name}_defocus_gt.png").srgb()[..., 0]
    defocus = np.where(values > 0, values, np.float32(np.nan))
    return Scene(name, left, right, match(folder), truth, defocus, field(folder, name, left.shape))


def numbers(path: Path) -> Array:
    """The first channel's numbers as they are in a 16-bit file."""
    return read_picture(path).codes()[..., 0]


def match(folder: Path) -> Array:
    """What the right view is multiplied by: the white sheets' ratio, averaged over 101 x 101."""
    left, right = (
        numbers(folder / "calibration" / f"white_sheet_{side}_crop_plus{MARGIN}.png") - BLACK
        for side in ("left", "right")
    )
    inner = slice(MARGIN, -MARGIN)
    return uniform_filter(left / right, 101)[inner, inner]


def field(folder: Path, name: str, shape: tuple[int, ...]) -> Array:
    """The displacement (x, y) at each pixel: bilinear, beyond the grid as at its rim."""
    with np.load(folder / "alignment.npz") as stored:
        grid, axes = stored[name], (stored["grid_y"], stored["grid_x"])
    rows, columns = (
        np.interp(np.arange(side), axis, np.arange(len(axis)))
        for side, axis in zip(shape, axes, strict=True)
    )
    places = np.meshgrid(rows, columns, indexing="ij")
    # Not cv2.remap, which rounds places to 1/32 of a cell: here that is 0.06 pixels.
    return np.stack([map_coordinates(grid[..., axis], places, order=1) for axis in (0, 1)], axis=-1)


def align(picture: Array, field: Array, interpolation: int = cv2.INTER_LANCZOS4) -> Array:
    """Resample a picture (H x W) in the views' geometry where the truth's pixels lie in it."""
    rows, columns = np.indices(picture.shape, np.float32)
    x, y = columns + field[..., 0], rows + field[..., 1]
    return cv2.remap(picture, x, y, interpolation, borderMode=cv2.BORDER_REFLECT_101)


def score_picture(linear: Array, scene: Scene) -> dict[str, float]:
    """PSNR, SSIM and MAE of a sharp picture (light as in Scene), aligned (primary) and raw."""
    picture = linear.astype(np.float32)
    inner = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    pairs = {
        "aligned": (align(picture, scene.field)[inner], scene.truth[inner]),
        "raw": (picture, scene.truth),
    }
    scores = {}
    for kind, pair in pairs.items():
        made, truth = (each[..., None].astype(np.float64) / scene.maximum for each in pair)
        for measure in (psnr, ssim, mae):
            scores[f"{kind}_{measure.__name__}"] = measure(made, truth, data_range=1)
    return scores


def score_defocus(scale: Array, scene: Scene) -> dict[str, float]:
    """Map scores of a defocus map (kernel scale, H x W, the views' geometry), as score_picture.

    "error" is the mean absolute error of the scale itself, without any fit.
    """
    made = scale.astype(np.float32)
    inner = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    # Linear, not Lanczos: a map has edges, and is to keep within its own range.
    pairs = {
        "aligned": (align(made, scene.field, cv2.INTER_LINEAR)[inner], scene.defocus[inner]),
        "raw": (made, scene.defocus),
    }
    scores = {}
    for kind, (found, truth) in pairs.items():
        each = asdict(score_map(found, truth))
        each["error"] = scale_error(found, SLOPE * truth + OFFSET)
        scores |= {f"{kind}_{name}": value for name, value in each.items()}
    return scores


def score_scene(linear: Array, scale: Array, scene: Scene) -> dict[str, float]:
    """All scores of a sharp picture (light as in Scene) and a defocus map (kernel scale)."""
    return score_picture(linear, scene) | score_defocus(scale, scene)


def import_calibration(folder: Path, output: Path) -> None:
    arguments = ["--black", str(BLACK), "--white", str(WHITE), "--quiet", "--overwrite"]
    run("calibrate", "import", str(folder / "calibration"), "-o", str(output), *arguments)


def score_method(
    method: str, folder: Path, scene: Scene, calibration: Path, out: Path
) -> dict[str, float]:
    """Run `dpdeblur map` on a scene and score what it writes into `out`."""
    pair = [str(folder / f"{scene.name}_{side}.png") for side in ("left", "right")]
    options = ["--calibration", str(calibration), "--method", method, "--quiet", "--overwrite"]
    cost = run("map", *pair, *options, "-o", str(out))
    radius = json.loads((out / "map.json").read_text())["run"]["settings"]["calibration"]["radius"]
    sharp = srgb_to_linear(read_picture(out / "sharp.png").srgb()[..., 0])
    scale = read_map(out / "defocus.tif") / np.float32(radius)
    return score_scene(sharp, scale, scene) | cost


# Linux counts towards a child's peak what its parent held at the start, so a small one starts it.
LAUNCHER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def run(*arguments: str) -> dict[str, float]:
    """Run a command of dpdeblur, which prints nothing; its seconds and peak of memory in GiB."""
    command = [sys.executable, "-c", LAUNCHER, sys.executable, "-m", "dpdeblur", *arguments]
    start = time.perf_counter()
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - start
    if ended.returncode:
        raise SystemExit(f"dpdeblur {' '.join(arguments)} ended with {ended.returncode}")
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return {"seconds": seconds, "memory": int(ended.stdout.split()[-1]) / unit}


COLUMNS = {
    "psnr": ("PSNR", 2),
    "ssim": ("SSIM", 3),
    "mae": ("MAE", 4),
    "aiwe1": ("AIWE(1)", 4),
    "aiwe2": ("AIWE(2)", 4),
    "spearman": (r"1-\|rho\|", 3),
    "error": ("scale", 4),
    "seconds": ("s", 1),
    "memory": ("GiB", 2),
}


def show(scene: str, kind: str, scores: dict[str, float]) -> None:
    """Two lines of the table: aligned with the cost, and raw."""
    for geometry in ("aligned", "raw"):
        numbers = {key.removeprefix(f"{geometry}_"): value for key, value in scores.items()}
        costs = ("seconds", "memory") if geometry == "raw" else ()
        cells = [
            f"{numbers[key]:.{digits}f}" if key in numbers and key not in costs else ""
            for key, (_, digits) in COLUMNS.items()
        ]
        print(f"| {scene} | {kind} | {geometry} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--methods", nargs="*", default=["fast", "full"], metavar="NAME")
    parser.add_argument("--scenes", nargs="+", metavar="NNN", help="default: all")
    parser.add_argument("--save", type=Path, metavar="DIR", help="keep what is written")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all scores there as well")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    headings = " | ".join(heading for heading, _ in COLUMNS.values())
    print(f"| Scene | | | {headings} |\n|---|---|---|{'---:|' * len(COLUMNS)}")
    scores: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        place = arguments.save or Path(temporary)
        calibration = Path(temporary) / "calibration.npz"
        if arguments.methods:
            import_calibration(folder, calibration)
        for name in arguments.scenes or scene_names(folder):
            scene = load_scene(folder, name)
            found = {"input": score_picture(scene.input, scene)}
            show(name, "input", found["input"])
            for method in arguments.methods:
                out = place / method / name
                found[method] = score_method(method, folder, scene, calibration, out)
                show(name, method, found[method])
            scores[name] = found
    mean = {
        kind: {key: float(np.mean([each[kind][key] for each in scores.values()])) for key in keys}
        for kind, keys in found.items()
    }
    for kind, values in mean.items():
        show("**mean**", kind, values)
    if arguments.json:
        arguments.json.write_text(json.dumps({"scenes": scores, "mean": mean}, indent=2) + "\n")


if __name__ == "__main__":
    main()
