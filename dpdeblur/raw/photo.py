"""Opening a raw file: is it a Dual Pixel RAW, and what does it hold?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import rawpy

from dpdeblur.errors import (
    FramesDisagreeError,
    RawBurstError,
    ReducedRawError,
    SingleFrameError,
    UnreadableFileError,
    UnusableRawError,
)
from dpdeblur.raw.frames import Frame, take_frame, unpack
from dpdeblur.raw.header import Header, read_header, read_raw_bytes
from dpdeblur.raw.light import Agreement, agreement, clip_level
from dpdeblur.raw.lossless_jpeg import is_whole, make_up

_SHARES = (0.3, 0.7)  # one photodiode's part of the light of both
_MOST_IMPOSSIBLE = 0.005
_BLACK_SLACK = 4


@dataclass(frozen=True)
class Area:
    """A rectangle of pixels of a larger one."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns, as an index."""
        rows = slice(self.top, self.top + self.height)
        return rows, slice(self.left, self.left + self.width)

    def reduced(self, step: int) -> Self:
        """The same rectangle where `step` x `step` pixels are one."""
        numbers = (self.top, self.left, self.height, self.width)
        return type(self)(*(number // step for number in numbers))


@dataclass(frozen=True, eq=False)
class RawPhoto:
    """A Canon raw file and what was found out about it."""

    path: Path
    header: Header
    decoder: rawpy.RawPy
    """LibRaw with frame 0 in hand."""
    raw_size: tuple[int, int]
    """(height, width) of the sensor with its masked pixels."""
    visible: Area
    """The part of the sensor that is not masked."""
    crop: Area
    """The part of the visible one that the camera's own pictures show."""
    white: int
    """The highest number there can be, as LibRaw has it."""
    frame_count: int = 1
    """3 means three or more."""
    frames: tuple[Frame, ...] = ()
    """Those that could be decoded, two at most."""
    clip: int | None = None
    """The number at which frame 0 is clipped."""
    agreement: Agreement | None = None
    """How the two frames go together."""
    problem: UnusableRawError | None = None
    """Why it does not give two views; None for a Dual Pixel RAW that does."""
    warnings: tuple[str, ...] = ()
    """Sentences about doubts that do not rule out its use."""


def open_raw(path: Path) -> RawPhoto:
    """Open a Canon Dual Pixel RAW (CR2 or CR3) and check it.

    Raises MissingFileError, UnreadableFileError (NotRawError, or damaged), or for a raw
    file without two views NotCanonRawError, ConvertedRawError (DNG), ReducedRawError,
    SingleFrameError, RawBurstError or FramesDisagreeError.
    """
    photo = examine_raw(path)
    if photo.problem is not None:
        raise photo.problem
    return photo


def examine_raw(path: Path) -> RawPhoto:
    """As `open_raw`, but a Canon raw that is no Dual Pixel RAW has its `problem` in the result."""
    data = read_raw_bytes(path)
    header = read_header(path, data)
    # Frame 0 first: where it is cut short, LibRaw says that the others do not exist.
    raw = unpack(path, data, 0, header.pixels)
    if raw is None:
        raise UnreadableFileError(path, "LibRaw finds no frame in it")
    sizes = raw.sizes
    photo = RawPhoto(
        path,
        header,
        raw,
        (sizes.raw_height, sizes.raw_width),
        Area(sizes.top_margin, sizes.left_margin, sizes.height, sizes.width),
        _crop(sizes),
        raw.white_level,
    )
    try:
        return _with_frames(photo, data)
    except ReducedRawError as problem:
        return replace(photo, problem=problem)


def _with_frames(photo: RawPhoto, data: bytes) -> RawPhoto:
    path = photo.path
    first = take_frame(path, photo.decoder)
    clip = clip_level(first, photo.white)
    photo = replace(photo, frames=(first,), clip=clip)
    raw = unpack(path, data, 1)
    if raw is None:  # LibRaw counts frames of the largest size only
        count = len(photo.header.strips)
        if count > 1:
            unequal = FramesDisagreeError(path, "its frames differ in size")
            return replace(photo, frame_count=min(count, 3), problem=unequal)
        alone = SingleFrameError(path, was_on=photo.header.note.dual_pixel)
        return replace(photo, problem=alone)
    if _is_there(path, data, 2):
        return replace(photo, frame_count=3, problem=RawBurstError(path))
    second = take_frame(path, raw)
    doubts = (*_check_whole(photo, data, raw), *_black_doubts(photo, (first, second)))
    photo = replace(photo, frames=(first, second), frame_count=2, warnings=doubts)
    if first.mosaic.shape != second.mosaic.shape:
        reason: str | None = "its two frames differ in size"
    elif np.array_equal(first.mosaic, second.mosaic):
        reason = "its two frames are the same picture"
    else:
        found = agreement(first, second, clip)
        photo, reason = replace(photo, agreement=found), _doubt(found)
    return photo if reason is None else replace(photo, problem=FramesDisagreeError(path, reason))


def _check_whole(photo: RawPhoto, data: bytes, second: rawpy.RawPy) -> tuple[str, ...]:
    """Refuse a CR2 file with one frame that is not what the file holds.

    If both are not, the camera may be writing its files otherwise than is known here, so that is
    a warning.
    """
    strips, slices = photo.header.strips, photo.header.slices
    if len(strips) != 2:
        return ()
    if slices and not make_up(slices, photo.raw_size[1]):  # LibRaw would shuffle the columns
        raise UnreadableFileError(photo.path, "its header is damaged")
    broken = [
        number
        for number, raw in enumerate((photo.decoder, second))
        if not is_whole(data[strips[number]], raw.raw_image, slices)
    ]
    if len(broken) == 1:
        raise UnreadableFileError(photo.path, f"frame {broken[0]} is damaged")
    if not broken:
        return ()
    return (f"{photo.path}: The frames could not be checked for damage.",)


def _black_doubts(photo: RawPhoto, frames: Sequence[Frame]) -> Iterator[str]:
    """Where what the masked pixels show is not the black level that the camera states."""
    stated = photo.header.note.black
    if stated is None:
        return
    for number, frame in enumerate(frames):
        measured = frame.black.ravel().tolist()
        if max(abs(a - b) for a, b in zip(measured, stated, strict=True)) > _BLACK_SLACK:
            levels, said = (", ".join(map(str, each)) for each in (measured, stated))
            yield (
                f"{photo.path}: The masked pixels of frame {number} show black at {levels}, and "
                f"the camera states {said}; what the pixels show is used."
            )


def _is_there(path: Path, data: bytes, number: int) -> bool:
    try:
        return unpack(path, data, number) is not None
    except UnreadableFileError:  # there, if damaged
        return True


def _doubt(found: Agreement) -> str | None:
    if found.share is not None and not _SHARES[0] <= found.share <= _SHARES[1]:
        part = f"{found.share:.0%} of the first's light instead of about half"
        return f"its second frame has {part}, so it is not that of one photodiode"
    if found.impossible > _MOST_IMPOSSIBLE:
        return (
            f"in {found.impossible:.1%} of the pixels one photodiode would have seen more light "
            "than both, so the file is damaged or its frames are two exposures"
        )
    return None


def _crop(sizes: rawpy.ImageSizes) -> Area:
    """The camera's crop, which the file gives from the corner of the whole sensor."""
    top, left = sizes.crop_top_margin - sizes.top_margin, sizes.crop_left_margin - sizes.left_margin
    height = min(sizes.crop_height, sizes.height - top)
    width = min(sizes.crop_width, sizes.width - left)
    if top < 0 or left < 0 or height <= 0 or width <= 0:
        return Area(0, 0, sizes.height, sizes.width)
    return Area(top, left, height, width)
