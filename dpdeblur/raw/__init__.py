"""Canon Dual Pixel RAW: opening, checking, splitting and developing CR2 and CR3 files."""

from __future__ import annotations

from dpdeblur.raw.description import describe_raw
from dpdeblur.raw.develop import Darkroom, LinearPicture, develop, imbalance
from dpdeblur.raw.options import DEFAULT_SIZE, RawOptions, parse_size
from dpdeblur.raw.photo import RawPhoto, examine_raw, open_raw
from dpdeblur.raw.views import finish, raw_views, read_raw_views

__all__ = [
    "DEFAULT_SIZE",
    "Darkroom",
    "LinearPicture",
    "RawOptions",
    "RawPhoto",
    "describe_raw",
    "develop",
    "examine_raw",
    "finish",
    "imbalance",
    "open_raw",
    "parse_size",
    "raw_views",
    "read_raw_views",
]
