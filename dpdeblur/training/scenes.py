"""Random layered scenes cut from sharp photographs: what the renderer photographs for training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from dpdeblur.colour import srgb_to_linear
from dpdeblur.optics import Layer
from dpdeblur.training.scene_config import SceneConfig

# Linear light from which on a layer may shine brighter than its photograph.
_SHINES = 0.7


def random_layers(
    photos: Sequence[Tensor],
    count: int,
    size: tuple[int, int],
    config: SceneConfig,
    rng: torch.Generator,
) -> list[Layer]:
    """Draw `count` scenes of `size` (height, width): one background and some occluders each.

    `photos` are `3 x H x W` uint8 sRGB, each at least of `size`, on the device of `rng`. Returns
    layers back to front, batched over the scenes.
    """
    layers = config.occluders + 1
    present = 1 + _randint(layers, count, rng)
    absent = torch.arange(layers, device=rng.device) >= present[:, None]
    radii = _random_radii((count, layers), config, rng).masked_fill(absent, -torch.inf)
    # What is nearer to the camera has the smaller signed radius and covers what is farther.
    radii = radii.sort(1, descending=True).values
    result = []
    for index in range(layers):
        colour = torch.stack([_random_crop(photos, size, rng) for _ in range(count)])
        gain = uniform(count, rng, *config.exposure)
        colour = (srgb_to_linear(colour.float() / 255) * gain[:, None, None, None]).clamp(max=1)
        if config.bright:
            colour = colour * _highlights(colour, config, rng)
        if index == 0:
            alpha = torch.ones_like(colour[:, :1])
            radius = radii[:, 0, None, None, None] + _slopes(count, size, config, rng)
        else:
            alpha = _random_shapes(count, size, config, rng)
            alpha = alpha * ~absent[:, index, None, None, None]
            radius = radii[:, index, None, None, None].expand_as(alpha)
        radius = radius.clamp(-config.max_radius, config.max_radius)
        result.append(Layer(colour, alpha, radius))
    return result


def uniform(count: int, rng: torch.Generator, low: float, high: float) -> Tensor:
    """`count` random numbers between `low` and `high`, on the generator's device."""
    return low + (high - low) * torch.rand(count, generator=rng, device=rng.device)


def _randint(high: int, count: int, rng: torch.Generator) -> Tensor:
    return torch.randint(high, (count,), generator=rng, device=rng.device)


def _random_radii(shape: tuple[int, int], config: SceneConfig, rng: torch.Generator) -> Tensor:
    kind, share, side = (torch.rand(shape, generator=rng, device=rng.device) for _ in range(3))
    ranges = torch.tensor(
        [config.sharp_range, config.large_range, config.moderate_range], device=rng.device
    )
    chosen = ranges[(kind >= config.sharp).long() + (kind >= config.sharp + config.large).long()]
    magnitude = chosen[..., 0] + share * (chosen[..., 1] - chosen[..., 0])
    return torch.where(side < config.behind, magnitude, -magnitude)


def _random_crop(photos: Sequence[Tensor], size: tuple[int, int], rng: torch.Generator) -> Tensor:
    photo = photos[int(_randint(len(photos), 1, rng))]
    top, left = (
        int(_randint(have - want + 1, 1, rng))
        for have, want in zip(photo.shape[1:], size, strict=True)
    )
    crop = photo[:, top : top + size[0], left : left + size[1]]
    # Mirroring the scene before it is photographed cannot break the disparity sign.
    return crop.flip(-1) if int(_randint(2, 1, rng)) else crop


def _slopes(count: int, size: tuple[int, int], config: SceneConfig, rng: torch.Generator) -> Tensor:
    """Planes through zero at the centre, `N x 1 x H x W`, up to `ramp` pixels at the border."""
    flat = uniform(count, rng, 0, 1) < config.flat
    ends = (torch.rand(2, count, generator=rng, device=rng.device) * 2 - 1) * config.ramp * ~flat
    rows, columns = (torch.linspace(-1, 1, n, device=rng.device) for n in size)
    vertical, horizontal = ends[:, :, None, None, None]
    planes: Tensor = (vertical * rows[:, None] + horizontal * columns) / 2
    return planes


def _highlights(colour: Tensor, config: SceneConfig, rng: torch.Generator) -> Tensor:
    """Factors `N x 1 x H x W`: 1, but up to `highlight` where every channel is nearly white."""
    chosen, strength = torch.rand(2, len(colour), generator=rng, device=rng.device)
    more = (config.highlight - 1) * strength * (chosen < config.bright)
    nearly_white = ((colour.amin(1, keepdim=True) - _SHINES) / (1 - _SHINES)).clamp(0, 1)
    factors: Tensor = 1 + more[:, None, None, None] * nearly_white
    return factors


def _random_shapes(
    count: int, size: tuple[int, int], config: SceneConfig, rng: torch.Generator
) -> Tensor:
    """Blobs, leaves and stems: smooth noise of a random cell size cut at a random level.

    Thin ones are all that lies near the cut.
    """
    shapes = []
    for _ in range(count):
        cells = [max(2, side // (16 << int(_randint(4, 1, rng)))) + 3 for side in size]
        noise = torch.randn(1, 1, *cells, generator=rng, device=rng.device)
        smooth = functional.interpolate(noise, size=size, mode="bicubic", align_corners=True)
        level = uniform(1, rng, 0, 1.2)
        # Divided by its gradient, the noise is a distance: the edge is one pixel wide.
        dy, dx = torch.gradient(smooth[0, 0])
        distance = (smooth - level) / torch.hypot(dy, dx).clamp(min=1e-3)
        if config.thin and uniform(1, rng, 0, 1) < config.thin:
            distance = uniform(1, rng, *config.thickness) / 2 - distance.abs()
        shapes.append((distance + 0.5).clamp(0, 1))
    return torch.cat(shapes)
