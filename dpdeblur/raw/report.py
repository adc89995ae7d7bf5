"""What was found out about a raw file, in plain words and types."""

from __future__ import annotations

from typing import Any

from dpdeblur.raw.develop import imbalance
from dpdeblur.raw.photo import RawPhoto


def describe(photo: RawPhoto) -> dict[str, Any]:
    """Its facts, ready for JSON but for the path `file`.

    Sizes are (width, height) in pixels, levels in DN, `black_levels` one list for each frame;
    `light_share` (None in the dark or of one frame) and `imbalance` (None without two views) are
    fractions. `problem` is why it does not give two views, and `problem_type` the error's name.
    """
    usable = photo.problem is None
    return {
        "file": photo.path,
        "make": photo.header.make,
        "model": photo.header.model,
        "frames": photo.frame_count,
        "raw_size": photo.raw_size[::-1],
        "visible_size": (photo.visible.width, photo.visible.height),
        "picture_size": (photo.crop.width, photo.crop.height),
        "orientation": photo.header.orientation,
        "black_levels": [frame.black.ravel().tolist() for frame in photo.frames],
        "white_level": photo.white,
        "clip_level": photo.clip,
        "light_share": photo.agreement and photo.agreement.share,
        "imbalance": imbalance(photo) if usable else None,
        "usable": usable,
        "problem": None if usable else str(photo.problem),
        "problem_type": None if usable else type(photo.problem).__name__,
    }
