from .colour_profile import same_profile
from .formats import LINEAR, READABLE, WRITABLE, has_qualities
from .limits import allow_megapixels
from .maps import READABLE_MAPS, read_map, write_map
from .orientation import INVERSE, turn
from .picture import Picture, PictureInfo
from .read import read_picture
from .write import check_output, check_outputs, check_size, write_picture

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
    "same_profile",
    "turn",
    "write_map",
    "write_picture",
]
