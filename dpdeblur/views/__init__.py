"""The two views of a dual-pixel photograph, and the rules that find them on disk."""

from __future__ import annotations

from dpdeblur.views.dpviews import MINIMUM_SIZE, DPViews
from dpdeblur.views.folders import (
    PICTURE_EXTENSIONS,
    RAW_EXTENSIONS,
    find_pairs,
    find_photos,
    list_pictures,
)
from dpdeblur.views.lists import read_pair_list
from dpdeblur.views.matching import FolderMatch, ScoreFiles, pair_folders
from dpdeblur.views.names import (
    Finding,
    Pairing,
    PairPaths,
    PhotoPaths,
    RawPath,
    common_stem,
    names_say_swapped,
)
from dpdeblur.views.places import inner_path, is_folder
from dpdeblur.views.truth import TruthPair, find_truth_pairs

__all__ = [
    "MINIMUM_SIZE",
    "PICTURE_EXTENSIONS",
    "RAW_EXTENSIONS",
    "DPViews",
    "Finding",
    "FolderMatch",
    "PairPaths",
    "Pairing",
    "PhotoPaths",
    "RawPath",
    "ScoreFiles",
    "TruthPair",
    "common_stem",
    "find_pairs",
    "find_photos",
    "find_truth_pairs",
    "inner_path",
    "is_folder",
    "list_pictures",
    "names_say_swapped",
    "pair_folders",
    "read_pair_list",
]
