"""Maps on disk, with OpenCV and Pillow as independent readers and writers."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from dpdeblur.errors import (
    InvalidMapError,
    MissingFileError,
    OutputExistsError,
    UnreadableFileError,
    UnsupportedFormatError,
)
from dpdeblur.io import read_map, read_picture, write_map
from dpdeblur.io.colour_profile import linear_profile
from support.tiff_parts import tiff_of

Array = np.ndarray


@pytest.fixture
def defocus() -> Array:
    rows, columns = np.indices((21, 34))
    numbers = (np.hypot(rows - 10, columns - 9) - 12.3).astype(np.float32)
    numbers[:3, :5] = np.nan
    return numbers


class TestFloatingPoint:
    def test_comes_back_bit_by_bit(self, tmp_path: Path, defocus: Array) -> None:
        path = tmp_path / "new" / "defocus.tif"
        write_map(path, defocus)
        np.testing.assert_array_equal(read_map(path), defocus)
        np.testing.assert_array_equal(read_map(path, zero_is_unknown=False), defocus)
        assert [file.name for file in path.parent.iterdir()] == ["defocus.tif"]

    def test_other_programs_read_it(self, tmp_path: Path, defocus: Array) -> None:
        write_map(tmp_path / "a.tiff", defocus)
        read = cv2.imread(str(tmp_path / "a.tiff"), cv2.IMREAD_UNCHANGED)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, defocus)
        with Image.open(tmp_path / "a.tiff") as picture:
            np.testing.assert_array_equal(np.asarray(picture), defocus)

    def test_it_is_deflated(self, tmp_path: Path) -> None:
        write_map(tmp_path / "a.tif", np.ones((300, 400)))
        assert (tmp_path / "a.tif").stat().st_size < 10_000

    def test_zero_is_in_focus(self, tmp_path: Path) -> None:
        write_map(tmp_path / "a.tif", np.zeros((3, 4)))
        np.testing.assert_array_equal(read_map(tmp_path / "a.tif"), np.zeros((3, 4)))

    @pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
    def test_of_every_precision(self, tmp_path: Path, defocus: Array, kind: type) -> None:
        tifffile.imwrite(tmp_path / "a.tif", defocus.astype(kind))
        np.testing.assert_array_equal(read_map(tmp_path / "a.tif"), defocus.astype(kind))

    @pytest.mark.parametrize("kind", [np.float32, np.uint16])
    def test_further_pages_are_told(self, tmp_path: Path, kind: type) -> None:
        path, warnings = tmp_path / "a.tif", list[str]()
        pages = np.ones((3, 4, 5), kind)
        tifffile.imwrite(path, pages, photometric="minisblack")
        assert read_map(path, warn=warnings.append).shape == (4, 5)
        assert warnings == [f"{path}: Only the first of its 3 pages was read."]

    def test_comes_upright(self, tmp_path: Path, defocus: Array) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, defocus, metadata=None, extratags=[(0x0112, 3, 1, 6, True)])
        np.testing.assert_array_equal(read_map(path), np.rot90(defocus, -1))

    def test_an_existing_map_stays(self, tmp_path: Path, defocus: Array) -> None:
        path = tmp_path / "a.tif"
        write_map(path, defocus)
        with pytest.raises(OutputExistsError):
            write_map(path, defocus + 1)
        np.testing.assert_array_equal(read_map(path), defocus)
        write_map(path, defocus + 1, overwrite=True)
        np.testing.assert_array_equal(read_map(path), defocus + 1)

    def test_what_is_no_map_is_not_written(self, tmp_path: Path, defocus: Array) -> None:
        path = tmp_path / "a.tif"
        for wrong in (defocus[None], defocus[:0], defocus > 0, np.full((3, 3), np.inf)):
            with pytest.raises(InvalidMapError):
                write_map(path, wrong)
        with pytest.raises(UnsupportedFormatError):
            write_map(tmp_path / "a.png", defocus)
        assert not list(tmp_path.iterdir())


class TestWholeNumbers:
    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    @pytest.mark.parametrize("extension", ["png", "tif"])
    def test_zero_is_unknown_if_so_said(self, tmp_path: Path, kind: type, extension: str) -> None:
        full = np.iinfo(kind).max
        stored = np.random.default_rng(0).integers(0, 4, (9, 11)).astype(kind) * kind(full // 3)
        path = tmp_path / f"a.{extension}"
        assert cv2.imwrite(str(path), stored)
        expected = stored / full
        np.testing.assert_allclose(read_map(path, zero_is_unknown=False), expected, rtol=1e-6)
        np.testing.assert_array_equal(np.isnan(read_map(path)), stored == 0)
        known = stored > 0
        np.testing.assert_allclose(read_map(path)[known], expected[known], rtol=1e-6)

    def test_equal_channels_are_one(self, tmp_path: Path) -> None:
        stored = np.arange(1, 100, dtype=np.uint8).reshape(9, 11)
        for mode in ("RGB", "RGBA", "LA"):
            Image.fromarray(stored).convert(mode).save(tmp_path / "a.png")
            np.testing.assert_allclose(read_map(tmp_path / "a.png"), stored / 255, rtol=1e-6)

    def test_a_colour_profile_changes_nothing(self, tmp_path: Path) -> None:
        stored = np.arange(1, 100, dtype=np.uint8).reshape(9, 11)
        colours = np.repeat(stored[..., None], 3, axis=2)
        Image.fromarray(colours).save(tmp_path / "a.png", icc_profile=linear_profile())
        assert read_picture(tmp_path / "a.png").srgb()[4, 4, 0] > 1.5 * stored[4, 4] / 255
        np.testing.assert_allclose(read_map(tmp_path / "a.png"), stored / 255, rtol=1e-6)

    def test_comes_upright(self, tmp_path: Path) -> None:
        stored = np.arange(1, 100, dtype=np.uint8).reshape(9, 11)
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
        np.testing.assert_allclose(read_map(tmp_path / "a.png"), np.rot90(stored, -1) / 255)


def written(path: Path, kind: str, defocus: Array) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (9, 11, 3), np.uint8)
    if kind == "colour":
        Image.fromarray(colours).save(path)
    elif kind == "text":
        path.write_text("a map")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "channels":
        tifffile.imwrite(path, np.ones((9, 11, 3), np.float32), photometric="rgb")
    elif kind == "infinite":
        tifffile.imwrite(path, np.full((9, 11), 1e300))
    elif kind == "32-bit":
        tifffile.imwrite(path, np.ones((9, 11), np.int32))
    else:
        write_map(path, defocus)
        path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("colour", "colour picture"),
        ("text", "not a PNG or TIFF"),
        ("empty", "empty"),
        ("channels", "several channels"),
        ("infinite", "infinite"),
        ("32-bit", "8 or 16-bit"),
        ("cut", "cut short"),
    ],
)
def test_what_is_no_map_is_an_error(tmp_path: Path, kind: str, reason: str, defocus: Array) -> None:
    path = tmp_path / "a.tif"
    written(path, kind, defocus)
    with pytest.raises(UnreadableFileError, match=reason):
        read_map(path)


@pytest.mark.parametrize("strip", [bytes(16 * 4 * 32), zlib.compress(bytes(4 * 4 * 32))])
def test_a_map_that_lacks_a_part(tmp_path: Path, strip: bytes) -> None:
    path, deflated = tmp_path / "a.tif", len(strip) < 200
    options = {"bits": 32, "floating": True, "compression": 8 if deflated else 1}
    if deflated:
        strips = [strip] * 4
        whole, lacking = (tiff_of(part, rows=4, **options) for part in (strips, strips[:2]))
    else:
        whole, lacking = tiff_of([strip], **options), tiff_of([strip[: len(strip) // 2]], **options)
        lacking += strip
    path.write_bytes(whole)
    assert read_map(path).shape == (16, 32)
    path.write_bytes(lacking)
    with pytest.raises(UnreadableFileError, match="a part of its pixels is missing"):
        read_map(path)


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_map(tmp_path / "a.tif")
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(UnsupportedFormatError):
        read_map(tmp_path / "a.jpg")


@pytest.mark.parametrize("end", range(0, 1200, 97))
def test_damage_is_an_error_or_harmless_but_never_a_crash(
    tmp_path: Path, defocus: Array, end: int
) -> None:
    path = tmp_path / "a.tif"
    write_map(path, defocus)
    data = bytearray(path.read_bytes())
    data[end % len(data)] ^= 0xFF
    path.write_bytes(data)
    with contextlib.suppress(UnreadableFileError):
        assert read_map(path).ndim == 2
