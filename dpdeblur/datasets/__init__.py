"""Which files on disk belong together: pairs of views, and their truths."""

from __future__ import annotations

from dpdeblur.datasets.folders import RAW_EXTENSIONS, find_pairs, find_photos
from dpdeblur.datasets.matching import FolderMatch, ScoreFiles, pair_folders
from dpdeblur.datasets.names import (
    USUAL,
    Finding,
    Marks,
    PairPaths,
    PhotoPaths,
    RawPath,
    common_stem,
    names_say_different,
    names_say_swapped,
)
from dpdeblur.datasets.paths import expanded, inner_path, is_folder, list_pictures, shared_sources
from dpdeblur.datasets.tables import read_pair_list
from dpdeblur.datasets.truth import TruthPair, find_truth_pairs

__all__ = [
    "RAW_EXTENSIONS",
    "USUAL",
    "Finding",
    "FolderMatch",
    "Marks",
    "PairPaths",
    "PhotoPaths",
    "RawPath",
    "ScoreFiles",
    "TruthPair",
    "common_stem",
    "expanded",
    "find_pairs",
    "find_photos",
    "find_truth_pairs",
    "inner_path",
    "is_folder",
    "list_pictures",
    "names_say_different",
    "names_say_swapped",
    "pair_folders",
    "read_pair_list",
    "shared_sources",
]
