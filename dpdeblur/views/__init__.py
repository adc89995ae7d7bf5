"""The two views of a dual-pixel photograph, and the rules that find them on disk."""

from __future__ import annotations

from dpdeblur.views.dpviews import MINIMUM_SIZE, DPViews
from dpdeblur.views.folders import PICTURE_EXTENSIONS, find_pairs, list_pictures
from dpdeblur.views.lists import read_pair_list
from dpdeblur.views.names import Pairing, PairPaths, common_stem

__all__ = [
    "MINIMUM_SIZE",
    "PICTURE_EXTENSIONS",
    "DPViews",
    "PairPaths",
    "Pairing",
    "common_stem",
    "find_pairs",
    "list_pictures",
    "read_pair_list",
]
