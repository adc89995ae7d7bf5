"""Pictures on disk: PNG, TIFF and JPEG, 8 and 16 bits, with what they carry."""

from __future__ import annotations

from dpdeblur.imaging.maps import READABLE_MAPS, read_map, write_map
from dpdeblur.imaging.orientation import INVERSE, turn
from dpdeblur.imaging.picture import FileViews, Picture, PictureInfo
from dpdeblur.imaging.read import READABLE, read_beside, read_picture, read_views
from dpdeblur.imaging.write import WRITABLE, check_output, write_picture

__all__ = [
    "INVERSE",
    "READABLE",
    "READABLE_MAPS",
    "WRITABLE",
    "FileViews",
    "Picture",
    "PictureInfo",
    "check_output",
    "read_beside",
    "read_map",
    "read_picture",
    "read_views",
    "turn",
    "write_map",
    "write_picture",
]
