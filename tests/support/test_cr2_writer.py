"""The fixtures' writer, against LibRaw's and tifffile's reading of its files."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import rawpy
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from support.cr2_writer import (
    EXIF,
    MASKED_LEFT,
    MASKED_SIZE,
    MASKED_TOP,
    MASKED_VISIBLE,
    Mosaic,
    build_cr2,
    dual_pixel_frames,
    lossless_jpeg,
    masked_frame,
    to_mosaic,
    write_cr2,
)


def opened(path: Path, frame: int) -> rawpy.RawPy:
    """LibRaw chooses the frame while it opens a CR2, so the number must be set before."""
    raw = rawpy.RawPy()
    raw.set_unpack_params(shot_select=frame)
    raw.open_file(str(path))
    raw.unpack()
    return raw


def noise(shape: tuple[int, int] = (32, 48), count: int = 2, seed: int = 0) -> list[Mosaic]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 1 << 14, shape).astype(np.uint16) for _ in range(count)]


@st.composite
def files(draw: st.DrawFn) -> tuple[list[Mosaic], dict[str, Any]]:
    """Frames of any sort, and a way of writing them."""
    components = draw(st.sampled_from([2, 4]))
    double_line = draw(st.booleans())
    width = draw(st.integers(6, 24)) * 4
    lowest, highest = (11, width // 2 - 1) if double_line else (max(11, width // 8 + 1), 40)
    height = draw(st.integers(lowest, highest)) * 2
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    content = {
        "noise": lambda: rng.integers(0, 1 << 14, (height, width)),
        "extremes": lambda: rng.integers(0, 2, (height, width)) * 16383,
        "flat": lambda: np.full((height, width), rng.integers(0, 1 << 14)),
        "walk": lambda: np.cumsum(rng.integers(-1, 2, (height, width)), axis=1) + 8000,
    }
    kinds = draw(st.lists(st.sampled_from(sorted(content)), min_size=2, max_size=2))
    slices = None
    if draw(st.booleans()):
        each = draw(st.integers(2, width // 2 - 1))
        number = draw(st.integers(1, (width - 1) // each))
        slices = (number, each, width - number * each)
    frames = [content[kind]().astype(np.uint16) for kind in kinds]
    return frames, {"components": components, "double_line": double_line, "slices": slices}


@settings(max_examples=100)
@given(files())
def test_libraw_gives_each_frame_back(file: tuple[list[Mosaic], dict[str, Any]]) -> None:
    frames, form = file
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.CR2"
        write_cr2(path, frames, **form)
        for number, frame in enumerate(frames):
            with opened(path, number) as raw:
                np.testing.assert_array_equal(raw.raw_image, frame)


def test_the_number_of_frames_is_the_number_written(tmp_path: Path) -> None:
    for count in (1, 2, 3):
        path = tmp_path / f"{count}.CR2"
        frames = noise(count=count)
        write_cr2(path, frames, preview=jpeg_preview())
        for number, frame in enumerate(frames):
            with opened(path, number) as raw:
                np.testing.assert_array_equal(raw.raw_image, frame)
        with pytest.raises(rawpy.LibRawRequestForNonexistentImageError):
            opened(path, count)


def test_each_frame_has_the_black_of_its_own_masked_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.CR2"
    shape = MASKED_VISIBLE[0] // 8, MASKED_VISIBLE[1] // 8
    block = noise(shape, count=1)[0] // 4
    visible = np.tile(block, (8, 8))
    frames = [masked_frame(visible + 512, 512), masked_frame(visible + 300, 300)]
    write_cr2(path, frames, white_balance=(2111, 1024, 1024, 1555), slices=(2, 800, 624))
    for number, (frame, black) in enumerate(zip(frames, (512, 300), strict=True)):
        with opened(path, number) as raw:
            np.testing.assert_array_equal(raw.raw_image, frame)
            assert raw.black_level_per_channel == [black] * 4
            assert raw.camera_whitebalance == [2111, 1024, 1555, 1024]  # R, G, B, second G
            sizes = raw.sizes
            assert (sizes.raw_height, sizes.raw_width) == MASKED_SIZE
            assert (sizes.height, sizes.width) == MASKED_VISIBLE
            assert (sizes.top_margin, sizes.left_margin) == (MASKED_TOP, MASKED_LEFT)


def test_small_files_carry_margins_levels_and_white_balance(tmp_path: Path) -> None:
    path = tmp_path / "x.CR2"
    write_cr2(
        path,
        noise((60, 80)),
        sensor_info=(8, 4, 73, 53),
        white_balance=(2000, 1024, 1024, 1500),
        black=600,
        white=15000,
    )
    with opened(path, 1) as raw:
        assert raw.black_level_per_channel == [600] * 4
        assert raw.camera_whitebalance == [2000, 1024, 1500, 1024]
        assert raw.camera_white_level_per_channel == [15000] * 4
        sizes = raw.sizes
        assert (sizes.top_margin, sizes.left_margin) == (4, 8)
        assert (sizes.height, sizes.width) == (49, 65)
        assert (sizes.crop_height, sizes.crop_width) == (50, 66)


@pytest.mark.parametrize(("orientation", "flip"), [(1, 0), (3, 3), (6, 6), (8, 5)])
def test_orientation(tmp_path: Path, orientation: int, flip: int) -> None:
    path = tmp_path / "x.CR2"
    write_cr2(path, noise(), orientation=orientation)
    with opened(path, 0) as raw:
        assert raw.sizes.flip == flip
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages.first.tags["Orientation"].value == orientation


def test_words_and_exif(tmp_path: Path) -> None:
    path = tmp_path / "x.CR2"
    write_cr2(
        path, noise(), model="Canon EOS R5", exif={"iso": 3200, "lens": None}, dual_pixel_flag=1
    )
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == 5
        tags = tiff.pages.first.tags
        assert tags["Make"].value == "Canon"
        assert tags["Model"].value == "Canon EOS R5"
        assert tags["DateTime"].value == EXIF["date"]
        photo = tags["ExifTag"].value
        assert photo["ExposureTime"] == EXIF["exposure"]
        assert photo["FNumber"] == EXIF["f_number"]
        assert photo["ISOSpeedRatings"] == 3200
        assert photo["DateTimeOriginal"] == EXIF["date"]
        assert "LensModel" not in photo
        assert np.frombuffer(photo["MakerNote"][-4:], "<i4") == [1]  # the last of its entry
        assert tiff.pages[3].tags[0x111].value != tiff.pages[4].tags[0x111].value


def test_parts_cover_the_file_and_name_the_strips() -> None:
    frames = noise()
    cr2 = build_cr2(frames, preview=jpeg_preview(), black=512)
    spans = sorted(cr2.parts.values())
    assert spans[0][0] == 0
    assert spans[-1][1] == len(cr2.data)
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    assert set(gaps) <= {0, 1}
    for number, frame in enumerate(frames):
        begin, end = cr2.parts[f"raw{number}"]
        assert cr2.data[begin:end] == lossless_jpeg(frame.reshape(32, 24, 2))


def test_mosaic_is_rggb_and_frames_add_up(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.random((2, 32, 48, 3))
    path = tmp_path / "x.CR2"
    both, one = dual_pixel_frames(to_mosaic(left), to_mosaic(right), blacks=(512, 300), scale=8000)
    write_cr2(path, [both, one])
    with opened(path, 0) as raw:
        assert raw.color_desc == b"RGBG"
        assert raw.raw_pattern is not None
        np.testing.assert_array_equal(raw.raw_pattern, [[0, 1], [3, 2]])
        signal = raw.raw_image[4, 6] - 512.0
    assert signal == pytest.approx(4000 * (left[4, 6, 0] + right[4, 6, 0]), abs=1)
    other = both.astype(int) - 512 - (one.astype(int) - 300)
    for place, channel in (((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 2)):
        part = np.s_[place[0] :: 2, place[1] :: 2]
        np.testing.assert_allclose(other[part], right[(*part, channel)] * 4000, atol=0.51)


def test_what_cannot_be_written_is_refused() -> None:
    frame = noise(count=1)[0]
    with pytest.raises(ValueError, match="14 bits"):
        build_cr2([frame + np.uint16(1 << 14)])
    with pytest.raises(ValueError, match="do not make up"):
        build_cr2([frame], slices=(2, 10, 10))
    with pytest.raises(ValueError, match="components"):
        build_cr2([frame[:, :47]])
    with pytest.raises(ValueError, match="wider than high"):
        build_cr2([frame.T], double_line=True)
    with pytest.raises(ValueError, match="so wide"):
        build_cr2([frame[:10]])


def jpeg_preview() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (48, 32), "orange").save(buffer, "JPEG")
    return buffer.getvalue()
