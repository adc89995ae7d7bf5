"""Opening raw files: the right frames of the right files, and a sentence for every other file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cr2_writer import build_cr2, dual_pixel_frames, masked_frame, to_mosaic, write_cr2
from dual_pixel_raw import smooth_scene, write_scene
from PIL import Image

import dpdeblur.raw.photo as photo_module
from dpdeblur.errors import (
    ConvertedRawError,
    DPDeblurError,
    FramesDisagreeError,
    MissingFileError,
    NotCanonRawError,
    RawBurstError,
    ReducedRawError,
    SingleFrameError,
    UnreadableFileError,
)
from dpdeblur.io import exif
from dpdeblur.raw import RawPhoto, examine_raw, open_raw
from dpdeblur.raw.frames import take_frame
from dpdeblur.raw.header import read_header

Mosaic = np.ndarray[Any, Any]


def frames(seed: int = 0, shape: tuple[int, int] = (48, 64)) -> tuple[Mosaic, Mosaic]:
    """A picture of blocks in two views, one of them shifted by two pixels."""
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(0.05, 0.5, (shape[0] // 8, shape[1] // 8 + 1)).repeat(8, 0).repeat(8, 1)
    left, right = blocks[:, : shape[1]], blocks[:, 2 : shape[1] + 2]
    return dual_pixel_frames(left, right, blacks=(0, 0))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"slices": (2, 24, 16)},
        {"slices": (0, 0, 64)},
        {"slices": (0, 0, 0)},
        {"double_line": True},
    ],
)
@pytest.mark.parametrize("components", [2, 4])
def test_both_frames_come_back(tmp_path: Path, settings: dict[str, Any], components: int) -> None:
    both = frames()
    path = tmp_path / "a.cr2"
    write_cr2(path, both, components=components, **settings)
    photo = open_raw(path)
    assert (photo.frame_count, photo.problem) == (2, None)
    for frame, written in zip(photo.frames, both, strict=True):
        assert np.array_equal(frame.mosaic, written)


def test_what_a_photo_says_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    left, right = smooth_scene()
    write_scene(path, left, right, orientation=8, model="Canon EOS 5D Mark IV")
    photo = open_raw(path)
    assert (photo.header.make, photo.header.model) == ("Canon", "Canon EOS 5D Mark IV")
    assert photo.header.orientation == 8
    assert photo.raw_size == (108, 136)
    assert (photo.visible.top, photo.visible.left) == (6, 4)
    assert (photo.crop.height, photo.crop.width) == (96, 128)
    assert photo.agreement is not None
    assert photo.agreement.share == pytest.approx(left.mean() / (left + right).mean(), abs=0.005)
    assert photo.agreement.impossible == 0


def test_each_frame_has_its_own_black(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    visible = np.full((1448, 2176), 0.3)
    visible[::2] = 0.4
    first, second = dual_pixel_frames(visible, visible / 2, blacks=(512, 300))
    write_cr2(path, [masked_frame(first, 512), masked_frame(second, 300)])
    photo = open_raw(path)
    assert [frame.black.tolist() for frame in photo.frames] == [[[512] * 2] * 2, [[300] * 2] * 2]
    assert photo.agreement is not None
    assert photo.agreement.share == pytest.approx(2 / 3, abs=1e-3)


def test_dark_and_noisy_photos_pass(tmp_path: Path) -> None:
    """Read noise puts much of a dark picture below black, and one photodiode above both."""
    rng = np.random.default_rng(0)
    path = tmp_path / "a.cr2"
    for level in (0, 30):
        one = rng.normal(level, 60, (2, 64, 96))
        both = one.sum(0) + 512
        noisy = [np.rint(frame).clip(0, 16383).astype(np.uint16) for frame in (both, one[0] + 512)]
        write_cr2(path, noisy, black=512, sensor_info=(0, 0, 95, 63))
        photo = open_raw(path)
        assert photo.agreement is not None
        assert (photo.agreement.share is None) == (level == 0)


# ---- files that are something else


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
    "text": (not_raw, UnreadableFileError, "not a Canon raw file"),
    "jpeg": (jpeg, UnreadableFileError, "give both views"),
    "png": (png, UnreadableFileError, "give both views"),
    "plain tiff": (plain_tiff, UnreadableFileError, "not a Canon raw file"),
    "exported tiff": (exported_tiff, UnreadableFileError, "give both views"),
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


@pytest.mark.parametrize("case", CASES)
def test_every_other_file_gets_its_sentence(tmp_path: Path, case: str) -> None:
    make, kind, says = CASES[case]
    path = make(tmp_path)
    with pytest.raises(kind) as error:
        open_raw(path)
    assert type(error.value) is kind
    assert says in str(error.value)
    assert str(path) in str(error.value)
    assert str(error.value).endswith(".")


def test_examining_tells_what_it_can(tmp_path: Path) -> None:
    photo = examine_raw(single_frame(tmp_path))
    assert isinstance(photo.problem, SingleFrameError)
    assert (photo.frame_count, len(photo.frames), photo.raw_size) == (1, 1, (48, 64))
    assert examine_raw(burst(tmp_path)).frame_count == 3


def test_reduced_raws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LibRaw gives sRAW and mRAW as three or four colours a pixel, with no mosaic."""
    path = tmp_path / "a.cr2"
    write_cr2(path, frames())

    class Reduced:
        raw_type, raw_pattern, num_colors = "Stack", None, 3

    with pytest.raises(ReducedRawError, match="sRAW"):
        take_frame(path, Reduced())  # type: ignore[arg-type]

    def refuse(path: Path, _: object) -> None:
        raise ReducedRawError(path)

    monkeypatch.setattr(photo_module, "take_frame", refuse)
    with pytest.raises(ReducedRawError):
        open_raw(path)
    assert examine_raw(path).frames == ()


# ---- the container of CR3, whose compression nobody but a camera writes


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def cr3(make: str = "Canon", orientation: int = 6) -> bytes:
    main = {
        271: exif.text(make),
        272: exif.text("Canon EOS R6m2"),
        274: exif.short(orientation),
    }
    photo = {36867: exif.text("2024:05:17 12:34:56"), 34855: exif.short(400)}
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + b"".join(
        box(name, content)
        for name, content in (
            (b"CNCV", b"CanonCR3_001/01.10.00/00.00.00"),
            (b"CMT1", exif.serialise(main)),
            (b"CMT2", exif.serialise(photo)),
        )
    )
    media = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
    return (
        box(b"ftyp", b"crx \0\0\0\1crx isom")
        + box(b"moov", box(b"uuid", canon) + box(b"mvhd", bytes(100)))
        + media
    )


def test_cr3_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.cr3"
    header = read_header(path, cr3())
    assert (header.make, header.model, header.orientation) == ("Canon", "Canon EOS R6m2", 6)
    info = header.picture_info(path)
    assert info.exif is not None
    directory = exif.parse(info.exif)
    assert exif.orientation(directory) == 1
    photo = directory[exif.EXIF_IFD]
    assert isinstance(photo, dict)
    assert photo[34855] == exif.short(400)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_cr3_headers(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(cr3())
    for at in rng.integers(0, len(data), 20):
        data[at] = rng.integers(0, 256)
    path = tmp_path / "a.cr3"
    for content in (bytes(data), cr3()[: rng.integers(1, len(data))], cr3("Sony")):
        path.write_bytes(content)
        with pytest.raises(DPDeblurError):
            open_raw(path)


def test_cut_cr3(tmp_path: Path) -> None:
    path = tmp_path / "a.cr3"
    path.write_bytes(cr3()[:-1])
    with pytest.raises(UnreadableFileError, match="cut short"):
        open_raw(path)


def test_photos_are_frozen(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    write_cr2(path, [to_mosaic(np.full((48, 64, 3), 900, np.uint16)), frames()[1] // 4])
    photo = examine_raw(path)
    assert isinstance(photo, RawPhoto)
    with pytest.raises(AttributeError):
        photo.white = 1  # type: ignore[misc]


def write_filled(path: Path, both: tuple[Mosaic, Mosaic], filling: tuple[bytes, bytes]) -> None:
    """Write a file with something between each frame's code and its end marker."""
    cr2 = build_cr2(both)
    data = bytearray(cr2.data)
    for part, content in zip(("raw0", "raw1"), filling, strict=True):
        start, end = cr2.parts[part]
        content = data[start : end - 2] + content + b"\xff\xd9"
        place = len(data)
        data += content
        # StripOffsets and StripByteCounts of the frame's directory.
        directory = cr2.parts[f"ifd{3 + int(part[-1])}"][0]
        for tag, value in ((0x111, place), (0x117, len(content))):
            at = data.index(struct.pack("<HHI", tag, 4, 1), directory)
            data[at + 8 : at + 12] = struct.pack("<I", value)
    path.write_bytes(data)


@pytest.mark.parametrize("filling", [(0, 0), (0, 24), (24, 0), (3, 512), (512, 512)])
def test_zeros_may_fill_up_frames(tmp_path: Path, filling: tuple[int, int]) -> None:
    path = tmp_path / "a.cr2"
    write_filled(path, frames(), (bytes(filling[0]), bytes(filling[1])))
    photo = open_raw(path)
    assert photo.warnings == ()
    for frame, written in zip(photo.frames, frames(), strict=True):
        assert np.array_equal(frame.mosaic, written)


def test_files_written_otherwise_than_known_are_warned_of(tmp_path: Path) -> None:
    """Filling behind both frames' code: nobody here has seen what every camera writes."""
    path = tmp_path / "a.cr2"
    both = frames()
    write_filled(path, both, (b"\x55" * 64, b"\x55" * 64))
    photo = open_raw(path)
    assert [warning for warning in photo.warnings if "whole" in warning]
    assert np.array_equal(photo.frames[1].mosaic, both[1])
    write_filled(path, both, (b"", b"\x55" * 64))
    with pytest.raises(UnreadableFileError, match="frame 1 is damaged"):
        open_raw(path)
