"""Small files that ask for much: refused before they take memory or time."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from dpdeblur.errors import OptionError, UnreadableFileError, UnwritableOutputError
from dpdeblur.io import allow_megapixels, read_map, read_picture, write_picture
from dpdeblur.io.limits import MEGAPIXELS
from support.tiff_parts import repacked


@pytest.fixture
def most(request: pytest.FixtureRequest) -> Iterator[None]:
    allow_megapixels(request.param)
    yield
    allow_megapixels(MEGAPIXELS)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: int = 1, *beside: bytes, interlaced: int = 0) -> bytes:
    """A gray PNG that says to be of some size, and has `rows` of it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlaced)
    lines = zlib.compress(bytes(rows * (1 + width)))
    parts = (chunk(b"IHDR", header), *beside, chunk(b"IDAT", lines), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg(width: int, height: int) -> bytes:
    """A JPEG of 16 x 16 pixels that says to be of another size."""
    buffer = io.BytesIO()
    Image.new("L", (16, 16), 128).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    frame = data.index(b"\xff\xc0") + 5
    data[frame : frame + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def tiff(width: int, height: int, **options: Any) -> bytes:
    """A TIFF of 16 x 16 pixels that says to be of another size."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((16, 16), np.uint8), **options)
    buffer.seek(0)
    with tifffile.TiffFile(buffer, mode="r+b") as file:
        for tag, value in (
            ("ImageWidth", width),
            ("ImageLength", height),
            ("RowsPerStrip", height),
        ):
            file.pages[0].tags[tag].overwrite(value)
    return buffer.getvalue()


def webp(width: int, height: int) -> bytes:
    """A WebP, with loss, of 16 x 16 pixels that says to be of another size."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "WEBP")
    data = bytearray(buffer.getvalue())
    frame = data.index(b"\x9d\x01\x2a") + 3
    data[frame : frame + 4] = struct.pack("<HH", width, height)
    return bytes(data)


def peak(path: Path) -> tuple[str, int]:
    """What is said of a picture that is refused, and the bytes that were taken at most."""
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFileError) as error:
            read_picture(path)
        return str(error.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jpg", jpeg(8000, 6000)),
        ("a.png", png(8000, 6000)),
        ("woven.png", png(8000, 6000, interlaced=1)),
        ("a.tif", tiff(8000, 6000)),
        ("a.tif", tiff(8000, 6000, compression="zlib")),
        ("a.webp", webp(8000, 6000)),
    ],
)
def test_a_picture_that_its_file_cannot_hold(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    said, taken = peak(tmp_path / name)
    assert "damaged or cut short" in said
    assert taken < 2**24


def test_a_picture_with_more_bytes_than_it_takes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(30, 20, 20, chunk(b"IDAT", bytes(2**17))))
    with pytest.raises(UnreadableFileError, match="more bytes than its pixels can take"):
        read_picture(path)
    path.write_bytes(png(1, 1, 1000))
    assert read_picture(path).samples.shape == (1, 1, 1)


def test_a_progressive_jpeg_of_many_scans(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("L", (16, 16), 128).save(buffer, "JPEG", progressive=True)
    data, path = buffer.getvalue(), tmp_path / "a.jpg"
    scan = data[data.rindex(b"\xff\xda") : -2]
    path.write_bytes(data + 200 * scan)  # after the end of the picture
    assert read_picture(path).samples.shape == (16, 16, 1)
    path.write_bytes(data[:-2] + 200 * scan + data[-2:])
    with pytest.raises(UnreadableFileError, match="more than 100 scans"):
        read_picture(path)


def test_parts_of_a_tiff_that_share_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), compression="zlib", rowsperstrip=1)
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags: Any = file.pages[0].tags  # type: ignore[union-attr]
        start = tags["StripOffsets"].value[0]
        tags["StripOffsets"].overwrite([start] * 16)
    assert read_picture(path).samples.shape == (16, 16, 1)
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages[0].tags  # type: ignore[union-attr]
        tags["StripByteCounts"].overwrite([path.stat().st_size - start - 200] * 16)
    with pytest.raises(UnreadableFileError, match="share too many of their bytes"):
        read_picture(path)


@pytest.mark.parametrize("most", [0.01], indirect=True)
@pytest.mark.usefixtures("most")
@pytest.mark.parametrize("extension", ["png", "jpg", "tif", "webp", "avif", "jxl"])
def test_a_picture_larger_than_is_allowed(tmp_path: Path, extension: str) -> None:
    for side, fits in ((100, True), (104, False)):
        path = tmp_path / f"{side}.{extension}"
        write_picture(path, np.zeros((side, 100, 3), np.float32))
        if fits:
            assert read_picture(path).samples.shape[:2] == (side, 100)
            continue
        with pytest.raises(UnreadableFileError, match=r"limit of 0\.01 megapixels") as error:
            read_picture(path)
        assert error.value.parameter == "megapixels"


@pytest.mark.parametrize("number", [0, -1, float("nan")])
def test_no_pixels_at_all_is_no_budget(number: float) -> None:
    with pytest.raises(OptionError, match="not above 0"):
        allow_megapixels(number)


@pytest.mark.parametrize(("begin", "says"), [(b"", "PNG"), (b"II*\0", "megapixels")])
@pytest.mark.parametrize("read", [read_picture, read_map])
def test_first_bytes_and_size_are_looked_at_first(
    tmp_path: Path, read: Any, begin: bytes, says: str
) -> None:
    path = tmp_path / "g_L.png"
    path.write_bytes(begin)
    os.truncate(path, 12 * 10**9)
    with pytest.raises(UnreadableFileError, match=says):
        read(path)


def test_metadata_of_one_file_has_one_budget(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(2**25))
    profiles = [chunk(b"iCCP", b"x\0\0" + packed) for _ in range(4)]
    path = tmp_path / "a.png"
    path.write_bytes(png(16, 16, 16, *profiles))
    assert sum("damaged" in note for note in read_picture(path).info.warnings) == 2


def test_texts_of_opening_tags_take_linear_time(tmp_path: Path) -> None:
    for text in ("<tiff:Orientation>", "<tiff:Orientation", " tiff:Orientation='"):
        packet = b"<rdf:RDF>" + text.encode() * 60_000
        path = tmp_path / "a.png"
        body = b"XML:com.adobe.xmp" + bytes(5) + packet
        path.write_bytes(png(16, 16, 16, chunk(b"iTXt", body)))
        began = time.process_time()
        assert read_picture(path).info.xmp is not None
        assert time.process_time() - began < 2


def test_bytes_that_may_begin_a_marker_take_linear_time(tmp_path: Path) -> None:
    data = jpeg(16, 16)
    scan = data.index(b"\xff\xda")
    length = int.from_bytes(data[scan + 2 : scan + 4], "big")
    odd = data[: scan + 2 + length] + b"\xff" * 200_000 + b"\0" + data[scan + 2 + length :]
    (tmp_path / "a.jpg").write_bytes(odd)
    began = time.process_time()
    with pytest.raises(UnreadableFileError):
        read_picture(tmp_path / "a.jpg")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("name", "longest"), [("a.jpg", 65500), ("a.webp", 16383), ("a.avif", 65536)]
)
def test_what_is_too_long_is_refused_before_it_is_encoded(
    tmp_path: Path, name: str, longest: int
) -> None:
    long = np.zeros((1, longest + 1, 3), np.float32)
    says = rf"at most {longest} pixels .* write PNG or TIFF"
    with pytest.raises(UnwritableOutputError, match=says):
        write_picture(tmp_path / name, long)
    write_picture(tmp_path / name, long[:, 1:])
    write_picture(tmp_path / "a.png", long)


@pytest.mark.parametrize("most", [0.01], indirect=True)
@pytest.mark.usefixtures("most")
@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"quality": 80}, {"exif": b"Exif\0\0", "quality": 80}]
)
def test_webp_of_each_kind_has_the_budget(tmp_path: Path, options: dict[str, Any]) -> None:
    for height, fits in ((100, True), (104, False)):
        path = tmp_path / f"{height}.webp"
        Image.new("RGB", (100, height)).save(path, **options)
        if fits:
            assert read_picture(path).samples.shape == (100, 100, 3)
            continue
        with pytest.raises(UnreadableFileError, match="100x104 pixels"):
            read_picture(path)


@pytest.mark.parametrize("most", [0.0001], indirect=True)
@pytest.mark.usefixtures("most")
@pytest.mark.parametrize(
    "size",
    [(16, 16), (16, 24), (12, 16), (18, 24), (18, 32), (16, 20), (9, 18), (40, 63), (520, 9)],
)
def test_the_size_that_jpeg_xl_tells(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "a.jxl"
    write_picture(path, np.zeros((*size, 3), np.float32))
    with pytest.raises(UnreadableFileError, match=f"{size[1]}x{size[0]} pixels"):
        read_picture(path)


@pytest.mark.parametrize("name", ["a.webp", "a.avif", "a.jxl"])
def test_small_files_of_much_are_looked_at_by_size_first(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_picture(path, np.zeros((16, 16, 3), np.float32))
    os.truncate(path, 12 * 10**9)
    with pytest.raises(UnreadableFileError, match="megapixels"):
        read_picture(path)


def part_of_jpeg(width: int, height: int) -> bytes:
    """A TIFF of one tile of 64 x 64 pixels, whose JPEG data say to be of another size."""
    buffer = io.BytesIO()
    pixels = np.full((64, 64, 3), 100, np.uint8)
    tifffile.imwrite(buffer, pixels, photometric="ycbcr", compression="jpeg", tile=(64, 64))
    data = bytearray(buffer.getvalue())
    frame = data.index(b"\xff\xc0") + 5
    data[frame : frame + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def packed(compression: int, part: bytes) -> bytes:
    """A TIFF of one tile of 64 x 64 pixels that is a file of its own."""
    buffer = io.BytesIO()
    pixels = np.zeros((64, 64, 3), np.uint8)
    tifffile.imwrite(buffer, pixels, photometric="rgb", compression="zlib", tile=(64, 64))
    return repacked(buffer.getvalue(), part, compression)


def wide(tile: int) -> bytes:
    """A TIFF of 16 x 16 pixels that says to have one tile of another size."""
    buffer = io.BytesIO()
    pixels = np.zeros((16, 16), np.uint8)
    tifffile.imwrite(buffer, pixels, compression="zlib", tile=(16, 16))
    buffer.seek(0)
    with tifffile.TiffFile(buffer, mode="r+b") as file:
        for tag in ("TileWidth", "TileLength"):
            file.pages[0].tags[tag].overwrite(tile)
    return buffer.getvalue()


def of_many(channels: int) -> bytes:
    """A TIFF of 256 x 256 pixels, each of so many bytes."""
    buffer = io.BytesIO()
    pixels = np.zeros((256, 256, channels), np.uint8)
    tifffile.imwrite(buffer, pixels, compression="zlib", photometric="rgb", planarconfig="contig")
    return buffer.getvalue()


@pytest.mark.parametrize("most", [1], indirect=True)
@pytest.mark.usefixtures("most")
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (part_of_jpeg(1000, 64), "too large"),
        (part_of_jpeg(64, 1000), "too large"),
        (wide(1008), "1008x1008 pixels"),
        (of_many(256), "256x256 pixels"),
    ],
)
def test_parts_and_channels_of_a_tiff_count(tmp_path: Path, data: bytes, says: str) -> None:
    """A tile is decoded whole, however little of it the picture shows."""
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    with pytest.raises(UnreadableFileError, match=says):
        read_picture(path)


JPEG_2000, WEBP, JPEG_XL, PNG, LERC = 34712, 50001, 50002, 34933, 34887
PACKERS = {
    JPEG_2000: lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k"),
    -JPEG_2000: lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="jp2"),
    WEBP: lambda pixels: imagecodecs.webp_encode(pixels, lossless=True),
    JPEG_XL: lambda pixels: imagecodecs.jpegxl_encode(pixels, lossless=True),
    PNG: imagecodecs.png_encode,
}


@pytest.mark.parametrize("kind", PACKERS)
def test_a_part_that_is_a_file_has_the_size_that_the_page_says(tmp_path: Path, kind: int) -> None:
    pack, path = PACKERS[kind], tmp_path / "a.tif"
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path.write_bytes(packed(abs(kind), bytes(pack(pixels))))
    assert np.array_equal(read_picture(path).samples, pixels)
    path.write_bytes(packed(abs(kind), bytes(pack(np.zeros((2000, 2000, 3), np.uint8)))))
    said, taken = peak(path)
    assert "one of its parts is too large" in said
    assert taken < 2**22
    path.write_bytes(packed(abs(kind), b"no such file" * 9))
    assert any(word in peak(path)[0] for word in ("damaged", "cut short"))


def test_a_part_of_many_channels(tmp_path: Path) -> None:
    many = imagecodecs.jpeg2k_encode(
        np.zeros((64, 64, 9), np.uint8), planar=False, codecformat="j2k"
    )
    (tmp_path / "a.tif").write_bytes(packed(JPEG_2000, bytes(many)))
    assert "too large" in peak(tmp_path / "a.tif")[0]


def test_a_header_that_other_bytes_seem_to_hide(tmp_path: Path) -> None:
    """A box that ends as a codestream begins stands right before the true one."""
    large = bytes(imagecodecs.jpeg2k_encode(np.zeros((2000, 2000, 3), np.uint8), codecformat="jp2"))
    begin = large.index(b"jp2c") - 4
    box = struct.pack(">I", 12) + b"free" + b"\xff\x4f\xff\x51"
    (tmp_path / "a.tif").write_bytes(packed(JPEG_2000, large[:begin] + box + large[begin:]))
    said, taken = peak(tmp_path / "a.tif")
    assert "one of its parts is too large" in said
    assert taken < 2**22


def test_parts_whose_size_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(packed(LERC, bytes(99)))
    assert "packed as LERC; save it with deflate or LZW first" in peak(tmp_path / "a.tif")[0]


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (b"\xff\xfe\xff\xff" + bytes(65533), b""),  # a comment
        (b"", bytes(2**20)),
        (b"", (b"\xff\xfe\xff\xff" + bytes(65533)) * 16),
    ],
)
def test_jpeg_that_only_other_bytes_make_long(tmp_path: Path, begin: bytes, end: bytes) -> None:
    data = jpeg(8000, 6000)
    (tmp_path / "a.jpg").write_bytes(data[:2] + begin + data[2:] + end)
    assert peak(tmp_path / "a.jpg")[1] < 2**24
    (tmp_path / "a.jpg").write_bytes(data[:2] + begin + data[2:-2] + end.strip(b"\0") + data[-2:])
    assert peak(tmp_path / "a.jpg")[1] < 2**24
    sound = jpeg(16, 16)
    (tmp_path / "a.jpg").write_bytes(sound[:2] + begin + sound[2:] + end)
    assert read_picture(tmp_path / "a.jpg").samples.shape == (16, 16, 1)
