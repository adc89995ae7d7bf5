"""What reading a file gives: the pixels, and everything else the file carried."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dpdeblur.io.orientation import turn
from dpdeblur.pair import DPViews

PICTURE_EXTENSIONS = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
"""Of picture files, lower case."""


@dataclass(frozen=True, eq=False)
class PictureInfo:
    """Everything about a picture file but its pixels; `write_picture` takes it as `like`."""

    path: Path
    bit_depth: int
    """Bits per sample of the file: 8 or 16."""
    gray: bool
    """The file had a single colour channel, and is to be written back as such."""
    alpha: NDArray[np.float32] | None = None
    """Opacity, H x W in [0, 1], turned as the pixels are; None where the file has none."""
    exif: bytes | None = None
    """EXIF as a TIFF block without `Exif\\0\\0`: orientation 1, no thumbnail, no MakerNote."""
    xmp: bytes | None = None
    """XMP packet, UTF-8."""
    icc: bytes | None = None
    """ICC profile that `pixels` are to be shown with; None means sRGB."""
    warnings: tuple[str, ...] = ()
    """What went wrong beside the pixels, one sentence each."""
    orientation: int = 1
    """The orientation tag, 1 to 8, that turns the sensor's rows upright (see `turn`)."""

    def upright(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn H x W x C pixels in the sensor's rows, as `read_views` gives them, upright."""
        return turn(pixels, self.orientation)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as read: `pixels` is float32 H x W x 3 in [0, 1], encoded as sRGB is."""

    pixels: NDArray[np.float32]
    info: PictureInfo


@dataclass(frozen=True, eq=False)
class FileViews(DPViews):
    """The two views of one photograph as read, and what their files carried."""

    source: PictureInfo
    """The left view's, with the warnings of both; gray only if both are."""
