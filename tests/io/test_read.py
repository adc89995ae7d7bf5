"""Reading: every kind of PNG, TIFF and JPEG gives the numbers it stores, or a clear error."""

from __future__ import annotations

import io
import logging
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import skimage.data
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dpdeblur.colour import linear_to_srgb
from dpdeblur.errors import (
    DPDeblurError,
    MissingFileError,
    UnreadableFileError,
)
from dpdeblur.io import INVERSE, Picture, read_picture, turn, write_picture
from dpdeblur.io.colour_profile import linear_profile
from support.tiff_parts import repacked, tiff_of

Array = NDArray[Any]
HEIGHT, WIDTH = 18, 25


def noise(channels: int = 3, bits: int = 8, seed: int = 0) -> Array:
    shape = (HEIGHT, WIDTH, channels) if channels > 1 else (HEIGHT, WIDTH)
    kind = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 2**bits, shape, kind)


def webp(samples: Array) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


ADAM7 = [
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
]


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def png(samples: Array, bits: int, colour_type: int, *, interlaced: bool = False) -> bytes:
    """A PNG written from the specification alone: no filter, one IDAT."""

    def packed(row: Array) -> bytes:
        if bits >= 8:
            return row.astype(f">u{bits // 8}").tobytes()
        return np.packbits(np.unpackbits(row[:, None], axis=-1)[:, -bits:].ravel()).tobytes()

    height, width = samples.shape[:2]
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    rows = [row for y, x, down, along in passes for row in samples[y::down, x::along] if row.size]
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + packed(row) for row in rows)))
        + chunk(b"IEND", b"")
    )


def jpeg(samples: Array, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def tiff(samples: Array, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, metadata=None, **options)
    return buffer.getvalue()


def read(folder: Path, name: str, data: bytes) -> Picture:
    path = folder / name
    path.write_bytes(data)
    return read_picture(path)


def stored(picture: Picture) -> Array:
    """The numbers a file must have held, as integers of its bit depth."""
    full = 2**picture.info.bit_depth - 1
    return np.asarray(np.rint(picture.srgb().astype(np.float64) * full))


# ---- what is stored is what is read


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_png_of_every_layout(tmp_path: Path, bits: int, channels: int, colour_type: int) -> None:
    samples = noise(channels, bits)
    picture = read(tmp_path, "a.png", png(samples, bits, colour_type))
    colours = samples.reshape(HEIGHT, WIDTH, -1)[..., : 1 if channels < 3 else 3]
    assert picture.srgb().dtype == np.float32
    assert (picture.info.bit_depth, picture.bit_depth) == (bits, bits)
    assert picture.info.gray == (channels < 3)
    np.testing.assert_array_equal(picture.codes(), colours)
    assert picture.info.warnings == ()
    np.testing.assert_array_equal(stored(picture), np.broadcast_to(colours, (HEIGHT, WIDTH, 3)))
    if channels in {2, 4}:
        assert picture.info.alpha is not None
        np.testing.assert_allclose(picture.info.alpha, samples[..., -1] / (2**bits - 1), atol=1e-7)
    else:
        assert picture.info.alpha is None


@pytest.mark.parametrize(("channels", "colour_type"), [(3, 2), (4, 6)])
@pytest.mark.parametrize("bits", [8, 16])
def test_png_interlaced(
    tmp_path: Path,
    channels: int,
    colour_type: int,
    bits: int,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own hide what is printed
    samples = noise(channels, bits)
    data = png(samples, bits, colour_type, interlaced=True)
    picture = read(tmp_path, "a.png", data)
    np.testing.assert_array_equal(stored(picture), samples[..., :3])
    beside = chunk(b"tRNS", b"123") + chunk(b"PLTE", bytes(7))  # libpng has words for these, too
    picture = read(tmp_path, "a.png", data[:33] + beside + data[33:])
    np.testing.assert_array_equal(stored(picture), samples[..., :3])
    assert capfd.readouterr() == ("", "")
    scan = data.index(b"IDAT") + 20
    for broken in (data[:scan] + b"\0" + data[scan + 1 :], data[:scan] + data[-12:]):
        with pytest.raises(UnreadableFileError, match=r"damaged|cut short"):
            read(tmp_path, "a.png", broken)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (5, 1), (1, 9)])
@pytest.mark.parametrize("bits", [1, 4, 16])
def test_png_interlaced_of_few_pixels(tmp_path: Path, height: int, width: int, bits: int) -> None:
    samples = noise(1, bits)[:height, :width]
    woven, plain = (
        read(tmp_path, "a.png", png(samples, bits, 0, interlaced=woven)) for woven in (True, False)
    )
    np.testing.assert_array_equal(woven.samples, plain.samples)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_png_of_few_bits_spans_the_whole_range(tmp_path: Path, bits: int) -> None:
    samples = noise(1, bits)
    picture = read(tmp_path, "a.png", png(samples, bits, 0))
    assert picture.info.bit_depth == 8
    np.testing.assert_allclose(picture.srgb()[..., 0], samples / (2**bits - 1), atol=1e-6)


@pytest.mark.parametrize("transparent", [False, True])
def test_png_palette_becomes_rgb(tmp_path: Path, transparent: bool) -> None:
    image = Image.fromarray(noise()).quantize(8)
    path = tmp_path / "palette.png"
    if transparent:
        image.info["transparency"] = 3
    image.save(path)
    picture = read_picture(path)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(stored(picture), expected)
    assert not picture.info.gray
    if transparent:
        np.testing.assert_array_equal(picture.info.alpha, np.asarray(image) != 3)


def test_depth_comes_from_the_file_not_from_its_brightest_pixel(tmp_path: Path) -> None:
    dark = noise(3, 8).astype(np.uint16)
    for name, data in [("a.png", png(dark, 16, 2)), ("a.tif", tiff(dark, photometric="rgb"))]:
        picture = read(tmp_path, name, data)
        assert picture.info.bit_depth == 16
        np.testing.assert_array_equal(stored(picture), dark)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_of_every_layout(
    tmp_path: Path, bits: int, channels: int, planar: bool, byteorder: str
) -> None:
    samples = noise(channels, bits)
    planar = planar and channels > 1
    data = tiff(
        np.moveaxis(samples, -1, 0) if planar else samples,
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig=("separate" if planar else "contig") if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in {2, 4} else None,
        byteorder=byteorder,
        compression="lzw",
        predictor=True,
    )
    picture = read(tmp_path, "a.tif", data)
    colours = samples.reshape(HEIGHT, WIDTH, -1)[..., : 1 if channels < 3 else 3]
    assert (picture.info.bit_depth, picture.info.gray) == (bits, channels < 3)
    assert picture.info.warnings == ()
    np.testing.assert_array_equal(stored(picture), np.broadcast_to(colours, (HEIGHT, WIDTH, 3)))
    if channels in {2, 4}:
        assert picture.info.alpha is not None
        np.testing.assert_allclose(picture.info.alpha, samples[..., -1] / (2**bits - 1), atol=1e-7)


@pytest.mark.parametrize("options", [{"tile": (16, 16)}, {"bigtiff": True}, {"rowsperstrip": 5}])
def test_tiff_of_other_structure(tmp_path: Path, options: dict[str, Any]) -> None:
    samples = noise(3, 16)
    picture = read(tmp_path, "a.tiff", tiff(samples, photometric="rgb", **options))
    np.testing.assert_array_equal(stored(picture), samples)
    assert picture.info.warnings == ()


@pytest.mark.parametrize("bits", [1, 10, 12, 14])
def test_tiff_of_odd_bits_spans_the_whole_range(tmp_path: Path, bits: int) -> None:
    samples = noise(1, bits)
    samples = samples.astype(bool) if bits == 1 else samples
    data = tiff(samples, bitspersample=bits, photometric="minisblack")
    picture = read(tmp_path, "a.tif", data)
    assert picture.info.bit_depth == (8 if bits == 1 else 16)
    np.testing.assert_allclose(picture.srgb()[..., 0], samples / (2**bits - 1), atol=1e-7)
    np.testing.assert_array_equal(picture.codes()[..., 0], samples)
    assert picture.bit_depth == bits
    written = tmp_path / "b.tif"
    write_picture(written, picture.srgb(), picture.info)
    assert read_picture(written).bit_depth == picture.info.bit_depth


def test_tiff_min_is_white(tmp_path: Path) -> None:
    samples = noise(1, 16)
    picture = read(tmp_path, "a.tif", tiff(samples, photometric="miniswhite"))
    np.testing.assert_array_equal(stored(picture)[..., 0], 65535 - samples.astype(int))


def test_tiff_min_is_white_of_odd_bits(tmp_path: Path) -> None:
    samples = noise(1, 12)
    data = tiff(samples, bitspersample=12, photometric="miniswhite")
    np.testing.assert_array_equal(read(tmp_path, "a.tif", data).codes()[..., 0], 4095 - samples)


@pytest.mark.parametrize(
    "times",
    [pytest.param(1, id="12 bits in 16"), pytest.param(257, id="8 bits in 16")],
)
def test_codes_and_bit_depth_are_those_of_the_file(tmp_path: Path, times: int) -> None:
    """They are not guessed from the numbers, and not rebuilt from what a profile makes of them."""
    linear = bytes(imagecodecs.cms_profile("gray", gamma=1.0))
    samples = noise(1, 12 if times == 1 else 8).astype(np.uint16) * times
    samples[0, 0] = 8000 if times == 1 else 31 * 257
    for name, data in (
        ("a.png", png(samples, 16, 0)),
        ("a.tif", tiff(samples)),
        ("linear.tif", tiff(samples, iccprofile=linear)),
    ):
        picture = read(tmp_path, name, data)
        assert picture.bit_depth == 16
        assert picture.samples.dtype == np.uint16
        assert picture.codes().dtype == np.float32
        np.testing.assert_array_equal(picture.codes(), samples[..., None])
    encoded = linear_to_srgb(np.float64(samples) / 65535)  # of the last, with the linear profile
    np.testing.assert_allclose(picture.srgb()[..., 1], encoded, atol=1e-3)


def test_tiff_premultiplied_alpha_is_divided_out(tmp_path: Path) -> None:
    colours, alpha = noise(3, 16).astype(float), noise(1, 16, seed=1).astype(float)
    alpha[0, :] = 0
    packed = np.dstack([np.rint(colours * alpha[..., None] / 65535), alpha]).astype(np.uint16)
    data = tiff(packed, photometric="rgb", extrasamples=["assocalpha"])
    picture = read(tmp_path, "a.tif", data)
    visible = alpha > 6000  # where dividing does not magnify the rounding
    np.testing.assert_allclose(stored(picture)[visible], colours[visible], atol=6)
    assert np.isfinite(picture.srgb()).all()
    assert picture.srgb().max() <= 1


@pytest.mark.parametrize("unit", [257, 256, 1])
def test_tiff_palette_of_8_bits(tmp_path: Path, unit: int) -> None:
    indices, colours = noise(1), np.arange(768).reshape(3, 256).astype(np.uint8)
    data = tiff(indices, photometric="palette", colormap=colours.astype(np.uint16) * unit)
    picture = read(tmp_path, "a.tif", data)
    assert picture.bit_depth == 8
    np.testing.assert_array_equal(stored(picture), colours.T[indices])


def test_tiff_palette_of_16_bits(tmp_path: Path) -> None:
    indices, colours = noise(1), np.random.default_rng(1).integers(0, 2**16, (3, 256), np.uint16)
    picture = read(tmp_path, "a.tif", tiff(indices, photometric="palette", colormap=colours))
    np.testing.assert_array_equal(stored(picture), colours.T[indices])


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff_of_light(tmp_path: Path, kind: type, channels: int) -> None:
    light = np.linspace(0, 1, 20 * 31 * channels).reshape(20, 31, -1).astype(kind)
    photometric = "rgb" if channels == 3 else "minisblack"
    picture = read(tmp_path, "a.tif", tiff(np.squeeze(light), photometric=photometric))
    assert picture.info.bit_depth == 16
    (warning,) = picture.info.warnings  # and nothing of a profile, which it has not
    assert warning.endswith("taken as linear light, 1 being white.")
    expected = linear_to_srgb(np.broadcast_to(light, (20, 31, 3)).astype(np.float32))
    np.testing.assert_allclose(picture.srgb(), expected, atol=4e-4)


def test_tiff_of_a_map(tmp_path: Path) -> None:
    ones = np.ones((20, 30), np.float32)
    for data in (tiff(-ones), tiff(ones, software="dpdeblur 0.3.0")):
        with pytest.raises(UnreadableFileError, match="map"):
            read(tmp_path, "a.tif", data)


def test_tiff_of_light_above_white(tmp_path: Path) -> None:
    light = np.full((20, 30), 0.5, np.float32)
    light[:5] = 3
    picture = read(tmp_path, "a.tif", tiff(light))
    assert "25.0%" in picture.info.warnings[0]
    assert picture.srgb().max() == 1


def test_tiff_of_encoded_floating_point(tmp_path: Path) -> None:
    """Numbers with a profile are what the profile says."""
    numbers = np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)
    profile = imagecodecs.cms_profile("srgb")
    data = tiff(numbers, photometric="rgb", iccprofile=profile)
    picture = read(tmp_path, "a.tif", data)
    np.testing.assert_allclose(picture.srgb(), numbers, atol=1e-5)
    (warning,) = picture.info.warnings
    assert warning.endswith("read as its colour profile says, 1 being white.")
    data = tiff(numbers, photometric="rgb", iccprofile=linear_profile())
    picture = read(tmp_path, "a.tif", data)
    np.testing.assert_allclose(picture.srgb(), linear_to_srgb(numbers), atol=4e-4)


def test_tiff_of_several_pages_gives_the_first(tmp_path: Path) -> None:
    pages = [noise(3, 16, seed) for seed in range(2)]
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, photometric="rgb", metadata=None)
            writer.write(page[::2, ::2], photometric="rgb", metadata=None, subfiletype=1)
    picture = read_picture(path)
    np.testing.assert_array_equal(stored(picture), pages[0])
    assert picture.info.warnings == (f"{path}: Only the first of its 2 pages was read.",)


def test_tiff_with_a_thumbnail_is_one_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for page, kind in ((noise(), 0), (noise()[::2, ::2], 1), (noise(1) > 127, 4)):
            writer.write(page, metadata=None, subfiletype=kind)
    assert read_picture(path).info.warnings == ()


def test_png_of_several_frames_gives_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    first, *others = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    first.save(path, save_all=True, append_images=others)
    picture = read_picture(path)
    np.testing.assert_array_equal(stored(picture), noise(seed=0))
    assert picture.info.warnings == (f"{path}: Only the first of its 3 frames was read.",)


def test_tiff_channels_of_no_known_use_are_left_out_with_a_warning(tmp_path: Path) -> None:
    samples = noise(5, 16)
    data = tiff(samples, photometric="rgb", extrasamples=["unspecified", "unspecified"])
    picture = read(tmp_path, "a.tif", data)
    np.testing.assert_array_equal(stored(picture), samples[..., :3])
    assert picture.info.alpha is None
    assert len(picture.info.warnings) == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 60}])
def test_jpeg(tmp_path: Path, channels: int, options: dict[str, Any]) -> None:
    data = jpeg(noise(channels), **options)
    picture = read(tmp_path, "a.JPG", data)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(stored(picture), expected)
    assert (picture.info.bit_depth, picture.info.gray) == (8, channels == 1)


def test_jpeg_followed_by_other_data(tmp_path: Path) -> None:
    """Phones append previews and films."""
    data = jpeg(noise())
    picture = read(tmp_path, "a.jpg", data + jpeg(noise(seed=1)) + b"\xff\xda film")
    np.testing.assert_array_equal(stored(picture), np.asarray(Image.open(io.BytesIO(data))))


def test_jpeg_with_bytes_between_its_scans(tmp_path: Path) -> None:
    """Some programs pad; libjpeg complains of it and of missing data alike."""
    data = jpeg(noise(), progressive=True)
    last = data.rindex(b"\xff\xc4")
    picture = read(tmp_path, "a.jpg", data[:last] + bytes(5) + data[last:])
    np.testing.assert_array_equal(stored(picture), np.asarray(Image.open(io.BytesIO(data))))


def test_jpeg_with_bytes_between_its_scans_and_others_lost(tmp_path: Path) -> None:
    """libjpeg's last complaint is about the former."""
    photograph = skimage.data.astronaut()[:200, :300]  # type: ignore[no-untyped-call]
    data = jpeg(photograph, progressive=True)
    first, last = data.index(b"\xff\xc4", data.index(b"\xff\xda")), data.rindex(b"\xff\xc4")
    padded = data[:last] + bytes(5) + data[last:]
    read(tmp_path, "whole.jpg", padded)
    for end in (first, last, len(padded) - 2):
        for lost in (10, 200):
            with pytest.raises(UnreadableFileError, match="cut short"):
                read(tmp_path, "a.jpg", padded[: end - lost] + padded[end:])
    with pytest.raises(UnreadableFileError, match="cut short"):
        read(tmp_path, "a.jpg", padded[:-2])


def test_jpeg_with_colours_of_a_rare_resolution(tmp_path: Path) -> None:
    """Gray at 4:1:0, which no encoder here writes: eight blocks of light, two of colour."""
    data = bytearray(jpeg(np.full((16, 32, 3), 128, np.uint8), subsampling=0))
    data[data.index(b"\xff\xc0") + 11] = 0x42
    blocks = int("001010" * 8 + "0000" * 2, 2).to_bytes(7, "big")
    head = bytes(data[: data.index(b"\xff\xda") + 14])
    picture = read(tmp_path, "a.jpg", head + blocks + b"\xff\xd9")
    np.testing.assert_array_equal(stored(picture), np.full((16, 32, 3), 128))
    for length in range(6):
        with pytest.raises(UnreadableFileError, match="cut short"):
            read(tmp_path, "a.jpg", head + blocks[:length] + b"\xff\xd9")


def test_jpeg_larger_than_pillow_would_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    samples, data = noise(), jpeg(noise(), quality=100, subsampling=0)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    np.testing.assert_allclose(stored(read(tmp_path, "a.jpg", data)), samples, atol=4)
    assert capfd.readouterr() == ("", "")


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    samples = noise(3, 16)
    contents = [png(samples, 16, 2), tiff(samples, photometric="rgb")]
    for name in ("a.png", "a.tif", "a.jpeg", "a.bin", "a"):
        for data in contents:
            np.testing.assert_array_equal(stored(read(tmp_path, name, data)), samples)


@pytest.mark.parametrize("name", ["ein bild.png", "写真 é.png", "a.b.c.PNG"])
def test_unusual_names(tmp_path: Path, name: str) -> None:
    samples = noise()
    np.testing.assert_array_equal(stored(read(tmp_path, name, png(samples, 8, 2))), samples)


# ---- orientation


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("extension", ["png", "jpg", "tif"])
def test_orientation_against_pillow(tmp_path: Path, tag: int, extension: str) -> None:
    exif = Image.Exif()
    exif[274] = tag
    path = tmp_path / f"a.{extension}"
    image = Image.fromarray(noise(3 if extension == "jpg" else 4))
    image.save(path, exif=exif)
    picture = read_picture(path)
    # From memory, because Pillow maps bare TIFF files and then mixes up height and width.
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(path.read_bytes()))))
    np.testing.assert_array_equal(stored(picture), expected[..., :3])
    if extension != "jpg":
        np.testing.assert_array_equal(np.rint(picture.info.alpha * 255), expected[..., 3])  # type: ignore[operator]
    assert picture.info.orientation == tag


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("big", [False, True])
def test_orientation_of_16_bit_tiff(tmp_path: Path, tag: int, big: bool) -> None:
    samples = noise(3, 16)
    data = tiff(samples, photometric="rgb", bigtiff=big, extratags=[(274, 3, 1, tag, True)])
    picture = read(tmp_path, "a.tif", data)
    planes = [Image.fromarray(samples[..., c].astype(np.int32)) for c in range(3)]
    for plane in planes:
        plane.getexif()[274] = tag
    expected = np.dstack([np.asarray(ImageOps.exif_transpose(plane)) for plane in planes])
    np.testing.assert_array_equal(stored(picture), expected)


@pytest.mark.parametrize("tag", range(1, 9))
def test_turning_back(tag: int) -> None:
    samples = noise()
    np.testing.assert_array_equal(turn(turn(samples, tag), INVERSE[tag]), samples)


# ---- what cannot be read


def sample_files() -> dict[str, bytes]:
    smooth = np.kron(noise(), np.ones((4, 4, 1), np.uint8))
    return {
        "8.png": png(smooth, 8, 2),
        "16.png": bytes(imagecodecs.png_encode(noise(3, 16))),
        "base.jpg": jpeg(smooth),
        "progressive.jpg": jpeg(smooth, progressive=True),
        "thumbnail.jpg": jpeg(smooth, exif=b"Exif\0\0" + jpeg(noise()), restart_marker_rows=1),
        "raw.tif": tiff(noise(3, 16), photometric="rgb"),
        "lzw.tif": tiff(noise(3, 16), photometric="rgb", compression="lzw", rowsperstrip=4),
        "zlib.tif": tiff(noise(3, 16), photometric="rgb", compression="zlib", predictor=True),
        "lossless.webp": webp(smooth),
        "a.avif": bytes(imagecodecs.avif_encode(smooth, 90)),
        "boxes.jxl": bytes(imagecodecs.jpegxl_encode(noise(3, 16), lossless=True)),
        "bare.jxl": bytes(imagecodecs.jpegxl_encode(smooth, lossless=True, usecontainer=False)),
        "jpeg.tif": tiff(smooth, photometric="ycbcr", compression="jpeg"),
    }


@pytest.mark.parametrize("name", sample_files())
def test_files_cut_short_are_errors(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data = sample_files()[name]
    read(tmp_path, name, data)
    for length in [12, 30, *(int(len(data) * f) for f in np.linspace(0.02, 0.98, 15)), -9, -2, -1]:
        with pytest.raises(UnreadableFileError, match=r"cut short|damaged"):
            read(tmp_path, name, data[:length])
    assert capfd.readouterr() == ("", "")


ROW = bytes([200]) * 32
DEFLATED, LZW, JPEG = 8, 5, 7


@pytest.mark.parametrize(
    ("whole", "lacking"),
    [
        (tiff_of([16 * ROW] * 3, planes=3), tiff_of([16 * ROW] * 2, planes=3)),
        (tiff_of([4 * ROW] * 4, rows=4), tiff_of([4 * ROW] * 2, rows=4)),
        (
            tiff_of([zlib.compress(4 * ROW)] * 4, rows=4, compression=DEFLATED),
            tiff_of([zlib.compress(4 * ROW)] * 2, rows=4, compression=DEFLATED),
        ),
        (
            tiff_of([imagecodecs.lzw_encode(ROW)], rows=1, height=1, compression=LZW),
            tiff_of([imagecodecs.lzw_encode(ROW)], rows=1, height=400_000, compression=LZW),
        ),
        # What follows the one short strip is not pixels.
        (tiff_of([16 * ROW]), tiff_of([4 * ROW]) + 12 * ROW),
    ],
    ids=["planes", "strips", "deflated", "a giant of one row", "a short strip"],
)
def test_tiff_that_lacks_a_part(tmp_path: Path, whole: bytes, lacking: bytes) -> None:
    samples = stored(read(tmp_path, "whole.tif", whole))
    assert (samples == 200).all()
    with pytest.raises(
        UnreadableFileError, match=r"a part of its pixels is missing|too few bytes for its pixels"
    ):
        read(tmp_path, "lacking.tif", lacking)


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_tiff_with_a_tile_that_lies_nowhere(tmp_path: Path, compression: str | None) -> None:
    """At 0, where the header is; some programs leave out tiles so."""
    pixels = np.full((64, 64), 200, np.uint8)
    data = bytearray(tiff(pixels, tile=(16, 16), compression=compression))
    read(tmp_path, "whole.tif", bytes(data))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        at = page.tags["TileOffsets"].valueoffset
    data[at : at + 4] = bytes(4)
    with pytest.raises(UnreadableFileError, match="cut short"):
        read(tmp_path, "lacking.tif", bytes(data))


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"restart_marker_rows": 1},
        {"restart_marker_blocks": 3},
        {"subsampling": 0},
    ],
)
def test_jpeg_cut_short_but_properly_ended(
    tmp_path: Path, gray: bool, options: dict[str, Any]
) -> None:
    """What some recovery programs leave behind; libjpeg makes the rest gray and is content."""
    photograph = skimage.data.astronaut()[:200, :300]  # type: ignore[no-untyped-call]
    data = jpeg(photograph[..., 0].copy() if gray else photograph, **options)
    read(tmp_path, "whole.jpg", data)
    scan = data.index(b"\xff\xda") + 14
    for length in np.linspace(scan, 0.99 * len(data), 12).astype(int):
        with pytest.raises(UnreadableFileError, match=r"cut short|damaged"):
            read(tmp_path, "a.jpg", data[:length] + b"\xff\xd9")


@pytest.mark.parametrize(
    "options", [{}, {"tile": (64, 64)}, {"planarconfig": "separate"}, {"tables": True}]
)
def test_tiff_of_jpeg_that_lacks_scan_data(tmp_path: Path, options: dict[str, Any]) -> None:
    photograph = skimage.data.astronaut()[:192, :256]  # type: ignore[no-untyped-call]
    if options.get("tables"):  # shared by the strips, as libtiff writes them
        buffer = io.BytesIO()
        strips = {"compression": "jpeg", "tiffinfo": {278: 64}}
        Image.fromarray(photograph).save(buffer, "TIFF", **strips)
        data = bytearray(buffer.getvalue())
    else:
        if "planarconfig" in options:
            photograph = np.moveaxis(photograph, -1, 0)
        strips = {} if "tile" in options else {"rowsperstrip": 64}
        data = bytearray(
            tiff(photograph, photometric="rgb", compression="jpeg", **strips, **options)
        )
    read(tmp_path, "whole.tif", bytes(data))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        assert bool(page.jpegtables) == bool(options.get("tables"))
        start, count = page.dataoffsets[1], page.databytecounts[1]
    half = count // 2
    data[start + half : start + count] = b"\xff\xd9" + bytes(count - half - 2)
    with pytest.raises(UnreadableFileError, match="damaged or cut short"):
        read(tmp_path, "lacking.tif", bytes(data))


def rare_jpegs() -> dict[str, tuple[Array, bytes]]:
    """Pictures, and JPEG of them that simplejpeg does not take."""
    photograph = skimage.data.astronaut()[:64, :96].copy()  # type: ignore[no-untyped-call]
    deep = photograph[..., 1].astype(np.uint16) * np.uint16(257)
    encode, rgb = imagecodecs.jpeg8_encode, {"colorspace": "rgb", "outcolorspace": "rgb"}
    return {
        "12 bits": (deep >> 4, bytes(encode(deep >> 4, 95, bitspersample=12))),
        "lossless": (deep, bytes(encode(deep, lossless=True, bitspersample=16))),
        "lossless RGB": (photograph, bytes(encode(photograph, lossless=True, **rgb))),
        "14 bits": (deep >> 2, bytes(imagecodecs.ljpeg_encode(deep >> 2, bitspersample=14))),
    }


@pytest.mark.parametrize("name", rare_jpegs())
def test_tiff_of_rare_jpeg_that_lacks_scan_data(tmp_path: Path, name: str) -> None:
    samples, part = rare_jpegs()[name]
    colours = "rgb" if samples.ndim > 2 else "minisblack"
    scan = part.index(b"\xff\xda") + 14
    for length in (len(part), *np.linspace(scan, 0.98 * len(part), 5).astype(int)):
        cut = part if length == len(part) else part[:length] + b"\xff\xd9"
        data = repacked(tiff(samples, photometric=colours, compression="zlib"), cut, JPEG)
        if cut == part:
            found = read(tmp_path, "whole.tif", data).samples.squeeze()
            assert np.abs(found / 1.0 - samples).mean() < 0.002 * samples.max()
            continue
        with pytest.raises(UnreadableFileError, match="damaged or cut short"):
            read(tmp_path, "lacking.tif", data)


@pytest.mark.parametrize("interlaced", [False, True])
def test_png_that_lacks_rows_is_known_as_damaged(tmp_path: Path, *, interlaced: bool) -> None:
    whole, lacking = (png(noise()[:rows], 8, 2, interlaced=interlaced) for rows in (18, 9))
    header = slice(8, 8 + 25)  # which is the whole picture's
    data = lacking[:8] + whole[header] + lacking[header.stop :]
    with pytest.raises(UnreadableFileError) as error:
        read(tmp_path, "lacking.png", data)
    assert error.value.damaged


@given(name=st.sampled_from(sorted(sample_files())), draw=st.data())
@pytest.mark.slow
def test_damage_is_an_error_or_harmless_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, name: str, draw: st.DataObject
) -> None:
    data = bytearray(sample_files()[name])
    position = draw.draw(st.integers(0, len(data) - 1))
    damage = draw.draw(st.binary(min_size=1, max_size=8))
    data[position : position + len(damage)] = damage
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    try:
        picture = read_picture(path)
    except DPDeblurError as error:
        assert str(path) in str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert picture.srgb().shape[2] == 3


@pytest.mark.parametrize("content", [b"", b"no picture at all", bytes(500), b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_not_a_picture(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read(tmp_path, name, content)
    assert caught.value.path == tmp_path / name
    assert str(caught.value).endswith(".")


def test_missing_folder_and_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_picture(tmp_path / "none.png")
    with pytest.raises(UnreadableFileError, match="folder"):
        read_picture(tmp_path)
    with pytest.raises(UnreadableFileError, match=r"PNG, TIFF"):
        read(tmp_path, "a.gif", b"GIF89a")
    with pytest.raises(MissingFileError):
        read_picture(tmp_path / "a.gif" / "below_a_file.png")
    for name in ("n" * 300 + ".png", "null\0.png"):
        with pytest.raises(UnreadableFileError):
            read_picture(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "device.png"):
        with pytest.raises(UnreadableFileError, match="ordinary file"):
            read_picture(tmp_path / name)


@pytest.mark.parametrize("where", ["stat", "read_bytes"])
def test_files_without_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def refuse(_: Path) -> None:  # simulated, as tests may run as root
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.png"
    path.write_bytes(png(noise(), 8, 2))
    with monkeypatch.context() as patch:
        patch.setattr(Path, where, refuse)
        with pytest.raises(UnreadableFileError, match="Permission denied"):
            read_picture(path)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("float.tif", tiff(noise().astype(np.float32), photometric="rgb"), "above 1"),
        ("nan.tif", tiff(np.full((9, 9), np.nan, np.float32)), "undefined"),
        (
            "raw.dng",
            tiff(noise(), photometric="rgb", extratags=[(50706, 1, 4, b"\1\4\0\0", True)]),
            "raw file",
        ),
        ("raw.nef", tiff(noise(), photometric="rgb", subfiletype=1), "raw file"),
        ("32.tif", tiff(noise().astype(np.uint32), photometric="rgb"), "16 bits"),
        ("signed.tif", tiff(noise().astype(np.int16), photometric="rgb"), "16 bits"),
        ("cmyk.tif", tiff(noise(4), photometric="separated"), "SEPARATED"),
        (
            "volume.tif",
            tiff(np.zeros((16, 16, 16), np.uint8), volumetric=True, tile=(16,) * 3),
            "flat",
        ),
    ],
)
def test_pictures_of_other_kinds(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read(tmp_path, name, data)


def test_cmyk_jpeg(tmp_path: Path) -> None:
    Image.fromarray(noise()).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(UnreadableFileError, match="CMYK"):
        read_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize("lost", [103, 205, 298])
def test_jpeg_whose_scan_lacks_bytes_between_restart_markers(tmp_path: Path, lost: int) -> None:
    """The markers' numbers may go on as they should; then bytes are left over before one."""
    whole = np.random.default_rng(0).integers(0, 256, (96, 120, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(whole).save(data, "JPEG", quality=50, restart_marker_blocks=2)
    scan = data.getvalue().index(b"\xff\xda")
    missed = 0
    for start in range(scan + 20, len(data.getvalue()) - lost - 60, 331):
        path = tmp_path / f"{start}.jpg"
        path.write_bytes(data.getvalue()[:start] + data.getvalue()[start + lost :])
        try:
            read_picture(path)
        except UnreadableFileError:
            continue
        missed += 1
    assert missed <= 1


def test_jpeg_whose_tables_are_lost_is_no_empty_picture(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(np.zeros((96, 120, 3), np.uint8)).save(data, "JPEG", progressive=True)
    last = data.getvalue().rindex(b"\xff\xc4")
    spoiled = bytearray(data.getvalue())
    spoiled[last + 5 : last + 21] = b"\xff" * 16  # more codes than there can be
    (tmp_path / "a.jpg").write_bytes(spoiled)
    with pytest.raises(UnreadableFileError, match="damaged"):
        read_picture(tmp_path / "a.jpg")
