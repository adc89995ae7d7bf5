"""What reading a file gives: the samples, and everything else the file carried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur import scratch
from dpdeblur.io import colour_profile
from dpdeblur.io.orientation import INVERSE, turn
from dpdeblur.io.stored import Samples

_ALL = slice(None)


@dataclass(frozen=True, eq=False)
class PictureInfo:
    """Everything about a picture file but its pixels; `write_picture` takes it as `like`."""

    path: Path
    bit_depth: int
    """Bits per sample to write with, 8 or 16: those of the file, or the next more."""
    gray: bool
    """The file had a single colour channel, and is to be written back as such."""
    alpha: NDArray[np.float32] | None = None
    """Opacity, H x W in [0, 1], turned as the pixels are; None where the file has none."""
    exif: bytes | None = None
    """EXIF as a TIFF block without `Exif\\0\\0`: orientation 1, no thumbnail, no MakerNote."""
    xmp: bytes | None = None
    """XMP packet, UTF-8."""
    icc: bytes | None = None
    """ICC profile that `Picture.srgb()` is to be shown with; None means sRGB."""
    warnings: tuple[str, ...] = ()
    """What went wrong beside the pixels, one sentence each."""
    left_out: tuple[str, ...] = ()
    """What else the file carries that is not to be written back, by name."""
    orientation: int = 1
    """The orientation tag, 1 to 8, that turns the sensor's rows upright (see `turn`)."""

    def upright(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turn H x W x C pixels in the sensor's rows, as `read_pair` gives them, upright."""
        return turn(pixels, self.orientation)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as read: the samples its file stores, before any colour profile.

    `samples` is uint8 or uint16, H x W x 1 (gray) or H x W x 3, upright. Floats are made of them
    on demand and not kept.
    """

    samples: Samples
    bit_depth: int
    """Bits per sample of `samples`, as the file says: white is 2 ** bit_depth - 1."""
    info: PictureInfo
    profile: bytes | None = None
    """ICC profile from which `srgb` converts; None where the numbers are encoded much as sRGB."""

    def srgb(self, rows: slice = _ALL, columns: slice = _ALL) -> NDArray[np.float32]:
        """The pixels, H x W x 3 in [0, 1], encoded as sRGB is: of 16 bits n becomes n / 65535.

        Where the profile's tone curve is unlike sRGB's, they are converted to sRGB. `rows` and
        `columns` choose a part.
        """
        pixels = self.samples[rows, columns].astype(np.float32)
        scratch.rest()
        pixels /= np.float32(2**self.bit_depth - 1)
        if self.info.gray:
            pixels = np.repeat(pixels, 3, -1)
        return pixels if self.profile is None else colour_profile.to_srgb(pixels, self.profile)

    def codes(self) -> NDArray[np.float32]:
        """The numbers as stored (DN), of the shape of `samples`, whatever the colour profile."""
        return self.samples.astype(np.float32)

    def in_rows(self, orientation: int) -> Picture:
        """The same with samples in the rows of a sensor that `orientation` turns upright."""
        return replace(self, samples=turn(self.samples, INVERSE[orientation]))
