from .authors import import_folder
from .draw import draw_kernels
from .measure import blur_radius, centroids, disparity
from .options import PIXEL_4_LEVELS, check_levels, parse_grid, parse_sides
from .pattern import dot_grid, write_pattern
from .report import describe, describe_fit, fit_summary, summary
from .shots import Shots, read_shots
from .solving import Solved, solve

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
