"""Scenes: highlights that photographs clipped, and thin shapes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from skimage.measure import find_contours
from torch import Tensor

from dpdeblur.colour import srgb_to_linear
from dpdeblur.training import CameraConfig, SceneConfig, SyntheticPairs, random_layers

BACKGROUNDS = SceneConfig(occluders=0, exposure=(1.0, 1.0))


def colours(photo: Tensor, config: SceneConfig, count: int = 1) -> Tensor:
    """Backgrounds as large as the photograph, which may be mirrored."""
    size = (photo.shape[1], photo.shape[2])
    rng = torch.Generator().manual_seed(3)
    return random_layers([photo], count, size, config, rng)[0].colour


def test_batches_are_those_from_before_there_were_highlights_and_thin_shapes() -> None:
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(3, 3, 40, 50, generator=rng)
    fine = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    photos = list((fine * 255).to(torch.uint8))
    recorded = {
        "left": (0.471351, 0.694972, 0.545830, 0.512609),
        "right": (0.481834, 0.696864, 0.530663, 0.509343),
        "sharp": (0.555688, 0.712245, 0.776608, 0.483656),
    }
    for scenes in (SceneConfig(), SceneConfig(highlight=2.0, thickness=(3.0, 3.0))):
        batch = SyntheticPairs(photos, scenes, 7).batch(3, 3, (48, 64))
        for name, expected in recorded.items():
            pictures = getattr(batch, name)
            found = (*pictures[:, 1, 10, 20].tolist(), pictures.mean().item())
            assert found == pytest.approx(expected, abs=2e-4)


def test_only_what_is_nearly_white_shines() -> None:
    codes = torch.arange(256, dtype=torch.uint8)
    photo = torch.stack((codes.expand(256, 256), codes[:, None].expand(256, 256)))
    photo = torch.cat((photo, photo.amax(0, keepdim=True)))  # every pair of red and green
    bright = dataclasses.replace(BACKGROUNDS, bright=1.0, highlight=6.0)
    plain, shining = colours(photo, BACKGROUNDS), colours(photo, bright)
    white = plain.amin(1)
    factors = (shining / plain.clamp(min=1e-9))[:, 2]
    torch.testing.assert_close(shining, factors[:, None] * plain)  # of the same hue
    assert plain.max() == 1
    ordinary = (white <= 0.7)[:, None].expand_as(plain)  # a bright blue is no lamp
    assert torch.equal(shining[ordinary], plain[ordinary])
    assert (factors[white > 0.7] > 1).all()
    assert (white[(shining > 1).any(1)] > 0.7).all()
    assert 1 < factors.max() <= 6
    by_whiteness = factors[white > 0.7][white[white > 0.7].argsort()]
    assert (by_whiteness.diff() > -1e-5).all()
    torch.testing.assert_close(factors[white == 1], factors.max().expand(1))


def test_a_share_of_the_layers_shines_up_to_highlight() -> None:
    photo = torch.full((3, 2, 2), 255, dtype=torch.uint8)
    bright = dataclasses.replace(BACKGROUNDS, bright=0.3, highlight=5.0)
    strengths = colours(photo, bright, 2000)[:, 0, 0, 0]
    shining = strengths[strengths > 1]
    assert len(shining) / 2000 == pytest.approx(0.3, abs=0.04)
    assert shining.mean().item() == pytest.approx(3, abs=0.2)  # uniform from 1 to 5
    assert 4.9 < shining.max() <= 5
    dim = dataclasses.replace(bright, bright=1.0, exposure=(0.6, 0.69))
    assert colours(photo, dim, 20).max() < 0.7  # a white wall in shadow


def test_what_shines_shines_through_blur() -> None:
    photo = torch.zeros(3, 63, 63, dtype=torch.uint8)
    photo[:, 31, 31] = 255
    scene = dataclasses.replace(
        BACKGROUNDS, behind=1, sharp=0, large=0, moderate_range=(5.0, 5.0), flat=1
    )
    camera = CameraConfig(read_noise=(0, 0), shot_noise=(0, 0), view_gain=0, eight_bit=0)
    light = []
    for bright in (0.0, 1.0):
        pairs = SyntheticPairs([photo], dataclasses.replace(scene, bright=bright), 4, camera)
        side = 63 - 2 * pairs.margin
        batch = pairs.batch(0, 8, (side, side))
        assert (batch.sharp.amax((1, 2, 3)) == 1).all()  # clipped, as in the photograph
        light.append(srgb_to_linear(batch.left.double()).sum((1, 2, 3)))
    torch.testing.assert_close(light[0], torch.full((8,), 3.0).double(), rtol=0, atol=0.01)
    strengths = light[1] / light[0]
    assert strengths.min() > 0.99
    assert 2 < strengths.mean() < strengths.max() < 6.1


def widths(config: SceneConfig) -> list[float]:
    """Area of each shape by half the length of its outline."""
    photo = torch.zeros(3, 160, 160, dtype=torch.uint8)
    config = dataclasses.replace(config, occluders=1)
    shapes = random_layers([photo], 60, (160, 160), config, torch.Generator().manual_seed(5))
    found = []
    for shape in shapes[1].alpha[:, 0].double().numpy():
        lines = find_contours(shape, 0.5)
        length = sum(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in lines)
        if length > 160:
            found.append(float(2 * shape.sum() / length))
    assert len(found) > 15
    return found


@pytest.mark.parametrize("thickness", [2.0, 4.0, 8.0])
@pytest.mark.slow
def test_thin_shapes_have_about_the_stated_width(thickness: float) -> None:
    thin = SceneConfig(thin=1.0, thickness=(thickness, thickness))
    assert np.median(widths(thin)) == pytest.approx(thickness, rel=0.2)


@pytest.mark.slow
def test_a_share_of_the_shapes_is_thin() -> None:
    def slender(thin: float) -> float:
        found = np.array(widths(SceneConfig(thin=thin, thickness=(2.0, 2.0))))
        return float((found < 3).mean())

    assert slender(0.0) < 0.05
    assert 0.25 < slender(0.5) < 0.75
    assert slender(1.0) > 0.9
