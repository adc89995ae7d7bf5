"""What makes the all-in-focus picture: the network here, the optimiser in its own room."""

from __future__ import annotations

from dpdeblur.engines.base import Engine, ProgressCallback, Restored, RunInfo
from dpdeblur.engines.make import ENGINES, make_engine
from dpdeblur.engines.network import Network
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.engines.plan import Strip, plan_strips
from dpdeblur.engines.window import Crop, Window, parse_crop

__all__ = [
    "ENGINES",
    "Crop",
    "Engine",
    "Network",
    "NetworkOptions",
    "ProgressCallback",
    "Restored",
    "RunInfo",
    "Strip",
    "Window",
    "make_engine",
    "parse_crop",
    "plan_strips",
]
