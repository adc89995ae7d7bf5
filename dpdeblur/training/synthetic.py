"""Training pairs rendered on the fly: the same step always gives the same batch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from dpdeblur.datasets import list_pictures
from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.io import read_picture
from dpdeblur.optics import (
    DiskPSF,
    add_sensor_noise,
    as_jpeg,
    encode,
    render_sharp,
    render_views,
    spread_light,
)
from dpdeblur.optics.psf import ASIDE
from dpdeblur.training.batches import Batch
from dpdeblur.training.scene_config import CameraConfig, SceneConfig
from dpdeblur.training.scenes import random_layers, uniform


class SyntheticPairs:
    """Dual-pixel pairs of random layered scenes, cut from `3 x H x W` uint8 sRGB `photos`.

    A batch depends on the photographs, the distributions, the seed and the step alone. It is the
    same on every device of a kind: a GPU draws other random numbers than a CPU.
    """

    def __init__(
        self,
        photos: Sequence[Tensor],
        scenes: SceneConfig,
        seed: int,
        camera: CameraConfig | None = None,
    ) -> None:
        self.photos, self.scenes, self.seed = photos, scenes, seed
        self.camera = camera = camera or CameraConfig()
        self.device = photos[0].device
        largest = scenes.max_radius
        rim = max(camera.edge[1], camera.softness[1] * largest if camera.soft else 0.0)
        moved = ASIDE[0] * any(camera.offset) + ASIDE[1] * camera.tilt[1]
        self.margin = int(largest + rim / 2 + moved * largest + 0.5) + 1

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise OptionError if crops of `size` (height, width) do not fit every photograph.

        Blur reaches in from outside, so `margin` pixels are cut on each side besides.
        """
        for axis, name in enumerate(("height", "width")):
            needed = size[axis] + 2 * self.margin
            smallest = min(photo.shape[axis + 1] for photo in self.photos)
            if smallest < needed:
                raise OptionError(
                    name,
                    f"crops of {size[axis]} pixels need photographs of {needed} and the smallest "
                    f"has {smallest}; make the crops smaller or leave small photographs out",
                )

    def fingerprint(self, made: str = "") -> str:
        """Digest of the seed and of a sample of the photographs.

        `made` takes the seed's place: in old checkpoints that is the seed, the scenes and the
        camera, which newer ones hold one by one (see `identity`).
        """
        digest = hashlib.sha256((made or repr(self.seed)).encode())
        for photo in self.photos:
            digest.update(repr(tuple(photo.shape)).encode())
            digest.update(photo[:, ::61, ::53].cpu().numpy().tobytes())
        return digest.hexdigest()

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        """Render `count` pairs of `size` (height, width) on the photographs' device.

        Raises OptionError if a photograph is too small for that.
        """
        self.check_size(size)
        camera, device = self.camera, self.device
        rng = torch.Generator(device).manual_seed(self.seed * 1_000_003 + step)
        draw = partial(uniform, count, rng)
        full = (size[0] + 2 * self.margin, size[1] + 2 * self.margin)
        layers = random_layers(self.photos, count, full, self.scenes, rng)
        slope = camera.slope + camera.slope_spread * torch.randn(
            count, generator=rng, device=device
        )
        slope = torch.where(draw(0, 1) < camera.wide_share, draw(*camera.wide_range), slope)
        hollow = draw(0, 1) < camera.butterworth
        psf = DiskPSF(
            slope.clamp(0, 1),
            self.margin,
            edge=draw(*camera.edge),
            floor=torch.where(hollow, draw(*camera.floor), 1),
            order=draw(3, 9),
            cutoff=draw(0.8, 1),
            offset=draw(*camera.offset) if any(camera.offset) else 0.0,
            clip=draw(*camera.clip) if any(camera.clip) else 0.0,
            angle=draw(0, math.pi) if any(camera.clip) else 0.0,
            softness=torch.where(draw(0, 1) < camera.soft, draw(*camera.softness), 0)
            if camera.soft
            else 0.0,
            tilt=draw(*camera.tilt) if any(camera.tilt) else 0.0,
            toward=draw(0, 2 * math.pi) if any(camera.tilt) else 0.0,
        )
        pictures = [*render_views(layers, psf, self.margin), render_sharp(layers, self.margin)]
        if any(camera.spread):
            # Repeats the borders, which recipes leave out of the loss (`margin`).
            spread = draw(*camera.spread)
            pictures = [spread_light(picture, spread) for picture in pictures]
        *views, sharp = pictures

        gain = draw(1 - camera.view_gain, 1 + camera.view_gain)[:, None, None, None]
        read, shot = draw(*camera.read_noise), draw(*camera.shot_noise)
        bits = 8 if torch.rand(1, generator=rng, device=device) < camera.eight_bit else 16
        contrast = draw(*camera.contrast) if any(camera.contrast) else None
        left, right = (
            encode(add_sensor_noise(view * balance, shot, read, rng), bits, contrast)
            for view, balance in zip(views, (gain, 2 - gain), strict=True)
        )
        if camera.jpeg:
            lossy = (draw(0, 1) < camera.jpeg)[:, None, None, None]
            quality = draw(*camera.quality)
            down, along = torch.randint(16, (2,), generator=rng, device=device).tolist()
            left, right = (
                torch.where(lossy, as_jpeg(view, quality, (down, along)), view)
                for view in (left, right)
            )
        return Batch(left, right, encode(sharp, 16, contrast))


def load_photos(
    folder: Path,
    device: torch.device,
    smallest: int = 512,
    *,
    warn: Callable[[str], object] | None = None,
) -> list[Tensor]:
    """All pictures below a folder as `3 x H x W` uint8, each also at half size where still large.

    Halving sharpens a photograph (its pixels resolve more than its lens did). Pictures below
    `smallest` pixels on a side are left out. The order is that of `datasets.list_pictures`, which
    takes `warn`, too.

    Raises MissingFileError if the folder is missing, UnreadableFileError if a picture is damaged
    or none is left.
    """
    photos = []
    for path in list_pictures(folder, warn=warn):
        pixels = torch.from_numpy(read_picture(path).srgb()).permute(2, 0, 1)
        for picture in (pixels, functional.avg_pool2d(pixels[None], 2)[0]):
            if min(picture.shape[1:]) >= smallest:
                photos.append((picture * 255).round().to(torch.uint8).to(device))
    if not photos:
        raise UnreadableFileError(folder, f"it has no picture of {smallest} pixels or more")
    return photos
