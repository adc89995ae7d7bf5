"""What the optimiser is measured against: loops and direct convolution, in float64."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d

from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.optics import Calibration

FloatArray64 = NDArray[np.float64]


def asymmetric_calibration(
    rows: int = 2, columns: int = 3, *, radius: float = 4.0, frame: tuple[int, int] | None = None
) -> Calibration:
    """Disks cut by the cells' own vignette, with a ramp of 0.9; wholly behind focus."""
    v, u = np.mgrid[-6:7, -6:7].astype(np.float64)
    disk = np.clip(radius + 0.5 - np.hypot(u, v), 0, 1)
    kernels = np.empty((2, rows, columns, 13, 13))
    for row in range(rows):
        for column in range(columns):
            x, y = column - (columns - 1) / 2, row - (rows - 1) / 2
            seen = disk * np.clip(radius + 1.5 - np.hypot(u - x, v - y), 0, 1)
            for side, sign in enumerate((-1, 1)):
                kernels[side, row, column] = seen * np.clip(1 + sign * 0.9 * u / radius, 0, None)
    left, right = kernels.astype(np.float32)
    return Calibration(left, right, radius, frame=frame)


def tile_weights(
    shape: tuple[int, int], grid: tuple[int, int], ramp: int
) -> list[tuple[int, FloatArray64]]:
    """Of each tile its number and its weight over the frame: linear over `ramp` at every seam."""
    axes = []
    for side, count in zip(shape, grid, strict=True):
        cell = math.ceil(side / count)
        place = np.arange(side) + 0.5
        weights = []
        for index in range(count):
            weight = np.ones(side)
            for edge, sign, inside in (
                (index * cell, 1, index > 0),
                ((index + 1) * cell, -1, index < count - 1),
            ):
                if inside:
                    distance = sign * (place - edge)
                    weight *= np.clip(distance / ramp + 0.5, 0, 1) if ramp else distance > 0
            weights.append(weight)
        axes.append(weights)
    pairs = [(row, column) for row in range(grid[0]) for column in range(grid[1])]
    return [
        (number, axes[0][row][:, None] * axes[1][column])
        for number, (row, column) in enumerate(pairs)
    ]


def blur_slowly(
    frame: FloatArray64, kernels: FloatArray64, grid: tuple[int, int], ramp: int
) -> FloatArray64:
    """A frame blurred by each tile's kernel (`T x K x K`) directly, blended; borders repeated."""
    reach = kernels.shape[-1] // 2
    padded = np.pad(frame, reach, mode="edge")
    weights = tile_weights((frame.shape[0], frame.shape[1]), grid, ramp)
    return sum(
        (
            weight * convolve2d(padded, kernels[number % len(kernels)], mode="valid")
            for number, weight in weights
        ),
        np.zeros_like(frame),
    )


def texture(seed: int, height: int, width: int) -> FloatArray64:
    """A scene of patches, blobs and fine grain; light in 0.05 to 0.95."""
    rng = np.random.default_rng(seed)
    scene = gaussian_filter(rng.normal(size=(height, width)), 6) * 12
    scene += gaussian_filter(rng.normal(size=(height, width)), 1) * 1.2
    for _ in range(height * width // 150):
        y, x = rng.integers(0, height), rng.integers(0, width)
        h, w = rng.integers(2, 14, 2)
        scene[y : y + h, x : x + w] += rng.normal()
    return 0.5 + 0.45 * np.tanh(0.7 * (scene - scene.mean()) / scene.std())


def plane(scene: FloatArray64, lens: Lens, radius: float) -> FloatArray64:
    """Both views of a plane, `2 x H x W`, by direct convolution."""
    kernels = lens.kernels(radius).numpy().astype(np.float64)
    grid = lens.grid(scene.shape[0], scene.shape[1])
    return np.stack([blur_slowly(scene, kernel, grid, 8) for kernel in kernels])


def two_planes(
    back: FloatArray64,
    front: FloatArray64,
    cover: FloatArray64,
    lens: Lens,
    radii: tuple[float, float],
) -> FloatArray64:
    """Both views of a plane that lies in front of another where `cover` is 1."""
    behind = plane(back, lens, radii[0])
    emitted, covered = plane(front * cover, lens, radii[1]), plane(cover, lens, radii[1])
    return emitted + (1 - covered) * behind


def psnr(picture: FloatArray64, truth: FloatArray64) -> float:
    """In dB, 1 being the brightest; 16 pixels off every border of the first two axes."""
    inner = np.s_[16:-16, 16:-16]
    return float(-10 * np.log10(np.square(picture[inner] - truth[inner]).mean()))


def double(array: FloatArray64) -> torch.Tensor:
    """As a tensor of the same numbers."""
    return torch.from_numpy(np.array(array, dtype=np.float64))
