"""A calibration as a picture: the grid of its kernels, and the vignetting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dpdeblur.optics import Calibration
from dpdeblur.plots import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LIGHT = 0.99
"""Fraction of the light that is shown; the kernels' dark rims are cut away."""
_TALLEST = 20
"""Inches of one panel at most."""
_FINEST = 1600
"""Pixels along a panel at most, more than it shows: many large kernels are drawn smaller."""


def draw_kernels(path: Path, calibration: Calibration, *, overwrite: bool = False) -> None:
    """Write a PNG: left kernels, right kernels, both in colours, and the ratio if there is one.

    Kernels stand where their tiles do. Raises OutputExistsError, UnwritableOutputError.
    """
    from matplotlib.figure import Figure  # takes longer to import than most commands run

    shown = _shown(calibration)
    left, right = (
        _reduced(part[..., shown, shown]) for part in (calibration.left, calibration.right)
    )
    rows, columns = left.shape[:2]
    middle = len(range(calibration.left.shape[-1])[shown])
    height = min(5 * rows / columns, _TALLEST) + 0.9
    figure = Figure(figsize=(11, 2 * height), layout="constrained")
    axes = figure.subplots(2, 2)
    brightest = max(left.max(), right.max())
    for panel, name, kernels in zip(axes[0], ("Left", "Right"), (left, right), strict=True):
        _show(panel, name, _mosaic(kernels / brightest), left.shape)
    orange, blue = np.array([1, 0.55, 0]), np.array([0, 0.45, 1])
    colours = _mosaic(left / brightest)[..., None] * orange
    colours = colours + _mosaic(right / brightest)[..., None] * blue
    _show(axes[1, 0], "Left orange, right blue", colours, left.shape)
    last = axes[1, 1]
    if calibration.ratio is None:
        last.set_axis_off()
        last.text(0.5, 0.5, "No vignetting measured", ha="center", va="center")
    else:
        tall, wide = calibration.frame or calibration.ratio.shape
        picture = last.imshow(calibration.ratio, cmap="viridis", extent=(0, wide, tall, 0))
        last.set_title("Brightness of left over right")
        figure.colorbar(picture, ax=last)
    apart = f"radius {calibration.radius:+.2f} px, kernels of {calibration.left.shape[-1]} px"
    figure.suptitle(f"{rows}x{columns} tiles, {apart}, the middle {middle} shown")
    write_figure(path, figure, overwrite=overwrite)


def _shown(calibration: Calibration) -> slice:
    """Which rows and columns of the kernels to show: those around nearly all of the light."""
    kernels = np.stack([calibration.left, calibration.right])
    half = kernels.shape[-1] // 2
    for reach in range(half):
        middle = slice(half - reach, half + reach + 1)
        if kernels[..., middle, middle].sum((-2, -1)).mean() >= _LIGHT:
            return middle
    return slice(None)


def _reduced(kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of as many pixels as it takes to show all tiles, black beyond a kernel's border."""
    step = -(-max(kernels.shape[:2]) * kernels.shape[-1] // _FINEST)
    rim = -kernels.shape[-1] % step
    padded = np.pad(
        kernels, ((0, 0), (0, 0), (rim // 2, rim - rim // 2), (rim // 2, rim - rim // 2))
    )
    rows, columns, side, _ = padded.shape
    parts = padded.reshape(rows, columns, side // step, step, side // step, step)
    smaller: NDArray[np.float32] = parts.mean((3, 5))
    return smaller


def _mosaic(kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """`rows x columns x K x K` as one picture."""
    rows, columns, side, _ = kernels.shape
    return kernels.transpose(0, 2, 1, 3).reshape(rows * side, columns * side)


def _show(panel: Axes, name: str, picture: NDArray[np.floating], shape: tuple[int, ...]) -> None:
    rows, columns, side, _ = shape
    # The eye sees the faint parts of a kernel better under a square root.
    panel.imshow(np.sqrt(picture.clip(0, 1)), cmap="gray", vmin=0, vmax=1)
    panel.set_title(name)
    panel.set_xticks(np.arange(1, columns) * side - 0.5, labels=[])
    panel.set_yticks(np.arange(1, rows) * side - 0.5, labels=[])
    panel.tick_params(length=0)
    panel.grid(color="0.4", linewidth=0.5)
