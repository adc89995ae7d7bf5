"""What a picture file stores, the one thing that every format module decodes to and encodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dpdeblur.io import exif as tiff_tags

IPTC = "IPTC data (caption, keywords, credit)"
"""The name of these in `Stored.left_out`."""
EXTENDED_XMP = "XMP data beyond 64 KiB"
"""The same, of what a JPEG holds of them in further segments."""
IPTC_RESOURCE = b"8BIM\x04\x04"
"""Where IPTC data begin in the blocks of Photoshop."""

Samples: TypeAlias = NDArray[np.unsignedinteger[Any]]  # uint8 or uint16
Numbers: TypeAlias = Samples | NDArray[np.float32]  # or linear light, to be written


class Unusable(ValueError):  # noqa: N818 - internal; turned into UnreadableFileError
    """The bytes cannot become a picture; the text is the reason, ready for UnreadableFileError.

    `parameter` is what to change so that they can, if there is something.
    """

    def __init__(self, reason: str, parameter: str | None = None) -> None:
        self.parameter = parameter
        super().__init__(reason)


class Broken(Unusable):
    """The bytes are those of a picture, but some are missing or altered."""


@dataclass(frozen=True, eq=False)
class Stored:
    """Samples (uint8 or uint16) from 0 to 2 ** bits - 1, and the blocks beside them.

    Only on writing, and for formats that hold it: samples that are linear light (float32).

    `samples` is H x W x C: C = 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha (not
    premultiplied). Blocks are bare: EXIF starts with its TIFF header, XMP and ICC are the packet
    and the profile themselves. `tags` is what the format says outside its EXIF block, in EXIF
    terms. `orientation` is what it says there, in place of the EXIF block. `notes` are sentences
    about blocks that could not be read, `left_out` names of blocks that no picture made of this one
    will have. `cicp` are the code points of the colours' coding (H.273). `assumed` says that the
    profile is not the file's own, as a note says.
    """

    samples: Any  # Numbers; what a decoder gives is Samples
    bits: int
    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    tags: tiff_tags.Directory = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    cicp: bytes | None = None
    orientation: int | None = None
    assumed: bool = False


def stored_blocks(info: Mapping[Any, Any]) -> dict[str, Any]:
    """The blocks that Pillow and what is like it found, by their names in Stored."""
    blocks = {ours: info.get(theirs) for ours, theirs in _PILLOW.items()}
    found = {name: bytes(block) for name, block in blocks.items() if block}
    if "exif" in found:
        found["exif"] = found["exif"].removeprefix(b"Exif\0\0")
    return found


def carried_blocks(stored: Stored) -> dict[str, bytes]:
    """The blocks of `stored`, as Pillow wants to be told when it writes."""
    blocks = {theirs: getattr(stored, ours) for ours, theirs in _PILLOW.items()}
    return {name: block for name, block in blocks.items() if block}


def further_frames(number: int) -> tuple[str, ...]:
    """A note for a file of so many pictures that follow each other, if there are several."""
    return (f"Only the first of its {number} frames was read.",) if number > 1 else ()


_PILLOW = {"exif": "exif", "xmp": "xmp", "icc": "icc_profile"}


def without_single_channel(samples: Numbers) -> Numbers:
    """H x W x 1 becomes H x W, as encoders want gray; anything else stays."""
    return samples[..., 0] if samples.shape[-1] == 1 else samples
