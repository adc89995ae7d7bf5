"""Pictures on disk, in all their formats, with what they carry."""

from __future__ import annotations

from dpdeblur.io.formats import LINEAR, READABLE, WRITABLE, has_qualities
from dpdeblur.io.limits import allow_megapixels
from dpdeblur.io.maps import READABLE_MAPS, read_map, write_map
from dpdeblur.io.orientation import INVERSE, turn
from dpdeblur.io.picture import Picture, PictureInfo
from dpdeblur.io.read import read_picture
from dpdeblur.io.write import check_output, check_outputs, check_size, write_picture

__all__ = [
    "INVERSE",
    "LINEAR",
    "READABLE",
    "READABLE_MAPS",
    "WRITABLE",
    "Picture",
    "PictureInfo",
    "allow_megapixels",
    "check_output",
    "check_outputs",
    "check_size",
    "has_qualities",
    "read_map",
    "read_picture",
    "turn",
    "write_map",
    "write_picture",
]
