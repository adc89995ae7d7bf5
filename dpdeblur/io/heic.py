"""HEIC, read by pi-heif where that is installed: its libraries are under the LGPL.

Nothing here writes HEIC: that takes x265, which is under the GPL.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dpdeblur.io import limits
from dpdeblur.io.orientation import INVERSE, turn
from dpdeblur.io.stored import Stored, Unusable, stored_blocks

_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

_TURNS = (1, 8, 3, 6)  # by the quarter turns to the left


def begins(data: bytes) -> bool:
    """Whether a file that begins so is HEIC, or another HEIF that is not AVIF."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def decode(data: bytes) -> Stored:
    """Decode the bytes of an HEIC file, its main picture; 10 and 12 bits become 16.

    Raises Unusable where pi-heif is not installed or the picture is too large, and what pi-heif
    raises for damaged files.
    """
    try:
        import pi_heif
    except ImportError as error:
        reason = "it is a HEIC picture, for which pi-heif is needed (pip install pi-heif)"
        raise Unusable(reason) from error
    main = pi_heif.open_heif(data, convert_hdr_to_8bit=False)
    limits.check_pixels(*main.size[::-1])
    samples = np.atleast_3d(np.array(main))  # a copy, since the memory goes with `main`
    # It comes upright; the views' rows are to be the sensor's.
    turned = _orientation(data)
    return Stored(
        turn(samples, INVERSE[turned]),
        8 * samples.itemsize,
        **stored_blocks(main.info),
        cicp=_coding(main.info.get("nclx_profile")),
        orientation=turned,
    )


def _coding(nclx: Mapping[str, int] | None) -> bytes | None:
    """Its code points; by now the numbers have their full range."""
    if nclx is None:
        return None
    return bytes([nclx["color_primaries"], nclx["transfer_characteristics"], 0, 1])


def _orientation(data: bytes) -> int:
    """The orientation tag that says the same as the box `irot`; mirrors are not told."""
    at = data.find(b"irot")
    return 1 if at < 0 else _TURNS[data[at + 4] & 3]
