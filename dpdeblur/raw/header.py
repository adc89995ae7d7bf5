"""What a raw file says of itself, read from the container: LibRaw's wrapper does not tell.

A CR2 file is a TIFF file. A CR3 file is made of boxes as an MP4 film is, and one of these holds
TIFF blocks with the same directories.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dpdeblur.errors import ConvertedRawError, NotCanonRawError, NotRawError, UnreadableFileError
from dpdeblur.io import exif, limits
from dpdeblur.io.atomic import read_whole
from dpdeblur.io.colour_profile import linear_profile, srgb_profile
from dpdeblur.io.metadata import SOFTWARE, sensor_note
from dpdeblur.io.picture import PictureInfo
from dpdeblur.io.read import errors_of
from dpdeblur.io.tiff import SIGNATURES
from dpdeblur.raw.lossless_jpeg import count_samples
from dpdeblur.raw.makernote import NO_NOTE, MakerNote, read_makernote

_MAKE, _MODEL, _DNG_VERSION, _COLOUR_SPACE = 271, 272, 50706, 40961
_OFFSET, _LENGTH, _SLICES = 273, 279, 50752
_SRGB, _UNCALIBRATED = 1, 65535
_CR3 = b"ftypcrx "
_CANON_BOX = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CUT_SHORT = "it is cut short"


@dataclass(frozen=True)
class Header:
    """Make and model of the camera, the orientation tag (1 to 8), and the EXIF directories.

    `strips` tells where the raw frames of a CR2 file lie and `pixels` how many each has; `slices`
    is what `is_whole` wants; `note` what a CR2's maker note says.
    """

    make: str
    model: str
    orientation: int
    directory: exif.Directory
    strips: tuple[slice, ...] = ()
    pixels: tuple[int, ...] = ()
    slices: tuple[int, ...] = ()
    note: MakerNote = NO_NOTE

    def picture_info(
        self, path: Path, warnings: tuple[str, ...] = (), *, linear: bool = False
    ) -> PictureInfo:
        """What pictures made from the file at `path` carry: sRGB in 16 bits, or linear light."""
        kept = exif.cleaned(self.directory, SOFTWARE)
        photo = kept.get(exif.EXIF_IFD)
        if isinstance(photo, dict):  # the camera may have been set to Adobe RGB for its JPEGs
            photo = {tag: entry for tag, entry in photo.items() if tag != exif.INTEROP_IFD}
            photo[_COLOUR_SPACE] = exif.short(_UNCALIBRATED if linear else _SRGB)
            kept[exif.EXIF_IFD] = photo
        return PictureInfo(
            path=path,
            bit_depth=16,
            gray=False,
            exif=exif.serialise(kept) if kept else None,
            xmp=sensor_note(self.orientation) if self.orientation != 1 else None,
            icc=linear_profile() if linear else srgb_profile(),
            warnings=warnings,
            orientation=self.orientation,
        )


def read_raw_bytes(path: Path) -> bytes:
    """The bytes of a file that begins as raw files do.

    Raises NotRawError for another, and what `read_whole` raises.
    """

    def look(first: bytes, size: int) -> None:
        if first[:4] not in SIGNATURES and first[4:12] != _CR3:
            raise NotRawError(path)
        with errors_of(path):
            limits.check_size(size)

    return read_whole(path, look=look)


def read_header(path: Path, data: bytes) -> Header:
    """Read the header of a CR2 or CR3 file from its bytes; `path` is for messages.

    Raises NotRawError, UnreadableFileError for what is not whole, and ConvertedRawError or
    NotCanonRawError.
    """
    try:
        if data[:4] in SIGNATURES:
            chain = exif.parse_chain(data)
            if _DNG_VERSION in chain[0]:
                raise ConvertedRawError(path)
            header = _header(chain[0])
            is_cr2 = data[8:10] == b"CR"
            if not is_cr2 and header.make in {"", "Canon"}:
                raise NotRawError(path)
            if not is_cr2 or header.make != "Canon":
                raise NotCanonRawError(path, header.make)
            spans = [_span(directory) for directory in chain]
            if any(span.stop > len(data) for span in spans):
                raise UnreadableFileError(path, _CUT_SHORT)
            slices = {_slices(directory) for directory in chain if _SLICES in directory}
            if len(slices) > 1:  # LibRaw would take the last for all frames
                raise ValueError("frames of different slices")
            counts = [count_samples(data[span]) for span in spans]
            header = replace(
                header,
                strips=tuple(span for span, count in zip(spans, counts, strict=True) if count),
                pixels=tuple(filter(None, counts)),
                slices=next(filter(any, slices), ()),
                note=read_makernote(data, chain[0]),
            )
        elif data[4:12] == _CR3:
            header = _header(_cr3_directory(path, data))
            if header.make != "Canon":
                raise NotCanonRawError(path, header.make)
        else:
            raise NotRawError(path)
    except (ValueError, struct.error) as error:
        raise UnreadableFileError(path, "its header is damaged or cut short") from error
    return header


def _header(directory: exif.Directory) -> Header:
    try:
        orientation = exif.orientation(directory)
    except ValueError:
        orientation = 1
    return Header(_text(directory, _MAKE), _text(directory, _MODEL), orientation, directory)


def _text(directory: exif.Directory, tag: int) -> str:
    entry = directory.get(tag)
    if not isinstance(entry, exif.Entry):
        return ""
    text = entry.data.split(b"\0")[0].decode("ascii", "replace").strip()
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _span(directory: exif.Directory) -> slice:
    """Where the data that a CR2 directory points to lie; nowhere if they are not in one piece."""
    start, length = (_numbers(directory, tag) for tag in (_OFFSET, _LENGTH))
    if len(start) != 1 or len(length) != 1:
        return slice(0, 0)
    return slice(start[0], start[0] + length[0])


def _slices(directory: exif.Directory) -> tuple[int, ...]:
    """How the frame of a CR2 directory is sliced; empty if their number is 0, as in LibRaw."""
    slices = _numbers(directory, _SLICES)
    return slices if any(slices[:1]) else ()


def _numbers(directory: exif.Directory, tag: int) -> tuple[int, ...]:
    """The values of a tag of whole numbers."""
    entry = directory.get(tag)
    if not isinstance(entry, exif.Entry) or not entry.number:
        return ()
    size = len(entry.data) // entry.number
    starts = range(0, size * entry.number, size) if size else ()
    return tuple(int.from_bytes(entry.data[at : at + size], "little") for at in starts)


def _cr3_directory(path: Path, data: bytes) -> exif.Directory:
    """The directories of a CR3 file: CMT1 is the main one, CMT2 EXIF's, CMT4 that of GPS."""
    boxes = dict(_boxes(data, 0, len(data)))
    if any(end > len(data) for _, end in boxes.values()):
        raise UnreadableFileError(path, _CUT_SHORT)
    inner = dict(_boxes(data, *boxes.get(b"moov", (0, 0))))
    start, end = inner.get(b"uuid" + _CANON_BOX, (0, 0))
    blocks = {name: data[slice(*span)] for name, span in _boxes(data, start, end)}
    directory = exif.parse(blocks.get(b"CMT1", b""))
    for name, tag in ((b"CMT2", exif.EXIF_IFD), (b"CMT4", exif.GPS_IFD)):
        if name in blocks:
            directory[tag] = exif.parse(blocks[name])
    return directory


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Name (with the identity of a `uuid` box) and span of the content of each box."""
    while start + 8 <= min(end, len(data)):
        size, name = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        elif size == 0:
            size = end - start
        if size < content - start:
            raise ValueError("a box of impossible size")
        if name == b"uuid":
            name += data[content : content + 16]
            content += 16
        yield name, (content, start + size)
        start += size
