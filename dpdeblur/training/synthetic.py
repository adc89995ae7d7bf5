"""Training pairs rendered on the fly: the same step always gives the same batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from dpdeblur.errors import MissingFileError, UnreadableFileError
from dpdeblur.imaging import read_picture
from dpdeblur.optics import add_sensor_noise, encode, render_sharp, render_views
from dpdeblur.training.scenes import SceneConfig, random_layers

SLOPE_MEAN, SLOPE_SPREAD = 0.85, 0.12
SLOPE_WIDE_SHARE, SLOPE_WIDE_RANGE = 0.3, (0.1, 1.0)
READ_NOISE, SHOT_NOISE = (0.0005, 0.004), (0.00001, 0.0003)
VIEW_GAIN = 0.02


@dataclass(frozen=True)
class Batch:
    """Views and the sharp picture, each `N x 3 x H x W`, sRGB-encoded in [0, 1]."""

    left: Tensor
    right: Tensor
    sharp: Tensor


class SyntheticPairs:
    """Dual-pixel pairs of random layered scenes, after the recipe measured on real cameras.

    The ramp `a` of the PSF is mostly that of a Canon 5D Mark IV, sometimes anything; views get
    shot and read noise, a small mismatch in brightness, and 8- or 16-bit quantisation.
    """

    def __init__(self, photos: Sequence[Tensor], scenes: SceneConfig, seed: int) -> None:
        self.photos, self.scenes, self.seed = photos, scenes, seed
        self.margin = int(scenes.max_radius) + 2

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        """Render `count` pairs of `size` (height, width) on the photographs' device."""
        device = self.photos[0].device
        rng = torch.Generator(device).manual_seed(self.seed * 1_000_003 + step)

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(count, generator=rng, device=device)

        full = (size[0] + 2 * self.margin, size[1] + 2 * self.margin)
        layers = random_layers(self.photos, count, full, self.scenes, rng)
        slope = SLOPE_MEAN + SLOPE_SPREAD * torch.randn(count, generator=rng, device=device)
        slope = torch.where(uniform(0, 1) < SLOPE_WIDE_SHARE, uniform(*SLOPE_WIDE_RANGE), slope)
        views = render_views(layers, slope.clamp(0, 1), self.margin)

        gain = uniform(1 - VIEW_GAIN, 1 + VIEW_GAIN)[:, None, None, None]
        read, shot = uniform(*READ_NOISE), uniform(*SHOT_NOISE)
        bits = 8 if torch.rand(1, generator=rng, device=device) < 0.5 else 16
        left, right = (
            encode(add_sensor_noise(view * balance, shot, read, rng), bits)
            for view, balance in zip(views, (gain, 2 - gain), strict=True)
        )
        return Batch(left, right, encode(render_sharp(layers, self.margin), 16))


def load_photos(folder: Path, device: torch.device, smallest: int = 512) -> list[Tensor]:
    """All pictures of a folder as `3 x H x W` uint8, each also at half size where still large.

    Halving sharpens a photograph (its pixels resolve more than its lens did). Pictures below
    `smallest` pixels on a side are left out.

    Raises MissingFileError if the folder is missing, UnreadableFileError if it holds nothing.
    """
    if not folder.is_dir():
        raise MissingFileError(folder)
    photos = []
    for path in sorted((*folder.glob("*.jpg"), *folder.glob("*.png"))):
        if path.stem.endswith("_disp"):
            continue
        pixels = torch.from_numpy(read_picture(path).pixels).permute(2, 0, 1)
        for picture in (pixels, functional.avg_pool2d(pixels[None], 2)[0]):
            if min(picture.shape[1:]) >= smallest:
                photos.append((picture * 255).round().to(torch.uint8).to(device))
    if not photos:
        raise UnreadableFileError(folder, f"it holds no picture of {smallest} pixels or more")
    return photos
