"""What a calibration, and the fit that it comes from, say of themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from dpdeblur.calibration.measure import centroids, disparity
from dpdeblur.calibration.solving import Solved
from dpdeblur.optics import Calibration


def describe(calibration: Calibration) -> dict[str, Any]:
    """Its numbers in plain words and types, ready for JSON.

    `radius`, `disparity` and `common_offset` (x, y) are in pixels, `frame` is (height, width) in
    pixels, `levels` (black, white) in DN, `ratio` the brightness of left over right.
    """
    ratio = calibration.ratio
    apart = disparity(calibration.left, calibration.right)
    common = centroids((calibration.left + calibration.right) / 2).mean((0, 1))
    return {
        "tiles": list(calibration.left.shape[:2]),
        "kernel_size": calibration.left.shape[-1],
        "radius": calibration.radius,
        "disparity": {name: float(getattr(apart, name)()) for name in ("mean", "min", "max")},
        "common_offset": [float(part) for part in common],
        "frame": None if calibration.frame is None else list(calibration.frame),
        "levels": None if calibration.levels is None else list(calibration.levels),
        "ratio": None if ratio is None else {"min": float(ratio.min()), "max": float(ratio.max())},
    }


def summary(calibration: Calibration) -> str:
    """The same for people, five lines."""
    told = describe(calibration)
    rows, columns = told["tiles"]
    apart, ratio, frame, levels = (told[name] for name in ("disparity", "ratio", "frame", "levels"))
    side = "behind" if calibration.radius > 0 else "in front of"
    return "\n".join(
        (
            f"{rows}x{columns} tiles, kernels of {told['kernel_size']} px",
            f"Radius {calibration.radius:+.2f} px ({side} focus), "
            f"disparity {apart['mean']:+.2f} px ({apart['min']:+.2f} to {apart['max']:+.2f})",
            f"For pictures of {frame[1]}x{frame[0]}" if frame else "For pictures of any size",
            f"Linear raw numbers, black {levels[0]:g}, white {levels[1]:g}" if levels else "sRGB",
            f"Brightness of left over right {ratio['min']:.3f} to {ratio['max']:.3f}"
            if ratio
            else "No vignetting measured",
        )
    )


def describe_fit(solved: Solved) -> dict[str, Any]:
    """As `describe`, and how well the kernels fit.

    `spacing` and `drift` are in pixels; `residual_percent` is `rows x columns x 2` (left, right),
    in per cent of the pattern's contrast.
    """
    fit = {
        "spacing": solved.spacing,
        "drift": solved.drift,
        "residual_percent": np.round(100 * solved.residual.astype(float), 2).tolist(),
    }
    return describe(solved.calibration) | fit


def fit_summary(solved: Solved) -> str:
    """The same for people: two lines more, and one for each row of tiles."""
    percent = np.array(describe_fit(solved)["residual_percent"])
    rows = ("  ".join(f"{left:4.1f}/{right:4.1f}" for left, right in row) for row in percent)
    return "\n".join(
        (
            summary(solved.calibration),
            f"Dots {solved.spacing:.0f} px apart; "
            f"sharp picture moved by up to {solved.drift:.1f} px",
            f"Unexplained: {percent.mean():.1f} % of the pattern's contrast, "
            f"at most {percent.max():.1f} %; left/right by tile, in %:",
            *(f"  {row}" for row in rows),
        )
    )
