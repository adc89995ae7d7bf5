"""Canon Dual Pixel RAW: opening, checking, splitting and developing CR2 and CR3 files."""

from __future__ import annotations

from dpdeblur.raw.develop import Darkroom, LinearPicture, develop, imbalance
from dpdeblur.raw.options import DEFAULT_SIZE, RawOptions, parse_size
from dpdeblur.raw.pair import check_photo, finish, read_photo, read_raw_pair
from dpdeblur.raw.photo import RawPhoto, examine_raw, open_raw
from dpdeblur.raw.report import describe

__all__ = [
    "DEFAULT_SIZE",
    "Darkroom",
    "LinearPicture",
    "RawOptions",
    "RawPhoto",
    "check_photo",
    "describe",
    "develop",
    "examine_raw",
    "finish",
    "imbalance",
    "open_raw",
    "parse_size",
    "read_photo",
    "read_raw_pair",
]
