"""Canon Dual Pixel RAW fixtures: CR2 files written from mosaics, with numpy alone.

The layout is a 5D Mark IV's, tag by tag in the raw frames' directories: IFD0 with the camera's
words and an optional preview, IFD1 and IFD2 small pictures, then one IFD per raw frame, each frame
a lossless JPEG (SOF3) of two or four interleaved components, optionally cut into Canon's vertical
slices.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mosaic = NDArray[np.uint16]
Slices = tuple[int, int, int]

# LibRaw's size table knows this raw size (height, width): 48 masked columns at the left and 6 rows
# at the top, so that each frame's black level is measured from the frame itself.
MASKED_SIZE = (1456, 2224)
MASKED_LEFT, MASKED_TOP = 48, 6
MASKED_VISIBLE = (1448, 2176)

EXIF: Mapping[str, Any] = {
    "exposure": (1, 250),
    "f_number": (14, 10),
    "iso": 400,
    "date": "2024:05:17 12:34:56",
    "focal_length": (85, 1),
    "lens": "EF85mm f/1.4L IS USM",
    "artist": "A. Tester",
}

_BITS = 14
_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SLONG = 2, 3, 4, 5, 7, 9
_PACK = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _SLONG: "i"}
_Entry = tuple[int, int, Any]  # tag, kind, values
_Offsets = Mapping[str, int]


@dataclass(frozen=True)
class Cr2:
    """A file's bytes, and where each of its parts lies: name -> (first byte, one past the last)."""

    data: bytes
    parts: Mapping[str, tuple[int, int]]


def write_cr2(path: Path, frames: Sequence[Mosaic], **settings: Any) -> Cr2:
    """Write `build_cr2` of the same arguments to `path`."""
    cr2 = build_cr2(frames, **settings)
    path.write_bytes(cr2.data)
    return cr2


def build_cr2(
    frames: Sequence[Mosaic],
    *,
    orientation: int = 1,
    slices: Slices | None = None,
    double_line: bool = False,
    components: int = 2,
    make: str = "Canon",
    model: str = "Canon EOS 5D Mark IV",
    sensor_info: tuple[int, int, int, int] | None = None,
    white_balance: tuple[int, int, int, int] | None = None,
    black: int | None = None,
    white: int | None = None,
    exif: Mapping[str, Any] | None = None,
    preview: bytes | None = None,
    dual_pixel_flag: int | None = None,
    dual_pixel_on: bool | None = None,
) -> Cr2:
    """Make a CR2 file of one or more raw frames (H x W, 14 bits, RGGB).

    Args:
        frames: Frame 0 is both photodiodes, frame 1 one of them; any number and any sizes are
            written, so that files which are no DPRAW can be made too.
        orientation: EXIF's 1, 3, 6 or 8.
        slices: (n, width, last): n slices of `width` columns and one of `last`, for all frames.
        double_line: The 5D Mark IV's form: the JPEG has half the rows, twice as wide. LibRaw knows
            it by that shape, so the frame must be wider than high.
        components: Interleaved components of the JPEG, 2 or 4.
        make, model: The camera's words.
        sensor_info: First and last visible column and row (left, top, right, bottom), for sizes
            that LibRaw's table does not hold; it takes right - left columns.
        white_balance: Multipliers as shot (R, G, G, B), 1024 being one.
        black, white: The makernote's levels; LibRaw prefers measured blacks where columns are
            masked. With any of white_balance, black and white the others get usual values.
        exif: Changes to `EXIF`; a value None leaves that tag out.
        preview: A JPEG file's bytes for IFD0.
        dual_pixel_on: Whether the makernote has the tag that only Dual Pixel RAW brings; None: if
            there are two frames.
        dual_pixel_flag: The makernote's DualPixelRaw setting, left out by default.
    """
    words = {**EXIF, **(exif or {})}
    height, width = frames[0].shape
    makernote: list[_Entry] = []
    if sensor_info is not None:
        makernote.append((0x00E0, _SHORT, [34, width, height, 1, 1, *sensor_info, *[0] * 8]))
    if (white_balance, black, white) != (None, None, None):
        makernote.append((0x4001, _SHORT, _colour_data(white_balance, black, white)))
    if len(frames) == 2 if dual_pixel_on is None else dual_pixel_on:
        makernote.append((0x4031, _LONG, [1]))
    if dual_pixel_flag is not None:
        makernote.append((0x4018, _SLONG, [52, *[0] * 10, dual_pixel_flag]))
    pictures = {
        "preview": preview or b"",
        "thumbnail": b"\xff\xd8\xff\xd9",
        "small": bytes(4 * 3 * 3 * 2),
    } | {
        f"raw{index}": lossless_jpeg(_as_components(frame, slices, double_line, components))
        for index, frame in enumerate(frames)
    }

    def raw(at: _Offsets, index: int) -> list[_Entry]:
        name = f"raw{index}"
        return [
            (0x100, _SHORT, [frames[index].shape[1]]),
            (0x101, _SHORT, [frames[index].shape[0]]),
            (0x103, _SHORT, [6]),
            (0x111, _LONG, [at[name]]),
            (0x117, _LONG, [len(pictures[name])]),
            (0xC5D8, _LONG, [1]),
            (0xC5E0, _LONG, [1]),
            (0xC640, _SHORT, slices),
            (0xC6C5, _LONG, [1]),
            (0xC6DD, _SHORT, [0] * 256 if index else None),
        ]

    chain: dict[str, Callable[[_Offsets], list[_Entry]]] = {
        "ifd0": lambda at: [
            *(_preview(at["preview"], len(preview), width, height) if preview else []),
            (0x10F, _ASCII, make),
            (0x110, _ASCII, model),
            (0x112, _SHORT, [orientation]),
            (0x11A, _RATIONAL, [72, 1]),
            (0x11B, _RATIONAL, [72, 1]),
            (0x128, _SHORT, [2]),
            (0x132, _ASCII, words["date"]),
            (0x13B, _ASCII, words["artist"]),
            (0x8769, _LONG, [at["exif"]]),
        ],
        "ifd1": lambda at: [(0x201, _LONG, [at["thumbnail"]]), (0x202, _LONG, [4])],
        "ifd2": lambda at: [
            (0x100, _SHORT, [4]),
            (0x101, _SHORT, [3]),
            (0x102, _SHORT, [16, 16, 16]),
            (0x103, _SHORT, [1]),
            (0x106, _SHORT, [2]),
            (0x111, _LONG, [at["small"]]),
            (0x115, _SHORT, [3]),
            (0x116, _SHORT, [3]),
            (0x117, _LONG, [len(pictures["small"])]),
            (0x11C, _SHORT, [1]),
        ],
    }
    for index in range(len(frames)):
        chain[f"ifd{3 + index}"] = partial(raw, index=index)
    note = len(_directory(makernote, 0, 0)) if makernote else 0
    beside: dict[str, Callable[[_Offsets], list[_Entry]]] = {
        "exif": lambda at: [
            (0x829A, _RATIONAL, words["exposure"]),
            (0x829D, _RATIONAL, words["f_number"]),
            (0x8827, _SHORT, words["iso"] and [words["iso"]]),
            (0x9003, _ASCII, words["date"]),
            (0x9004, _ASCII, words["date"]),
            (0x920A, _RATIONAL, words["focal_length"]),
            (0x927C, _UNDEFINED, (note, at["makernote"]) if makernote else None),
            (0xA002, _SHORT, [width]),
            (0xA003, _SHORT, [height]),
            (0xA434, _ASCII, words["lens"]),
        ],
        "makernote": lambda _: makernote,
    }

    def layout(at: _Offsets) -> dict[str, bytes]:
        header = struct.pack("<2sHI2sBBI", b"II", 42, at["ifd0"], b"CR", 2, 0, at["ifd3"])
        following = dict(pairwise(chain))
        return {
            "header": header,
            **{
                name: _directory(entries(at), at[name], at[following.get(name, "")])
                for name, entries in (chain | beside).items()
            },
            **pictures,
        }

    # Sizes do not depend on offsets: lay out once with zeros, then write with the true ones.
    parts, end = {}, 0
    for name, content in layout(defaultdict(int)).items():
        begin = end + end % 2
        end = begin + len(content)
        parts[name] = (begin, end)
    data = bytearray(end)
    contents = layout(defaultdict(int, {name: begin for name, (begin, _) in parts.items()}))
    for name, content in contents.items():
        data[slice(*parts[name])] = content
    return Cr2(bytes(data), {name: part for name, part in parts.items() if part[0] < part[1]})


def to_mosaic(picture: NDArray[Any]) -> NDArray[Any]:
    """Sample a picture (H x W x 3) as an RGGB sensor does: H x W."""
    mosaic = picture[..., 1].copy()
    mosaic[0::2, 0::2] = picture[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = picture[1::2, 1::2, 2]
    return mosaic


def dual_pixel_frames(
    left: NDArray[Any],
    right: NDArray[Any],
    *,
    blacks: tuple[int, int] = (512, 512),
    scale: float = 10000,
) -> tuple[Mosaic, Mosaic]:
    """Frames of two mosaics of one photodiode each (linear, 1 = `scale` for both together).

    Frame 0 is both photodiodes, frame 1 the one of `left`; each has its own black level.
    """
    halves = [np.rint(view * (scale / 2)).astype(np.int64) for view in (left, right)]
    both = np.clip(halves[0] + halves[1] + blacks[0], 0, 16383).astype(np.uint16)
    return both, np.clip(halves[0] + blacks[1], 0, 16383).astype(np.uint16)


def masked_frame(visible: Mosaic, black: int) -> Mosaic:
    """Put a visible mosaic (1448 x 2176) into the full sensor, masked pixels being `black`."""
    frame = np.full(MASKED_SIZE, black, np.uint16)
    height, width = MASKED_VISIBLE
    frame[MASKED_TOP : MASKED_TOP + height, MASKED_LEFT : MASKED_LEFT + width] = visible
    return frame


def lossless_jpeg(samples: Mosaic) -> bytes:
    """Encode samples (rows x columns x components, 14 bits) as lossless JPEG, predictor 1."""
    rows, columns, components = samples.shape
    if samples.max() >= 1 << _BITS:
        raise ValueError("samples must fit 14 bits")
    values = samples.astype(np.int16)
    differences = values.copy()
    differences[:, 1:] -= values[:, :-1]
    differences[1:, 0] -= values[:-1, 0]
    differences[0, 0] -= 1 << (_BITS - 1)
    # Fifteen categories (bit lengths 0 to 14) in fixed codes of four bits, which fit exactly.
    table = struct.pack(">BHB", 0xC4, 2 + 17 + 15, 0) + bytes([0, 0, 0, 15, *[0] * 12, *range(15)])
    ids = range(1, components + 1)
    frame = struct.pack(">BHBHHB", 0xC3, 8 + 3 * components, _BITS, rows, columns, components)
    frame += b"".join(bytes([number, 0x11, 0]) for number in ids)
    scan = struct.pack(">BHB", 0xDA, 6 + 2 * components, components)
    scan += b"".join(bytes([number, 0]) for number in ids) + bytes([1, 0, 0])
    header = b"\xff\xd8" + b"".join(b"\xff" + part for part in (table, frame, scan))
    return header + _entropy_code(differences.ravel()) + b"\xff\xd9"


def _entropy_code(differences: NDArray[np.int16]) -> bytes:
    bit_length = np.zeros(1 << 14, np.uint8)
    for bits in range(1, 15):
        bit_length[1 << (bits - 1) :] = bits
    categories = bit_length[np.abs(differences)]
    total = 4 * categories.size + int(categories.sum(dtype=np.int64))
    words = np.zeros(total // 32 + 2, np.uint64)
    position, step = 0, 1 << 20
    for start in range(0, differences.size, step):
        category = categories[start : start + step].astype(np.int64)
        difference = differences[start : start + step].astype(np.int64)
        low = np.where(difference < 0, difference + (1 << category) - 1, difference)
        lengths = category + 4
        ends = position + np.cumsum(lengths)
        begins = ends - lengths
        # A code of at most 18 bits lies in one or two words of 32; codes share no bits, so that
        # adding them is the same as combining them.
        word = begins >> 5
        code = ((category << category) | low) << (64 - (begins & 31) - lengths)
        first = int(word[0])
        upper = np.bincount(word - first, weights=(code.view(np.uint64) >> np.uint64(32)))
        lower = np.bincount(word - first, weights=code & 0xFFFFFFFF)
        words[first : first + upper.size] += upper.astype(np.uint64)
        words[first + 1 : first + 1 + lower.size] += lower.astype(np.uint64)
        position = int(ends[-1])
    stream = np.frombuffer(words.astype(">u4").tobytes(), np.uint8)[: -(-total // 8)].copy()
    if total % 8:
        stream[-1] |= (1 << (8 - total % 8)) - 1
    return np.insert(stream, np.flatnonzero(stream == 0xFF) + 1, 0).tobytes()


def _as_components(
    frame: Mosaic, slices: Slices | None, double_line: bool, components: int
) -> Mosaic:
    height, width = frame.shape
    stream = frame
    if slices and slices[0]:  # none means rows as they are
        number, each, last = slices
        if number * each + last != width:
            raise ValueError(f"slices {slices} do not make up {width} columns")
        edges = [*range(0, number * each + 1, each), width]
        stream = np.concatenate([frame[:, begin:end].ravel() for begin, end in pairwise(edges)])
    if double_line and (height % 2 or width <= height):
        raise ValueError("the double-line form needs frames wider than high, of even height")
    if not double_line and width > 4 * height:
        raise ValueError("frames so wide would be taken for the double-line form")
    rows = height // 2 if double_line else height
    if frame.size % (rows * components):
        raise ValueError(f"{width}x{height} pixels do not make {components} components")
    return stream.reshape(rows, -1, components)


def _colour_data(
    white_balance: tuple[int, int, int, int] | None, black: int | None, white: int | None
) -> list[int]:
    data = [0] * 1592
    data[0] = 13
    data[0x3F:0x43] = white_balance or (2048, 1024, 1024, 1536)
    data[0x30A:0x30E] = [512 if black is None else black] * 4
    data[0x30E:0x310] = (14008, 16383) if white is None else (white, white)
    return data


def _preview(offset: int, length: int, width: int, height: int) -> list[_Entry]:
    return [
        (0x100, _SHORT, [width]),
        (0x101, _SHORT, [height]),
        (0x102, _SHORT, [8, 8, 8]),
        (0x103, _SHORT, [6]),
        (0x111, _LONG, [offset]),
        (0x117, _LONG, [length]),
    ]


def _directory(entries: Sequence[_Entry], at: int, following: int) -> bytes:
    """An image file directory that lies at a place in the file; entries of None are left out."""
    entries = sorted((entry for entry in entries if entry[2] is not None), key=itemgetter(0))
    if not entries:
        return b""
    head, tail = struct.pack("<H", len(entries)), b""
    values_at = at + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        if kind == _UNDEFINED:  # length and offset of what lies elsewhere
            head += struct.pack("<HHII", tag, kind, *value)
            continue
        if kind == _ASCII:
            content = value.encode() + b"\0"
            count = len(content)
        else:
            content = struct.pack(f"<{len(value)}{_PACK[kind]}", *value)
            count = len(value) // 2 if kind == _RATIONAL else len(value)
        head += struct.pack("<HHI", tag, kind, count)
        if len(content) > 4:
            head += struct.pack("<I", values_at + len(tail))
            tail += content + b"\0" * (len(content) % 2)
        else:
            head += content.ljust(4, b"\0")
    return head + struct.pack("<I", following) + tail
