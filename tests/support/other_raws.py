"""Files that are no Dual Pixel RAW, and what is said of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from dpdeblur.errors import (
    ConvertedRawError,
    DPDeblurError,
    FramesDisagreeError,
    MissingFileError,
    NotCanonRawError,
    NotRawError,
    RawBurstError,
    SingleFrameError,
    UnreadableFileError,
)
from support.cr2_writer import build_cr2, dual_pixel_frames, write_cr2

Mosaic = np.ndarray[Any, Any]


def frames(seed: int = 0, shape: tuple[int, int] = (48, 64)) -> tuple[Mosaic, Mosaic]:
    """A picture of blocks in two views, one of them shifted by two pixels."""
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(0.05, 0.5, (shape[0] // 8, shape[1] // 8 + 1)).repeat(8, 0).repeat(8, 1)
    left, right = blocks[:, : shape[1]], blocks[:, 2 : shape[1] + 2]
    return dual_pixel_frames(left, right, blacks=(0, 0))


def not_raw(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    path.write_text("just text")
    return path


def nothing(tmp_path: Path) -> Path:
    return tmp_path / "a.cr2"


def folder(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    path.mkdir()
    return path


def empty(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    path.touch()
    return path


def jpeg(tmp_path: Path) -> Path:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    return tmp_path / "a.jpg"


def png(tmp_path: Path) -> Path:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def plain_tiff(tmp_path: Path) -> Path:
    """LibRaw takes this one for a raw file."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((48, 64), np.uint16), metadata=None)
    return tmp_path / "a.tif"


def exported_tiff(tmp_path: Path) -> Path:
    """A view that Canon's software wrote."""
    tags = [(271, 2, 0, "Canon", True)]
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((48, 64, 3), np.uint16), extratags=tags, metadata=None)
    return path


def header_cut(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    path.write_bytes(build_cr2(frames()).data[:40])
    return path


def other_make(tmp_path: Path) -> Path:
    path = tmp_path / "a.nef"
    tags = [(271, 2, 0, "NIKON CORPORATION", True)]
    tifffile.imwrite(path, np.zeros((48, 64), np.uint16), extratags=tags, metadata=None)
    return path


def foreign_cr2(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    write_cr2(path, frames(), make="Nikon")
    return path


def dng(tmp_path: Path) -> Path:
    path = tmp_path / "a.dng"
    tags = [(271, 2, 0, "Canon", True), (50706, 1, 4, (1, 4, 0, 0), True)]
    both = np.stack(frames(), axis=-1)
    tifffile.imwrite(path, both, extratags=tags, planarconfig="contig", metadata=None)
    return path


def single_frame(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    write_cr2(path, frames()[:1])
    return path


def frames_of_two_sizes(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    write_cr2(path, [frames()[0], frames(shape=(48, 56))[1]])
    return path


def burst(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    write_cr2(path, [frames(seed)[0] for seed in range(3)])
    return path


def same_twice(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    write_cr2(path, [frames()[0]] * 2)
    return path


def burst_of_two(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    write_cr2(path, [frames(0)[0], frames(1)[0]])
    return path


def unrelated(tmp_path: Path) -> Path:
    path = tmp_path / "a.cr2"
    write_cr2(path, [frames(0)[0], frames(1)[1]])
    return path


def cut_in(part: str, share: float = 0.5) -> Callable[[Path], Path]:
    def cut(tmp_path: Path) -> Path:
        path = tmp_path / "a.cr2"
        cr2 = build_cr2(frames())
        start, end = cr2.parts[part]
        path.write_bytes(cr2.data[: start + int(share * (end - start))])
        return path

    return cut


def garbage_in(part: str) -> Callable[[Path], Path]:
    def spoil(tmp_path: Path) -> Path:
        path = tmp_path / "a.cr2"
        cr2 = build_cr2(frames())
        start, end = cr2.parts[part]
        data = bytearray(cr2.data)
        data[start + 100 : end - 2] = np.random.default_rng(0).bytes(end - start - 102)
        path.write_bytes(data)
        return path

    return spoil


CASES: dict[str, tuple[Callable[[Path], Path], type[DPDeblurError], str]] = {
    "missing": (nothing, MissingFileError, "does not exist"),
    "folder": (folder, UnreadableFileError, "a folder"),
    "empty": (empty, UnreadableFileError, "is empty"),
    "text": (not_raw, NotRawError, "not a Canon raw file"),
    "jpeg": (jpeg, NotRawError, "give a CR2 or CR3"),
    "png": (png, NotRawError, "give a CR2 or CR3"),
    "plain tiff": (plain_tiff, NotRawError, "not a Canon raw file"),
    "exported tiff": (exported_tiff, NotRawError, "give a CR2 or CR3"),
    "header cut": (header_cut, UnreadableFileError, "header is damaged or cut short"),
    "other make": (other_make, NotCanonRawError, "NIKON CORPORATION"),
    "foreign cr2": (foreign_cr2, NotCanonRawError, "Nikon"),
    "dng": (dng, ConvertedRawError, "DNG"),
    "single frame": (single_frame, SingleFrameError, "Dual Pixel RAW was off"),
    "two sizes": (frames_of_two_sizes, FramesDisagreeError, "differ in size"),
    "burst": (burst, RawBurstError, "more than two frames"),
    "same twice": (same_twice, FramesDisagreeError, "same picture"),
    "burst of two": (burst_of_two, FramesDisagreeError, "instead of about half"),
    "unrelated": (unrelated, FramesDisagreeError, "more light than both"),
    "cut in frame 0": (cut_in("raw0"), UnreadableFileError, "cut short"),
    "cut before frame 1": (cut_in("raw1", 0.0), UnreadableFileError, "cut short"),
    "cut in frame 1": (cut_in("raw1"), UnreadableFileError, "cut short"),
    "cut at the end": (cut_in("raw1", 0.99), UnreadableFileError, "cut short"),
    "garbage in frame 0": (garbage_in("raw0"), UnreadableFileError, "frame 0 is damaged"),
    "garbage in frame 1": (garbage_in("raw1"), UnreadableFileError, "frame 1 is damaged"),
}
