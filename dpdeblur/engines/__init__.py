"""What makes the all-in-focus picture: the network here, the optimiser in its own room."""

from __future__ import annotations

from dpdeblur.engines.base import Engine, ProgressCallback, Restored, RunInfo
from dpdeblur.engines.make import ENGINES, make_engine
from dpdeblur.engines.network import Network
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.engines.plan import Span, Tile, plan_spans, plan_tiles, whole

__all__ = [
    "ENGINES",
    "Engine",
    "Network",
    "NetworkOptions",
    "ProgressCallback",
    "Restored",
    "RunInfo",
    "Span",
    "Tile",
    "make_engine",
    "plan_spans",
    "plan_tiles",
    "whole",
]
