"""The pictures that matplotlib draws: how a training run went, and defocus maps."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dpdeblur.io.atomic import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEGEND = "Blur radius in pixels (+ behind focus, \N{MINUS SIGN} in front)"
Curve = Sequence[tuple[int, float]]
_SMOOTHING = 50
_SIDE = 7.0
"""Inches along the map's longer side."""
_FLECKS = 0.1
"""Share of the pixels, in percent, at either end of the range that colours leave out."""
_ONE_SIDED = 0.1
"""Radii of one sign that are so small beside those of the other count as errors around 0."""


def draw_curve(path: Path, losses: Curve, scores: Mapping[str, Curve]) -> None:
    """Write a PNG of the loss against the step and, if there are any, of scores (dB) by name.

    Beside each loss there is the mean over the 50 before; what is no finite number leaves a gap.
    Raises UnwritableOutputError.
    """
    from matplotlib.figure import Figure  # takes longer to import than most commands run

    plots = 2 if scores else 1
    figure = Figure(figsize=(8, 3.5 * plots), layout="constrained")
    axes = figure.subplots(plots, squeeze=False, sharex=True)[:, 0]
    steps, values = np.array(losses, np.float64).reshape(-1, 2).T
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    axes[0].plot(steps, values, color="0.8", linewidth=0.7)
    axes[0].plot(steps, _trailing_mean(values), color="tab:blue", label="mean of 50 steps")
    axes[0].set_ylabel("Loss")
    axes[0].legend()
    for name, curve in scores.items():
        at, decibels = np.array(curve, np.float64).reshape(-1, 2).T
        axes[1].plot(at, decibels, marker=".", label=name)
    if scores:
        axes[1].set_ylabel("PSNR (dB)")
        axes[1].legend()
    axes[-1].set_xlabel("Step")
    write_figure(path, figure)


@dataclass(frozen=True)
class Scale:
    """The colours of a map: matplotlib's `name` for them, and the radii at their two ends."""

    name: str
    low: float
    high: float

    def paint(self, radii: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The colours of radii of any shape, with a last axis of red, green and blue."""
        from matplotlib import colormaps

        span = max(self.high - self.low, 1e-6)
        shares = ((radii - self.low) / span).clip(0, 1)
        colours: NDArray[np.uint8] = colormaps[self.name](shares, bytes=True)[..., :3]
        return colours


def scale_of(defocus: NDArray[np.float32]) -> Scale:
    """The colours for a map, signed radii `H x W`.

    Where there are radii of both signs, white is in focus, blue behind it and red in front;
    else brighter is the larger number.
    """
    low, high = (float(each) for each in np.percentile(defocus, (_FLECKS, 100 - _FLECKS)))
    least, most = sorted((abs(low), abs(high)))
    if low < 0 < high and least > _ONE_SIDED * most:
        return Scale("RdBu", -most, most)
    return Scale("viridis", low, high)


def draw_defocus(
    path: Path, defocus: NDArray[np.float32], *, relative: bool = False, overwrite: bool = False
) -> None:
    """Write a PNG of a map, signed radii `H x W`, in the colours of `scale_of`, with a legend.

    `relative` says that the radii are right up to a factor.
    Raises OutputExistsError, UnwritableOutputError.
    """
    from matplotlib.figure import Figure  # takes longer to import than most commands run

    colours = scale_of(defocus)
    height, width = defocus.shape
    scale = _SIDE / max(height, width)
    figure = Figure(
        figsize=(max(width * scale, 3.5) + 1.2, max(height * scale, 2.5) + 0.4),
        layout="constrained",
    )
    axes = figure.subplots()
    shown = axes.imshow(defocus, cmap=colours.name, vmin=colours.low, vmax=colours.high)
    axes.set_axis_off()
    axes.set_title("Relative defocus (generic lens)" if relative else "Defocus")
    legend = figure.colorbar(shown, ax=axes, extend="both")
    legend.set_label(LEGEND)
    write_figure(path, figure, overwrite=overwrite)


def write_figure(path: Path, figure: Figure, *, overwrite: bool = True) -> None:
    """Write a PNG of a figure; raises OutputExistsError, UnwritableOutputError."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_whole(path, buffer.getvalue(), overwrite=overwrite)


def _trailing_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.concatenate([[0.0], values.cumsum()])
    last = np.arange(1, len(sums))
    first = np.maximum(last - _SMOOTHING, 0)
    means: NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)
    return means
