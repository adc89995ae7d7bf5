"""What a raw file holds, as plain values."""

from __future__ import annotations

from typing import Any

from dpdeblur.raw.develop import imbalance
from dpdeblur.raw.photo import RawPhoto


def describe_raw(photo: RawPhoto) -> dict[str, Any]:
    """What was found out about a raw file, by name; sizes are (width, height) in pixels.

    `light_share` is the share of frame 0's light in frame 1, `imbalance` the greatest difference in
    brightness between the sides; None where the frames do not tell.
    """
    problem, agreement = photo.problem, photo.agreement
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
        "light_share": agreement and agreement.share,
        "imbalance": None if problem else imbalance(photo),
        "usable": problem is None,
        "problem": problem and str(problem),
        "problem_type": problem and type(problem).__name__,
    }
