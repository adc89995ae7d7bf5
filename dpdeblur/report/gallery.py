"""What a report shows of each photograph, made while its pixels are in memory."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dpdeblur.engines import Engine, EngineAround, ProgressCallback, Restored, Window
from dpdeblur.errors import DPDeblurError
from dpdeblur.optics import Calibration
from dpdeblur.pair import DualPixelPair
from dpdeblur.plots import scale_of
from dpdeblur.report.web_pictures import colour_map, most_changed, reduced, webp

UNTOUCHED = "Untouched"
_MANY = 100
_SIDES = (1280, 720)
"""Pixels along the longer side of the pictures in a report, of few and of many photographs."""
_DETAIL = (360, 640)
"""Rows and columns of the part that is shown at its full size."""


@dataclass(frozen=True)
class Legend:
    """The colours of a map as a strip, and the radii at its ends in pixels.

    `relative` says that the radii are right up to a factor.
    """

    uri: str
    low: float
    high: float
    relative: bool = False


@dataclass
class Shown:
    """Pictures of one photograph as data URIs, by what they show; the first is untouched.

    `whole` are reduced; `detail` is the part that changed most, pixel by pixel, empty where the
    whole is not reduced.
    """

    part: tuple[slice, slice] | None
    side: int
    icc: bytes | None = None
    whole: dict[str, str] = field(default_factory=dict)
    detail: dict[str, str] = field(default_factory=dict)
    map: str | None = None
    legend: Legend | None = None

    def add(self, label: str, pixels: NDArray[np.float32]) -> None:
        """Show a picture, upright, `H x W x 3` in [0, 1]."""
        self.whole[label] = _uri(webp(reduced(pixels, self.side), self.icc))
        if self.part is not None:
            part = pixels[self.part]
            self.detail[label] = _uri(webp(reduced(part, max(part.shape)), self.icc, quality=92))

    def add_map(self, defocus: NDArray[np.float32], *, relative: bool = False) -> None:
        """Show a map of signed radii, upright, `H x W`."""
        scale = scale_of(defocus)
        self.map = _uri(webp(colour_map(defocus, scale, self.side)))
        strip = scale.paint(np.linspace(scale.low, scale.high, 256)[None])
        self.legend = Legend(_uri(webp(strip, quality=100)), scale.low, scale.high, relative)


class Gallery:
    """Pictures by the file of the photograph's left view, or its raw file.

    `photographs` is how many there will be: many are shown smaller.
    """

    def __init__(self, photographs: int = 1) -> None:
        self.side = _SIDES[photographs > _MANY]
        self.shown: dict[Path, Shown] = {}

    def watch(self, engine: Engine, label: str = "Restored") -> Engine:
        """The engine, all of whose results are also shown here, called `label`.

        Where it finds no map, one is found for the page.
        """
        lens = getattr(engine, "calibration", None)
        return _Watched(engine, partial(self._see, label, lens))

    def compare(
        self,
        path: Path,
        label: str,
        before: NDArray[np.float32],
        after: NDArray[np.float32],
        icc: bytes | None = None,
    ) -> Shown:
        """Show a photograph before and after, both upright, `H x W x 3` in [0, 1]."""
        shown = self.shown.get(path)
        if shown is None:
            large = max(before.shape) > self.side
            part = most_changed(before, after, *_DETAIL) if large else None
            shown = self.shown[path] = Shown(part, self.side, icc)
            shown.add(UNTOUCHED, before)
        shown.add(label, after)
        return shown

    def _see(
        self, label: str, lens: Calibration | None, pair: DualPixelPair, restored: Restored
    ) -> None:
        if pair.info is None:
            return
        shown = self.compare(
            pair.info.path,
            label,
            pair.upright(pair.combined()),
            pair.upright(restored.image),
            pair.info.icc,
        )
        if shown.map is not None:
            return
        defocus = restored.defocus
        if defocus is None:
            defocus = _find_map(pair, restored.image, lens)
        if defocus is not None:
            shown.add_map(pair.upright(defocus), relative=lens is None)


class _Watched(EngineAround):
    """An engine that also shows someone what it makes."""

    def __init__(self, engine: Engine, see: Callable[[DualPixelPair, Restored], None]) -> None:
        super().__init__(engine)
        self._see = see

    def run(
        self,
        pair: DualPixelPair,
        progress: ProgressCallback | None = None,
        window: Window | None = None,
    ) -> Restored:
        restored = super().run(pair, progress, window)
        self._see(pair, restored)
        return restored


def _find_map(
    pair: DualPixelPair, sharp: NDArray[np.float32], lens: Calibration | None
) -> NDArray[np.float32] | None:
    """A map of reduced size, in the sensor's rows; None where none can be found."""
    # Not before: PyTorch takes seconds, and most commands need no page.
    from dpdeblur.steer.depth import finder, sharpened, shrink

    try:
        return sharpened(shrink(finder(lens).find_map(pair)), sharp, pair, lens)
    except DPDeblurError:  # the picture is there all the same
        return None


def _uri(picture: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(picture).decode()
