"""Blur as a photographer wants it: left where it belongs, or moved by another focus."""

from __future__ import annotations

from dpdeblur.steer.depth import Point, depth_at, follow_edges, parse_point
from dpdeblur.steer.engine import Steered, Wish
from dpdeblur.steer.refocus import Refocus, refocus
from dpdeblur.steer.wishes import Wishes, blend, read_mask

__all__ = [
    "Point",
    "Refocus",
    "Steered",
    "Wish",
    "Wishes",
    "blend",
    "depth_at",
    "follow_edges",
    "parse_point",
    "read_mask",
    "refocus",
]
