"""What the renderer is measured against: loops over the aperture, float64, no FFT, no kernels.

A pinhole at the place (u, v) of a lens's aperture sees every surface shifted by its radius times
(u, v), sharp and with true occlusion. The picture is the mean over the aperture, a view's the mean
weighted by the ramp 1 -+ a u.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.optics import Layer

Array = NDArray[np.float64]
Surface = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Sheet:
    """A flat surface: `colour` (3 x H x W) and `alpha` (H x W) as functions of x and y."""

    colour: Surface
    alpha: Surface
    radius: float

    def layer(self, size: tuple[int, int], margin: int) -> Layer:
        """The same for the renderer, sampled at pixels, with `margin` more on each side."""
        x, y = grid(size, margin)
        parts = (self.colour(x, y), self.alpha(x, y)[None], np.full((1, *x.shape), self.radius))
        return Layer(*(torch.from_numpy(part[None].astype(np.float64)) for part in parts))


def grid(size: tuple[int, int], margin: int = 0) -> tuple[Array, Array]:
    """x and y of the pixels of a picture of `size` (height, width)."""
    rows, columns = (np.arange(-margin, side + margin, dtype=np.float64) for side in size)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return x, y


def integrate_aperture(
    sheets: list[Sheet], slope: float, size: tuple[int, int], samples: int = 24
) -> tuple[Array, Array]:
    """Left and right view, 3 x H x W, of `sheets` given back to front."""
    x, y = grid(size)
    places = (np.arange(samples) + 0.5) / samples * 2 - 1
    views = [np.zeros((3, *size)) for _ in range(2)]
    totals = [0.0, 0.0]
    for u in places:
        for v in places:
            if u * u + v * v > 1:
                continue
            seen = np.zeros((3, *size))
            for sheet in sheets:
                at = x - sheet.radius * u, y - sheet.radius * v
                alpha = sheet.alpha(*at)
                seen = alpha * sheet.colour(*at) + (1 - alpha) * seen
            for index, weight in enumerate((1 - slope * u, 1 + slope * u)):
                views[index] += weight * seen
                totals[index] += weight
    return views[0] / totals[0], views[1] / totals[1]


def texture(seed: int, waves: int = 3, shortest: float = 9) -> Surface:
    """Smooth colours in [0, 1]: a sum of plane waves of `shortest` pixels or longer."""
    rng = np.random.default_rng(seed)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, 3, waves))
    length = rng.uniform(shortest, 4 * shortest, (3, waves))

    def colour(x: Array, y: Array) -> Array:
        total = np.zeros((3, *x.shape))
        for channel in range(3):
            for a, p, n in zip(angle[channel], phase[channel], length[channel], strict=True):
                total[channel] += np.sin(2 * np.pi * (x * np.cos(a) + y * np.sin(a)) / n + p)
        return 0.5 + total / (2 * waves)

    return colour


def everywhere(x: Array, y: Array) -> Array:
    """The alpha of a background."""
    return np.ones_like(x)


def ball(x0: float, y0: float, size: float) -> Surface:
    """The alpha of a disk of `size` pixels radius, its rim one pixel wide."""
    return lambda x, y: np.clip(size + 0.5 - np.hypot(x - x0, y - y0), 0, 1)


def beside(x0: float) -> Surface:
    """The alpha of all that is right of `x0`."""
    return lambda x, y: np.clip(x - x0 + 0.5, 0, 1)
