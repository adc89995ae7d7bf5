from .base import Engine, EngineAround, ProgressCallback, Restored, RunInfo
from .bench import Bench, Forward, bench
from .ceilings import Ceiling, Timing
from .make import ENGINES, EngineRequest, make_engine
from .network import Network
from .options import NetworkOptions, parse_size
from .plan import Span, Tile, plan_spans, plan_tiles, whole
from .window import Crop, Window, parse_crop

__all__ = [
    "ENGINES",
    "Bench",
    "Ceiling",
    "Crop",
    "Engine",
    "EngineAround",
    "EngineRequest",
    "Forward",
    "Network",
    "NetworkOptions",
    "ProgressCallback",
    "Restored",
    "RunInfo",
    "Span",
    "Tile",
    "Timing",
    "Window",
    "bench",
    "make_engine",
    "parse_crop",
    "parse_size",
    "plan_spans",
    "plan_tiles",
    "whole",
]
