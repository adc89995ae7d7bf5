"""Opening raw files: the right frames of the right files, and a sentence for every other file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dpdeblur.raw.photo as photo_module
from dpdeblur.errors import NotRawError, ReducedRawError, SingleFrameError, UnreadableFileError
from dpdeblur.io import write_picture
from dpdeblur.raw import RawPhoto, examine_raw, open_raw, read_photo
from dpdeblur.raw.frames import take_frame
from support.cr2_writer import build_cr2, dual_pixel_frames, masked_frame, to_mosaic, write_cr2
from support.dual_pixel_raw import smooth_scene, write_scene
from support.other_raws import CASES, Mosaic, burst, frames, frames_of_two_sizes, single_frame


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
    unequal = examine_raw(frames_of_two_sizes(tmp_path))
    assert (unequal.frame_count, len(unequal.frames)) == (2, 1)


def test_one_view_alone_lacks_the_other(tmp_path: Path) -> None:
    path = tmp_path / "a_L.tif"
    write_picture(path, np.zeros((16, 16, 3), np.float32))
    advice = "give a CR2 or CR3, or give the left and the right view"
    with pytest.raises(NotRawError, match=advice) as error:
        read_photo(path)
    assert error.value.path == path
    path.write_bytes(path.read_bytes()[:12])
    with pytest.raises(UnreadableFileError, match="header is damaged or cut short"):
        read_photo(path)


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
    assert [warning for warning in photo.warnings if "checked for damage" in warning]
    assert np.array_equal(photo.frames[1].mosaic, both[1])
    write_filled(path, both, (b"", b"\x55" * 64))
    with pytest.raises(UnreadableFileError, match="frame 1 is damaged"):
        open_raw(path)


def test_the_camera_s_word_on_a_single_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    for was_on, says in ((True, "although Dual Pixel RAW was on"), (False, "RAW was off")):
        write_cr2(path, frames()[:1], dual_pixel_on=was_on)
        with pytest.raises(SingleFrameError, match=says) as error:
            open_raw(path)
        assert error.value.was_on is was_on


@pytest.mark.parametrize(
    ("measured", "told"), [((512, 512), ()), ((514, 508), ()), ((530, 300), (0, 1))]
)
def test_black_levels_that_differ_are_told(
    tmp_path: Path, measured: tuple[int, int], told: tuple[int, ...]
) -> None:
    path = tmp_path / "a.cr2"
    visible = np.full((1448, 2176), 0.3)
    visible[::2] = 0.4
    both = dual_pixel_frames(visible, visible * 0.9, blacks=measured)
    masked = [masked_frame(*each) for each in zip(both, measured, strict=True)]
    write_cr2(path, masked, black=512)
    warnings = open_raw(path).warnings
    assert len(warnings) == len(told)
    for number, warning in zip(told, warnings, strict=True):
        assert f"frame {number} show black at {measured[number]}," in warning
        assert "the camera states 512, 512, 512, 512" in warning
