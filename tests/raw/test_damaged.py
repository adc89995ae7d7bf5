"""Damaged Dual Pixel RAW files: each is refused in a sentence, or its frames are right."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dpdeblur.errors import MissingFileError, UnreadableFileError
from dpdeblur.raw import open_raw
from dpdeblur.raw.lossless_jpeg import is_whole
from support.cr2_writer import Cr2, Mosaic, build_cr2, dual_pixel_frames, lossless_jpeg, to_mosaic
from support.raw_reader import Outcome, Reader


@pytest.fixture(scope="module")
def read() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


HEADER = len(lossless_jpeg(np.full((1, 1, 2), 8192, np.uint16))) - 3  # one byte of codes, the end
SLICED = {"slices": (1, 40, 24), "sensor_info": (4, 2, 61, 37)}


def scene(seed: int = 0, shape: tuple[int, int] = (40, 64)) -> list[Mosaic]:
    """Both frames of a smooth picture, with disparity and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    sharp = np.stack([0.5 + 0.4 * np.sin(x / 5 + c) * np.cos(y / 7) for c in range(3)], axis=-1)
    frames = dual_pixel_frames(to_mosaic(sharp), to_mosaic(np.roll(sharp, 2, axis=1)))
    return [frame + rng.integers(0, 9, shape).astype(np.uint16) for frame in frames]


FRAMES = scene()


def written(**settings: Any) -> Cr2:
    return build_cr2(FRAMES, **{"black": 512, **settings})


WRITTEN = {
    "plain": written(),
    "sliced": written(**SLICED),
    "described": written(sensor_info=(4, 2, 61, 37), white_balance=(2100, 1024, 1024, 1500)),
}


def damaged(cr2: Cr2, at: int, content: bytes) -> bytes:
    return cr2.data[:at] + content + cr2.data[at + len(content) :]


def check_sentence(text: str) -> None:
    assert text.startswith("FILE ")
    assert text.endswith(".")
    assert text.isprintable()


def check(outcome: Outcome) -> None:
    """Refused, or read right."""
    if outcome.error:
        assert outcome.error in {
            "FramesDisagreeError",
            "NotCanonRawError",
            "NotRawError",
            "ReducedRawError",
            "SingleFrameError",
            "UnreadableFileError",
        }
        check_sentence(outcome.text)
        return
    assert not outcome.warned
    for frame, original in zip(outcome.frames, FRAMES, strict=True):
        np.testing.assert_array_equal(frame, original[outcome.window])


@pytest.mark.parametrize("components", [2, 4])
@pytest.mark.parametrize("double_line", [False, True])
@pytest.mark.parametrize("slices", [None, (1, 40, 24), (3, 20, 4)])
@pytest.mark.slow
def test_every_sound_form_is_read(
    read: Reader, components: int, double_line: bool, slices: tuple[int, int, int] | None
) -> None:
    cr2 = written(components=components, double_line=double_line, slices=slices)
    outcome = read(cr2.data)
    check(outcome)
    assert not outcome.error
    assert not outcome.warned
    assert outcome.frames[0].shape == FRAMES[0].shape


@pytest.mark.parametrize("part", ["ifd3", "ifd4", "raw0", "raw1"])
@pytest.mark.slow
def test_any_byte_of_the_raw_frames_headers(read: Reader, part: str) -> None:
    cr2 = WRITTEN["sliced"]
    begin, end = cr2.parts[part]
    for at in range(begin, min(end, begin + HEADER) if part.startswith("raw") else end):
        for value in {0, 255, cr2.data[at] ^ 1, (cr2.data[at] + 3) % 256}:
            check(read(damaged(cr2, at, bytes([value]))))


@settings(max_examples=200)
@given(st.data())
@pytest.mark.slow
def test_damaged_structure(read: Reader, data: st.DataObject) -> None:
    cr2 = WRITTEN["sliced"]
    names = [name for name in cr2.parts if not name.startswith("raw")]
    begin, end = cr2.parts[data.draw(st.sampled_from(names))]
    at = data.draw(st.integers(begin, min(end, begin + 300) - 1))
    check(read(damaged(cr2, at, data.draw(st.binary(min_size=1, max_size=4)))))


@settings(max_examples=80)
@given(st.data())
@pytest.mark.slow
def test_damaged_levels_and_margins(read: Reader, data: st.DataObject) -> None:
    """The numbers by which pictures are developed, and others: info, split and fix go on."""
    cr2 = WRITTEN["described"]
    begin = cr2.parts["makernote"][0]
    colours = cr2.data.index(struct.pack("<H8x", 13), begin)
    margins = cr2.data.index(struct.pack("<4H", 4, 2, 61, 37), begin)
    places = [colours + 2 * number for number in (*range(0x3F, 0x43), *range(0x30A, 0x310))]
    places += [margins + 2 * number for number in range(4)]
    numbers = st.sampled_from([0, 1, 2, 600, 8192, 16383, 65535]) | st.integers(0, 65535)
    content = cr2.data
    for _ in range(data.draw(st.integers(1, 4))):
        part = cr2.parts[data.draw(st.sampled_from(["makernote", "exif", "ifd0"]))]
        at = data.draw(st.sampled_from(places) | st.integers(part[0], part[1] - 2))
        number = struct.pack("<H", data.draw(numbers))
        content = content[:at] + number + content[at + 2 :]
    check(read(content, develop=True))


@settings(max_examples=200)
@given(st.data())
@pytest.mark.slow
def test_damaged_codes_change_only_what_lies_behind_them(read: Reader, data: st.DataObject) -> None:
    cr2 = WRITTEN["plain"]
    number = data.draw(st.integers(0, 1))
    begin, end = cr2.parts[f"raw{number}"]
    at = data.draw(st.integers(begin + HEADER, end - 3))
    outcome = read(damaged(cr2, at, data.draw(st.binary(min_size=1, max_size=end - 2 - at))))
    if outcome.error:
        assert outcome.error in {"UnreadableFileError", "FramesDisagreeError"}
        return
    frame = FRAMES[number]
    intact = sum(
        len(lossless_jpeg(frame[:rows].reshape(rows, -1, 2))) - 2 <= at - begin
        for rows in range(1, len(frame))
    )
    np.testing.assert_array_equal(outcome.frames[number][:intact], frame[:intact])
    np.testing.assert_array_equal(outcome.frames[1 - number], FRAMES[1 - number])


@settings(max_examples=100)
@given(st.data())
@pytest.mark.slow
def test_a_lost_sector_is_noticed(read: Reader, data: st.DataObject) -> None:
    cr2 = WRITTEN[data.draw(st.sampled_from(sorted(WRITTEN)))]
    begin, end = cr2.parts[data.draw(st.sampled_from(["raw0", "raw1"]))]
    at = data.draw(st.integers(begin + HEADER, end - 2 - 512))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    content = data.draw(st.sampled_from([bytes(512), b"\xff" * 512, rng.bytes(512)]))
    outcome = read(damaged(cr2, at, content))
    assert outcome.error in {"UnreadableFileError", "FramesDisagreeError"}


@pytest.mark.parametrize("part", ["raw0", "raw1"])
@pytest.mark.parametrize("size", [64, 512, 2000])
def test_zeros_in_place_of_the_end_are_no_filling(read: Reader, part: str, size: int) -> None:
    for cr2 in WRITTEN.values():
        end = cr2.parts[part][1] - 2
        outcome = read(damaged(cr2, end - size, bytes(size)))
        assert outcome.error in {"UnreadableFileError", "FramesDisagreeError"}


def test_cut_anywhere(read: Reader) -> None:
    cr2 = WRITTEN["sliced"]
    assert not read(cr2.data).error
    places = {place for part in cr2.parts.values() for place in (*part, sum(part) // 2)}
    for end in sorted({place - before for place in places for before in (0, 1, 2)}):
        if 0 <= end < len(cr2.data):
            outcome = read(cr2.data[:end])
            check(outcome)
            assert outcome.error, end
            if end >= cr2.parts["thumbnail"][0]:  # all directories are there
                assert outcome.text == "FILE cannot be read: it is cut short."


@settings(max_examples=100)
@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\0", b"MM\0*", b"crx"]))
def test_garbage(read: Reader, content: bytes, start: bytes) -> None:
    if start == b"crx":
        start = struct.pack(">I8s8s", 24, b"ftypcrx ", bytes(8)) + b"\0\0\1\0moov"
    assert read(start + content).error in {"UnreadableFileError", "NotRawError", "NotCanonRawError"}


def picture(kind: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), "orange").save(buffer, kind)
    return buffer.getvalue()


def plain_tiff(**tags: Any) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, FRAMES[0], metadata=None, **tags)
    return buffer.getvalue()


def noise_in(part: str) -> bytes:
    cr2 = WRITTEN["plain"]
    begin, end = cr2.parts[part]
    return damaged(cr2, begin + HEADER, np.random.default_rng(0).bytes(end - begin - HEADER - 2))


def oversized() -> bytes:
    """Frames that say to be of 20000 x 20000 pixels, which a decoder would work on for long."""
    data = WRITTEN["plain"].data
    for part in ("raw0", "raw1"):
        at = data.index(b"\xff\xc3", WRITTEN["plain"].parts[part][0]) + 5
        data = data[:at] + struct.pack(">HH", 20000, 10000) + data[at + 4 :]
    return data


def cut_in(part: str) -> bytes:
    begin, end = WRITTEN["plain"].parts[part]
    return WRITTEN["plain"].data[: (begin + end) // 2]


REFUSED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "UnreadableFileError", "it is empty"),
    "text": (lambda: b"hello " * 99, "NotRawError", "not a Canon raw file"),
    "JPEG": (lambda: picture("JPEG"), "NotRawError", "not a Canon raw file"),
    "PNG": (lambda: picture("PNG"), "NotRawError", "not a Canon raw file"),
    "TIFF": (plain_tiff, "NotRawError", "not a Canon raw file"),
    "DNG": (
        lambda: plain_tiff(extratags=[(50706, 1, 4, (1, 4, 0, 0), True)]),
        "ConvertedRawError",
        "it is a DNG",
    ),
    "other make": (lambda: build_cr2(FRAMES, make="NIKON").data, "NotCanonRawError", "NIKON"),
    "one frame": (lambda: build_cr2(FRAMES[:1]).data, "SingleFrameError", "single frame"),
    "three frames": (
        lambda: build_cr2([*FRAMES, *scene(1)[:1]]).data,
        "RawBurstError",
        "more than two frames",
    ),
    "other size": (
        lambda: build_cr2([FRAMES[0], FRAMES[1][:-2]]).data,
        "FramesDisagreeError",
        "differ in size",
    ),
    "same frame twice": (
        lambda: build_cr2([FRAMES[0], FRAMES[0]], black=512).data,
        "FramesDisagreeError",
        "the same picture",
    ),
    "two exposures": (
        lambda: build_cr2([FRAMES[0], FRAMES[0] - np.uint16(9)], black=512).data,
        "FramesDisagreeError",
        "of the first's light instead of about half",
    ),
    "unrelated": (
        lambda: build_cr2([FRAMES[0], np.flip(FRAMES[1])], black=512).data,
        "FramesDisagreeError",
        "more light than both",
    ),
    "noise in frame 0": (lambda: noise_in("raw0"), "UnreadableFileError", "frame 0 is damaged"),
    "noise in frame 1": (lambda: noise_in("raw1"), "UnreadableFileError", "frame 1 is damaged"),
    "huge": (oversized, "UnreadableFileError", "its header is damaged or cut short"),
    "huge sensor": (
        lambda: written(sensor_info=(4, 2, 60000, 50000)).data,
        "UnreadableFileError",
        "its header is damaged",
    ),
    "wrong slices": (
        lambda: written(slices=(1, 40, 24)).data.replace(b"\1\0\x28\0\x18\0", b"\1\0\x30\0\x18\0"),
        "UnreadableFileError",
        "its header is damaged",
    ),
    "cut in the header": (
        lambda: WRITTEN["plain"].data[:60],
        "UnreadableFileError",
        "its header is damaged or cut short",
    ),
    "cut in frame 0": (lambda: cut_in("raw0"), "UnreadableFileError", "it is cut short"),
    "cut in frame 1": (lambda: cut_in("raw1"), "UnreadableFileError", "it is cut short"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_each_kind_of_file_has_its_sentence(read: Reader, kind: str) -> None:
    make, error, reason = REFUSED[kind]
    outcome = read(make())
    assert (outcome.error, reason in outcome.text) == (error, True), outcome
    check_sentence(outcome.text)


def test_missing_and_folder(tmp_path: Path) -> None:
    for path, error, reason in (
        (tmp_path / "none.CR2", MissingFileError, "does not exist"),
        (tmp_path / "none" / "x.CR2", MissingFileError, "does not exist"),
        (tmp_path, UnreadableFileError, "it is a folder"),
    ):
        with pytest.raises(error, match=reason) as caught:
            open_raw(path)
        check_sentence(str(caught.value).replace(str(path), "FILE"))


@pytest.mark.parametrize("content", ["noise", "extremes", "flat"])
@pytest.mark.parametrize("components", [2, 4])
def test_whole_is_all_of_the_code_and_no_more(content: str, components: int) -> None:
    rng = np.random.default_rng(0)
    mosaic: Mosaic = {
        "noise": rng.integers(0, 1 << 14, (50, 64)),
        "extremes": rng.integers(0, 2, (50, 64)) * 16383,
        "flat": np.full((50, 64), 512),
    }[content].astype(np.uint16)
    strip = lossless_jpeg(mosaic.reshape(50, -1, components))
    assert is_whole(strip, mosaic)
    assert is_whole(strip + bytes(500), mosaic)  # behind the end marker there may be anything
    other = mosaic.copy()
    other[20:40] = rng.integers(7000, 9000, (20, 64))
    assert not is_whole(strip, other)
    assert not is_whole(strip, mosaic[:-1])
    assert not is_whole(strip[:-2], mosaic)
    assert not is_whole(strip[: len(strip) // 2] + strip[-2:], mosaic)
    assert not is_whole(strip[:-2] + b"\1" * 100 + strip[-2:], mosaic)
    if content != "flat":  # whose code is all zeros itself
        assert is_whole(strip[:-2] + bytes(100) + strip[-2:], mosaic)
