"""From sensor numbers to pictures: every view of a photograph in exactly the same way."""

from __future__ import annotations

from typing import Any

import numpy as np
import rawpy
from numpy.typing import NDArray

from dpdeblur.raw.balance import NO_BALANCE, measure_balance
from dpdeblur.raw.frames import Mosaic
from dpdeblur.raw.options import RawOptions
from dpdeblur.raw.photo import RawPhoto
from dpdeblur.raw.split import split

LinearPicture = NDArray[np.uint16]
"""H x W x 3, linear light in sRGB's primaries, over the full range; rows are the sensor's."""


class Darkroom:
    """Develops mosaics of one photograph: the camera's white balance, one exposure, one crop.

    Nothing is measured on a picture being developed, so that all stay comparable.
    """

    def __init__(self, photo: RawPhoto, *, half: bool = False) -> None:
        if photo.problem is not None or photo.clip is None:
            raise photo.problem or ValueError("no frame to develop")
        self._raw = photo.decoder
        self._sensor = photo.decoder.raw_image[photo.visible.window]
        self._window = photo.crop.reduced(2 if half else 1).window
        multipliers, self.notes = _white_balance(photo.decoder)
        self.settings: dict[str, Any] = {
            "user_wb": multipliers,
            "user_sat": int(photo.clip - photo.frames[0].black.min()),
            "user_flip": 0,
            "output_bps": 16,
            "gamma": (1, 1),
            "no_auto_bright": True,
            "adjust_maximum_thr": 0.0,
            "highlight_mode": rawpy.HighlightMode.Clip,
            "half_size": half,
        }
        """What `rawpy.RawPy.postprocess` is given."""

    def develop(self, mosaic: Mosaic) -> LinearPicture:
        """Develop a mosaic like frame 0 and take the camera's crop of it."""
        self._sensor[:] = mosaic
        picture: LinearPicture = self._raw.postprocess(**self.settings).view(np.uint16)
        return np.ascontiguousarray(picture[self._window])


def develop(
    photo: RawPhoto, options: RawOptions, *, combined: bool = False
) -> tuple[dict[str, LinearPicture], tuple[str, ...]]:
    """The views "left" and "right", and with `combined` the ordinary picture; and warnings.

    They have the sensor's size or, with `options.half`, half of it; `options.size` is not heeded.
    Raises the photograph's `problem`, if it has one.
    """
    room = Darkroom(photo, half=options.half)
    first, second = photo.frames
    clip = photo.clip or photo.white
    balance = measure_balance(first, second, clip) if options.balance else NO_BALANCE
    names = ("right", "left") if options.swap_views else ("left", "right")
    mosaics = dict(zip(names, split(first, second, clip, balance), strict=True))
    if combined:
        mosaics["combined"] = first.mosaic
    pictures = {name: room.develop(mosaics[name]) for name in sorted(mosaics)}
    return pictures, (*photo.warnings, *(f"{photo.path}: {note}" for note in room.notes))


def imbalance(photo: RawPhoto) -> float:
    """The largest relative difference between the sides' brightness that `develop` evens out."""
    if photo.problem is not None:
        raise photo.problem
    first, second = photo.frames
    return measure_balance(first, second, photo.clip or photo.white).strongest


def _white_balance(raw: rawpy.RawPy) -> tuple[list[float], tuple[str, ...]]:
    """The multipliers as shot; without them LibRaw would choose others for each view."""
    shot = raw.camera_whitebalance
    if min(shot[:3]) > 0:
        return shot, ()
    daylight = raw.daylight_whitebalance
    note = "The file has no white balance, so daylight's was taken."
    return (daylight if min(daylight[:3]) > 0 else [1.0] * 4), (note,)
