"""Measuring a camera's dual-pixel kernels and vignetting, once."""

from __future__ import annotations

from dpdeblur.calibration.authors import import_folder
from dpdeblur.calibration.draw import draw_kernels
from dpdeblur.calibration.measure import blur_radius, centroids, disparity
from dpdeblur.calibration.options import PIXEL_4_LEVELS, check_levels, parse_grid, parse_sides
from dpdeblur.calibration.pattern import dot_grid, write_pattern
from dpdeblur.calibration.report import describe, describe_fit, fit_summary, summary
from dpdeblur.calibration.shots import Shots, read_shots
from dpdeblur.calibration.solve import Solved, solve

__all__ = [
    "PIXEL_4_LEVELS",
    "Shots",
    "Solved",
    "blur_radius",
    "centroids",
    "check_levels",
    "describe",
    "describe_fit",
    "disparity",
    "dot_grid",
    "draw_kernels",
    "fit_summary",
    "import_folder",
    "parse_grid",
    "parse_sides",
    "read_shots",
    "solve",
    "summary",
    "write_pattern",
]
