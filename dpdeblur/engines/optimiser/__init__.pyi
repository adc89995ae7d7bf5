from .engine import Optimiser
from .folder import (
    check_map_files,
    describe_map,
    map_files,
    write_map_folder,
)
from .options import OptimiserOptions, parse_radii
from .solve import Solution, solve

__all__ = [
    "Optimiser",
    "OptimiserOptions",
    "Solution",
    "check_map_files",
    "describe_map",
    "map_files",
    "parse_radii",
    "solve",
    "write_map_folder",
]
