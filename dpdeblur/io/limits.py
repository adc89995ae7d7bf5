"""How much a file may ask for, so that a small or broken one cannot take all memory or time.

There is one budget for pixels, which a process may change, and one for what comes beside them. A
picture must also be one that its file can hold, where its code packs pixels only so densely; those
of AVIF, HEIC, JPEG XL and WebP without loss may need next to no bytes for one flat colour.
"""

from __future__ import annotations

from dpdeblur.errors import OptionError
from dpdeblur.io.stored import Broken, Unusable

MEGAPIXELS = 300.0
"""Of the largest picture that is read, unless `allow_megapixels` says otherwise."""
METADATA = 2**26
"""Bytes that the metadata of one file may unpack to, and that a text file may have."""
ARRAYS = 2**29
"""Bytes that the arrays of one file may unpack to."""
DEFLATED = 1032
"""Bytes that one byte of deflated data gives at most."""

_BYTES_PER_PIXEL = 8  # four channels of 16 bits
_PIXELS_PER_BYTE = 1024  # of flat pictures: JPEG has a bit for each block, WebP three for four
_most = [MEGAPIXELS]


def allow_megapixels(number: float) -> None:
    """Let this process read pictures of up to so many megapixels.

    Raises OptionError for a number that is not above 0.
    """
    if not number > 0:
        raise OptionError("megapixels", f"{number:g} is not above 0")
    _most[0] = number


def check_size(size: int) -> None:
    """Raise Unusable for a picture's file of `size` bytes that is too large for the budget."""
    if size > _most[0] * 1e6 * _BYTES_PER_PIXEL + METADATA:
        raise _too_large(f"{size / 1e9:.1f} GB")


def check_pixels(height: int, width: int, depth: int = _BYTES_PER_PIXEL) -> None:
    """Raise Unusable for a picture larger than the budget, before it is decoded.

    Pixels of more than 8 bytes (`depth`) count as more.
    """
    if height * width * max(depth, _BYTES_PER_PIXEL) > _most[0] * 1e6 * _BYTES_PER_PIXEL:
        raise _too_large(f"{width}x{height} pixels")


def _too_large(what: str) -> Unusable:
    return Unusable(
        f"its {what} are more than the limit of {_most[0]:g} megapixels; raise that if the picture "
        "is really so large",
        "megapixels",
    )


def check_packed(unpacked: int, packed: int, densest: int) -> None:
    """Raise Broken where `packed` bytes, each of which gives `densest` at most, are too few."""
    if unpacked > (packed + 1) * densest:
        raise Broken("it is damaged or cut short: it has too few bytes for its pixels")


def check_blocks(height: int, width: int, size: int) -> None:
    """Raise Unusable for a picture that `size` bytes of JPEG, or of WebP with loss, cannot be."""
    check_pixels(height, width)
    check_packed(height * width, size, _PIXELS_PER_BYTE)
