"""A defocus map as a picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dpdeblur.io.atomic import write_whole

_SIDE = 7.0
"""Inches along the map's longer side."""
_FLECKS = 0.1
"""Share of the pixels, in percent, at either end of the range that colours leave out."""
_ONE_SIDED = 0.1
"""Radii of one sign that are so small beside those of the other are taken for errors around 0."""


def draw_defocus(
    path: Path, defocus: NDArray[np.float32], *, relative: bool = False, overwrite: bool = False
) -> None:
    """Write a PNG of a map, signed radii `H x W`, with a legend in pixels.

    Where there are radii of both signs, white is in focus, blue behind it and red in front;
    else brighter is the larger number. `relative` says that the radii are right up to a factor.
    Raises OutputExistsError, UnwritableOutputError.
    """
    from matplotlib.figure import Figure  # takes longer to import than most commands run

    low, high = (float(each) for each in np.percentile(defocus, (_FLECKS, 100 - _FLECKS)))
    least, most = sorted((abs(low), abs(high)))
    colours = "viridis"
    if low < 0 < high and least > _ONE_SIDED * most:
        low, high, colours = -most, most, "RdBu"
    height, width = defocus.shape
    scale = _SIDE / max(height, width)
    figure = Figure(
        figsize=(max(width * scale, 3.5) + 1.2, max(height * scale, 2.5) + 0.4),
        layout="constrained",
    )
    axes = figure.subplots()
    shown = axes.imshow(defocus, cmap=colours, vmin=low, vmax=high)
    axes.set_axis_off()
    axes.set_title("Relative defocus (generic lens)" if relative else "Defocus")
    legend = figure.colorbar(shown, ax=axes, extend="both")
    legend.set_label("Blur radius in pixels (+ behind focus, \N{MINUS SIGN} in front)")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_whole(path, buffer.getvalue(), overwrite=overwrite)
