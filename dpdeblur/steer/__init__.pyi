from .depth import depth_at, follow_edges
from .engine import Steered, Wish
from .focus import Refocus
from .points import Point, parse_point
from .render import refocus
from .wishes import Side, Wishes, blend, read_mask

__all__ = [
    "Point",
    "Refocus",
    "Side",
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
