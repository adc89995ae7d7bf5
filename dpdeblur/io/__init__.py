"""Pictures on disk: PNG, TIFF and JPEG, 8 and 16 bits, with what they carry."""

from __future__ import annotations

from dpdeblur.io.limits import allow_megapixels
from dpdeblur.io.maps import READABLE_MAPS, read_map, write_map
from dpdeblur.io.orientation import INVERSE, turn
from dpdeblur.io.picture import PICTURE_EXTENSIONS, Picture, PictureInfo
from dpdeblur.io.read import READABLE, read_picture
from dpdeblur.io.write import WRITABLE, check_output, check_outputs, check_size, write_picture

__all__ = [
    "INVERSE",
    "PICTURE_EXTENSIONS",
    "READABLE",
    "READABLE_MAPS",
    "WRITABLE",
    "Picture",
    "PictureInfo",
    "allow_megapixels",
    "check_output",
    "check_outputs",
    "check_size",
    "read_map",
    "read_picture",
    "turn",
    "write_map",
    "write_picture",
]
