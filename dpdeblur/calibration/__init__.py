"""Measuring a camera's dual-pixel kernels and vignetting, once."""

from __future__ import annotations

from dpdeblur.calibration.authors import import_folder
from dpdeblur.calibration.draw import draw_kernels
from dpdeblur.calibration.measure import blur_radius, centroids, describe, disparity
from dpdeblur.calibration.pattern import dot_grid
from dpdeblur.calibration.shots import Shots, read_shots
from dpdeblur.calibration.solve import Solved, solve

__all__ = [
    "Shots",
    "Solved",
    "blur_radius",
    "centroids",
    "describe",
    "disparity",
    "dot_grid",
    "draw_kernels",
    "import_folder",
    "read_shots",
    "solve",
]
