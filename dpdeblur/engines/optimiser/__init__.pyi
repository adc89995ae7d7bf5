from .engine import Optimiser
from .folder import (
    check_map_files,
    describe_map,
    map_files,
    write_map_folder,
)
from .guided import guided
from .jumps import sharpen_jumps
from .options import OptimiserOptions, parse_radii
from .solve import Solution, solve

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
