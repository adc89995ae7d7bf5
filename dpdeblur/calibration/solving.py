"""Shots of a dot grid in, the calibration of the camera out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dpdeblur.calibration.brightness import in_cells, pattern_ratio, white_ratio
from dpdeblur.calibration.kernels import solve_kernels, without_outskirts
from dpdeblur.calibration.measure import APART, blur_radius, disparity
from dpdeblur.calibration.register import dot_spacing, find_drift
from dpdeblur.calibration.sharpness import check_sharp
from dpdeblur.calibration.shots import Shots
from dpdeblur.errors import OptionError, PatternError
from dpdeblur.optics import Calibration

FloatArray32 = NDArray[np.float32]

_LARGEST = 121
"""Width of the kernels in pixels at most."""
_SMALLEST = 5
"""Width of the kernels in pixels at least."""
_FAINT = 0.3
"""Contrast of a tile with dots at least, as a fraction of the median tile's."""
_SCATTERED = 0.05
"""Fraction of the light outside the blur that raises a doubt."""
_RIM = 0.02
"""Fraction of a kernel's light on its border that raises a doubt."""


@dataclass(frozen=True, eq=False)
class Solved:
    """A calibration and how well it fits.

    `residual`, `rows x columns x 2` (left, right): root mean square of what the kernels leave
    unexplained, over the standard deviation of the blurred pattern. `spacing`: pixels from dot to
    dot. `drift`: the largest distance, in pixels, by which the sharp picture was moved. `warnings`
    are sentences.
    """

    calibration: Calibration
    residual: FloatArray32
    spacing: float
    drift: float
    warnings: tuple[str, ...]


def solve(
    shots: Shots,
    grid: tuple[int, int] = (6, 8),
    kernel_size: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Solved:
    """Find the kernels of both views in `grid` = (rows, columns) tiles, and the vignetting.

    The sharp picture is moved and brightened smoothly to match each view before. `kernel_size` is
    odd; None is the widest that the dots' spacing allows, up to 121: wider kernels could not be
    told from their neighbours. `progress` is called with parts done and parts in all, of about
    equal time. Raises OptionError and PatternError.
    """
    tiles = grid[0] * grid[1]
    before = -(-tiles // 4)  # what comes before the tiles takes about a fifth of the time

    def reached(done: int) -> None:
        if progress is not None:
            progress(done, before + tiles)

    reached(0)
    if np.median(shots.sharp) > shots.sharp.mean():
        raise PatternError("the pattern is dark on bright; show white dots on black")
    spacing = dot_spacing(shots.sharp)
    side = _kernel_size(kernel_size, spacing)
    _check_tiles(shots.sharp, grid, side)
    drift = find_drift(shots.sharp, shots.left + shots.right, spacing)
    doubts = check_sharp(shots, spacing)
    reached(before // 2)
    sharp = drift.undo(shots.sharp)
    bright = [pattern_ratio(view, sharp, spacing) for view in (shots.left, shots.right)]
    if shots.whites is not None:
        ratio = white_ratio(*shots.whites)
    else:
        ratio = pattern_ratio(shots.left, shots.right, spacing)
    if not min(part.min() for part in (ratio, *bright)) > 0:
        raise PatternError(
            "the views and the sharp picture differ too much in brightness; take all with the "
            "same lighting, and give the views of one shot"
        )

    reached(before)
    margin = side // 2 + math.ceil(drift.largest)
    found = np.empty((2, *grid, side, side), np.float32)
    residual = np.empty((*grid, 2), np.float32)
    windows = dict(_windows(shots.left.shape, grid, side, margin))
    for done, (tile, window) in enumerate(windows.items()):
        around = tuple(slice(part.start - side // 2, part.stop + side // 2) for part in window)
        views = np.stack([view[window] for view in (shots.left, shots.right)])
        kernels, left_over = solve_kernels(
            np.stack([sharp[around] * part[around] for part in bright]), views
        )
        found[:, *tile] = kernels
        residual[tile] = left_over / views.std((1, 2))
        reached(before + done + 1)

    doubts += tuple(_doubts(found, side))
    found, scattered = without_outskirts(found)
    if scattered > _SCATTERED:
        doubts += (
            f"Noise had scattered {scattered:.0%} of the kernels' light, which was taken away; "
            "expose longer, or average several shots, for better kernels.",
        )
    left, right = found
    apart = float(disparity(left, right).mean())
    if abs(apart) < APART:
        raise PatternError(
            f"the views are only {abs(apart):.2f} pixels apart; for the blurred shot "
            "focus the camera farther away from the pattern"
        )
    calibration = Calibration(
        left,
        right,
        blur_radius(left, right),
        {"residual": residual},
        frame=(shots.left.shape[0], shots.left.shape[1]),
        ratio=in_cells(ratio),
        levels=shots.levels,
    )
    return Solved(calibration, residual, spacing, drift.largest, doubts)


def _kernel_size(wanted: int | None, spacing: float) -> int:
    widest = min((int(spacing) - 1) // 2 * 2 + 1, _LARGEST)
    if widest < _SMALLEST:
        raise PatternError(
            f"the dots are {spacing:.1f} pixels apart, too close; let them appear farther apart "
            "than the blur is wide"
        )
    if wanted is None:
        return widest
    if wanted % 2 == 0 or not _SMALLEST <= wanted <= widest:
        raise OptionError(
            "kernel_size",
            f"{wanted} is not an odd number from {_SMALLEST} to {widest}, the most that can be "
            f"told from dots {spacing:.0f} pixels apart",
        )
    return wanted


def _check_tiles(sharp: FloatArray32, grid: tuple[int, int], side: int) -> None:
    """Raise PatternError for tiles too small for kernels of `side`, and for tiles without dots."""
    if min(length // cells for length, cells in zip(sharp.shape, grid, strict=True)) < side:
        raise _too_small(sharp.shape, grid, side)
    contrast = np.array(
        [
            [tile.std() for tile in np.array_split(row, grid[1], 1)]
            for row in np.array_split(sharp, grid[0])
        ]
    )
    faintest = np.unravel_index(contrast.argmin(), grid)
    if contrast[faintest] < _FAINT * np.median(contrast):
        raise PatternError(
            f"the pattern has no dots in row {faintest[0] + 1}, column {faintest[1] + 1} of the "
            f"{grid[0]}x{grid[1]} tiles; let it fill the frame"
        )


def _windows(
    frame: tuple[int, ...], grid: tuple[int, int], side: int, margin: int
) -> Iterator[tuple[tuple[int, int], tuple[slice, slice]]]:
    """Each tile, and the part of the frame around its middle that its kernels are fitted on.

    Parts leave `margin` pixels to the frame's border and are no larger than they need to be.
    """
    axes = []
    for length, cells in zip(frame, grid, strict=True):
        borders = np.rint(np.linspace(0, length, cells + 1)).astype(int)
        spans = []
        for low, high in itertools.pairwise(borders):
            shrink = max(high - low - 4 * side, 0) // 2
            span = slice(max(low + shrink, margin), min(high - shrink, length - margin))
            if span.stop - span.start < side:
                raise _too_small(frame, grid, side)
            spans.append(span)
        axes.append(spans)
    for row, down in enumerate(axes[0]):
        for column, along in enumerate(axes[1]):
            yield (row, column), (down, along)


def _too_small(frame: tuple[int, ...], grid: tuple[int, int], side: int) -> PatternError:
    return PatternError(
        f"tiles of {frame[1] // grid[1]}x{frame[0] // grid[0]} pixels are too small for kernels of "
        f"{side}; ask for fewer tiles or smaller kernels"
    )


def _doubts(kernels: FloatArray32, side: int) -> Iterator[str]:
    """What the kernels (`2 x rows x columns x K x K`) say against themselves."""
    inner = kernels[..., 1:-1, 1:-1].sum((-2, -1))
    wide = int((inner < 1 - _RIM).any(0).sum())
    if wide:
        yield (
            f"In {wide} of {inner[0].size} tiles light reaches the border of the {side} pixels "
            "that a kernel has; the blur may be wider than that."
        )
    signs = np.sign(disparity(*kernels))
    if (signs != np.sign(signs.sum())).any():
        yield "The views are apart to different sides in some tiles; part of the pattern was sharp."
