"""One frame of a raw file, decoded by LibRaw."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import rawpy
from numpy.typing import NDArray

from dpdeblur.errors import ReducedRawError, UnreadableFileError

Mosaic: TypeAlias = NDArray[np.uint16]
"""The sensor's numbers, H x W, one colour each."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The visible part of a frame, with its own black level, by the site of the Bayer pattern.

    `colours` says which colour a site has: 0 red, 1 green, 2 blue.
    """

    mosaic: Mosaic
    black: NDArray[np.int64]
    colours: NDArray[np.int64]


def unpack(path: Path, data: bytes, number: int, pixels: Sequence[int] = ()) -> rawpy.RawPy | None:
    """Decode frame `number` (from 0) of a file's bytes, or None if there is no such frame.

    `pixels` says how many each frame has, as far as is known. Raises UnreadableFileError, its path
    being `path`.
    """
    raw = rawpy.RawPy()
    # Before opening, whatever rawpy says: of CR2 and CR3 files LibRaw chooses the frame on opening,
    # and a number that is set later (as rawpy.imread does) silently gives frame 0.
    raw.set_unpack_params(shot_select=number)
    try:
        raw.open_buffer(io.BytesIO(data))
        # Else LibRaw may make up gigabytes of them.
        size = raw.sizes.raw_height * raw.sizes.raw_width
        if len(pixels) == 2 and pixels[0] == pixels[1] != size:
            raise UnreadableFileError(path, "its header is damaged")
        raw.unpack()
    except rawpy.LibRawRequestForNonexistentImageError:
        return None
    except rawpy.LibRawFileUnsupportedError as error:
        raise UnreadableFileError(path, "it is damaged, or LibRaw does not know it") from error
    except rawpy.LibRawIOError as error:
        raise UnreadableFileError(path, "it is cut short") from error
    except rawpy.LibRawUnsufficientMemoryError as error:
        raise UnreadableFileError(path, "there is not enough memory to decode it") from error
    except (rawpy.LibRawError, OSError, RuntimeError, ValueError) as error:
        raise UnreadableFileError(path, f"frame {number} is damaged") from error
    return raw


def take_frame(path: Path, raw: rawpy.RawPy) -> Frame:
    """Copy the visible part of an unpacked frame. Raises ReducedRawError, of `path`."""
    pattern = raw.raw_pattern if raw.raw_type == rawpy.RawType.Flat else None
    if pattern is None or pattern.shape != (2, 2) or raw.num_colors != 3:
        raise ReducedRawError(path)
    # LibRaw counts from the visible part's corner, and has the second green as a fourth colour.
    sites = np.array([[raw.raw_color(row, column) for column in (0, 1)] for row in (0, 1)])
    return Frame(
        mosaic=raw.raw_image_visible.copy(),
        black=np.array(raw.black_level_per_channel)[sites],
        colours=np.where(sites == 3, 1, sites),
    )
