"""Defocus map and all-in-focus picture without training, after Xin et al. (ICCV 2021)."""

from __future__ import annotations

from dpdeblur.engines.optimiser.engine import Optimiser
from dpdeblur.engines.optimiser.folder import (
    check_map_files,
    describe_map,
    map_files,
    write_map_folder,
)
from dpdeblur.engines.optimiser.guided import guided
from dpdeblur.engines.optimiser.jumps import sharpen_jumps
from dpdeblur.engines.optimiser.solve import OptimiserOptions, Solution, parse_radii, solve

__all__ = [
    "Optimiser",
    "OptimiserOptions",
    "Solution",
    "check_map_files",
    "describe_map",
    "guided",
    "map_files",
    "parse_radii",
    "sharpen_jumps",
    "solve",
    "write_map_folder",
]
