"""A restored photograph on the page: as it was, as it became, and what of both is wished for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.errors import OptionError
from dpdeblur.io import PictureInfo, write_picture
from dpdeblur.plots import Scale, scale_of
from dpdeblur.report import reduced, webp
from dpdeblur.steer import Wishes
from dpdeblur.steer.points import Point, check_point
from dpdeblur.steer.wishes import FEATHER

SIDE = 1600
"""Pixels along the longer side of what the page shows of the whole."""
DETAIL = (600, 900)
"""Rows and columns of the part that it shows at full size."""
FORMATS = ("png", "tif", "jpg")
_FULL = np.float32(65535)
_WHITE = np.float32(255)
Codes = NDArray[np.uint16]


def as_codes(pixels: NDArray[np.float32]) -> Codes:
    """A picture in [0, 1] in 16 bits, which take half the memory."""
    return np.rint(pixels.clip(0, 1) * _FULL).astype(np.uint16)


def _pixels(codes: Codes) -> NDArray[np.float32]:
    pixels: NDArray[np.float32] = codes.astype(np.float32)
    pixels /= _FULL
    return pixels


@dataclass(eq=False)
class Photograph:
    """All upright: `untouched` and `sharp` as sRGB-encoded codes `H x W x 3`.

    `defocus` is a map of reduced size whose radii are pixels of the full one; None if there is
    none. `info` is what the files carried. `mask` is the last one that was sent, if any, for
    `Wishes` that ask for it.
    """

    stem: str
    untouched: Codes
    sharp: Codes
    defocus: NDArray[np.float32] | None
    info: PictureInfo | None
    notes: tuple[str, ...] = ()
    mask: NDArray[np.float32] | None = None
    _last: tuple[str, Codes] | None = None
    _lock: Lock = field(default_factory=Lock)
    _small: tuple[NDArray[np.float32], NDArray[np.float32]] = field(init=False)

    def __post_init__(self) -> None:
        before, after = (reduced(_pixels(codes), SIDE) for codes in (self.untouched, self.sharp))
        self._small = before.astype(np.float32) / _WHITE, after.astype(np.float32) / _WHITE

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.sharp.shape[:2]
        return height, width

    @property
    def scale(self) -> Scale | None:
        """The colours of the map."""
        return None if self.defocus is None else scale_of(self.defocus)

    def shown(self, wishes: Wishes | None, centre: Point | None = None) -> bytes:
        """WebP of the picture as wished, or as it was: reduced, or around a point at full size.

        Raises OptionError, also for a point outside and wishes about depth without a map.
        """
        if centre is not None:
            codes = self.untouched if wishes is None else self._finished(wishes)
            return self._webp(reduced(_pixels(codes[self._around(centre)]), SIDE))
        before, after = self._small
        if wishes is not None:
            before = self._applied(wishes, before, after, len(before) / len(self.sharp))
        return self._webp(reduced(before, SIDE))

    def map_picture(self, centre: Point | None = None) -> bytes | None:
        """WebP of the map in its colours, as large as what `shown` gives; None without one."""
        if self.defocus is None or self.scale is None:
            return None
        colours = Image.fromarray(self.scale.paint(self.defocus))
        height, width = self._small[0].shape[:2]
        if centre is None:
            return webp(np.asarray(colours.resize((width, height))))
        rows, columns = self._around(centre)
        down, across = (a / b for a, b in zip(self.defocus.shape, self.size, strict=True))
        box = (
            columns.start * across,
            rows.start * down,
            columns.stop * across,
            rows.stop * down,
        )
        size = columns.stop - columns.start, rows.stop - rows.start
        return webp(np.asarray(colours.resize(size, box=box)))

    def legend(self) -> bytes | None:
        """WebP of the map's colours from its least radius to its greatest."""
        scale = self.scale
        if scale is None:
            return None
        return webp(scale.paint(np.linspace(scale.low, scale.high, 256)[None]), quality=100)

    @contextmanager
    def written(self, wishes: Wishes, extension: str) -> Iterator[Path]:
        """A file of the picture as wished, with 16 bits unless it is a JPEG, while in the block."""
        if extension not in FORMATS:
            raise OptionError("format", f"'{extension}' is unknown; use {', '.join(FORMATS)}")
        pixels = _pixels(self._finished(wishes))
        with TemporaryDirectory(prefix="dpdeblur-") as folder:
            path = Path(folder) / f"{self.stem}_sharp.{extension}"
            write_picture(path, pixels, self.info, bit_depth=16)
            yield path

    def _finished(self, wishes: Wishes) -> Codes:
        """The whole picture as wished; the last one is kept, for the next look at it."""
        told = repr(sorted(wishes.settings.items()))
        if not wishes.settings:
            return self.sharp
        with self._lock:
            if self._last is None or self._last[0] != told:
                self._last = None  # before the next, not beside it
                before, after = _pixels(self.untouched), _pixels(self.sharp)
                self._last = told, as_codes(self._applied(wishes, before, after, 1.0))
            return self._last[1]

    def _applied(
        self,
        wishes: Wishes,
        before: NDArray[np.float32],
        after: NDArray[np.float32],
        scale: float,
    ) -> NDArray[np.float32]:
        """The wishes on pictures of another size, for which all lengths are scaled."""
        if wishes.needs_map and self.defocus is None:
            raise OptionError("wishes", "there is no defocus map, so depth cannot be chosen")
        wishes.check(self.size)
        feather = FEATHER if wishes.feather is None else wishes.feather
        smaller = replace(
            wishes,
            keep_beyond=wishes.keep_beyond and wishes.keep_beyond * scale,
            depth_range=wishes.depth_range and wishes.depth_range * scale,
            focus_at=tuple((x * scale, y * scale) for x, y in wishes.focus_at),
            mask=None if wishes.mask is None else _resized(wishes.mask, after.shape[:2]),
            feather=None if wishes.mask is None else feather * scale,
        )
        defocus = None if self.defocus is None else self.defocus * np.float32(scale)
        picture, _ = smaller.apply(after, lambda: before, defocus)
        return picture

    def _around(self, centre: Point) -> tuple[slice, slice]:
        check_point(centre, self.size, "at")
        rows, columns = (
            slice(start := min(max(0, round(at) - most // 2), max(0, side - most)), start + most)
            for at, most, side in zip(reversed(centre), DETAIL, self.size, strict=True)
        )
        height, width = self.size
        return (
            slice(rows.start, min(height, rows.stop)),
            slice(columns.start, min(width, columns.stop)),
        )

    def _webp(self, codes: NDArray[np.uint8]) -> bytes:
        return webp(codes, None if self.info is None else self.info.icc, quality=90)


def _resized(mask: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    if mask.shape == size:
        return mask
    height, width = size
    smaller = Image.fromarray(mask).resize((width, height), Image.Resampling.BOX)
    return np.asarray(smaller).clip(0, 1)
