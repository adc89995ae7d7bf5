"""The two views of a dual-pixel photograph, and the rules that find them on disk."""

from __future__ import annotations

from dpdeblur.views.dpviews import MINIMUM_SIZE, DPViews
from dpdeblur.views.folders import PICTURE_EXTENSIONS, find_pairs, list_pictures
from dpdeblur.views.lists import read_pair_list
from dpdeblur.views.matching import FolderMatch, ScoreFiles, pair_folders
from dpdeblur.views.names import Pairing, PairPaths, common_stem, names_say_swapped
from dpdeblur.views.places import inner_path, is_folder
from dpdeblur.views.truth import TruthPair, find_truth_pairs

__all__ = [
    "MINIMUM_SIZE",
    "PICTURE_EXTENSIONS",
    "DPViews",
    "FolderMatch",
    "PairPaths",
    "Pairing",
    "ScoreFiles",
    "TruthPair",
    "common_stem",
    "find_pairs",
    "find_truth_pairs",
    "inner_path",
    "is_folder",
    "list_pictures",
    "names_say_swapped",
    "pair_folders",
    "read_pair_list",
]
