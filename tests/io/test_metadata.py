"""EXIF, XMP and ICC: carried from any format to any other, as Pillow sees them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from dpdeblur import __version__
from dpdeblur.colour import linear_to_srgb
from dpdeblur.errors import UnreadableFileError
from dpdeblur.io import read_picture, write_picture
from dpdeblur.io.metadata import clean_xmp

Base, GPS = ExifTags.Base, ExifTags.GPS
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'tiff:Orientation="6" exif:PixelXDimension="6720" xmp:Rating="4" xmp:Label="Grün">'
    "<xmp:Thumbnails><rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt></xmp:Thumbnails>"
    "<exif:PixelYDimension>4480</exif:PixelYDimension>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="w"?>'
).encode()


def camera_exif(orientation: int = 6, endian: str = "<") -> Image.Exif:
    exif = Image.Exif()
    exif.endian = endian
    exif[Base.Make], exif[Base.Model] = "Canon", "Canon EOS 5D Mark IV"
    exif[Base.Orientation], exif[Base.Software] = orientation, "Digital Photo Professional"
    exif[Base.Copyright], exif[Base.DateTime] = "somebody", "2026:11:20 13:14:15"
    exif[Base.XResolution], exif[Base.YResolution], exif[Base.ResolutionUnit] = 350.0, 350.0, 2
    photo = exif.get_ifd(ExifTags.IFD.Exif)
    photo[Base.LensModel], photo[Base.FNumber] = "EF85mm f/1.4L IS USM", 1.4
    photo[Base.ISOSpeedRatings], photo[Base.ExifVersion] = 100, b"0231"
    photo[Base.MakerNote] = b"secret of the maker" * 9
    photo[Base.ExifImageWidth], photo[Base.ExifImageHeight] = 6720, 4480
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[GPS.GPSLatitudeRef], gps[GPS.GPSLatitude] = "N", (48.0, 8.0, 30.0)
    return exif


def matrix_profile(gamma: float) -> bytes:
    """An RGB profile of the sRGB primaries with a pure power curve."""
    primaries = [0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1]
    white = [0.3127, 0.3290, 1.0]
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=white, primaries=primaries, gamma=gamma))


PROFILE = bytes(imagecodecs.cms_profile("adobergb"))


def pixels(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)


def camera_file(path: Path, seed: int = 0, **changes: Any) -> Path:
    """A file with all kinds of metadata, written by Pillow."""
    blocks = {"exif": camera_exif(), "icc_profile": PROFILE, "xmp": XMP, **changes}
    options: dict[str, Any] = {name: block for name, block in blocks.items() if block is not None}
    if path.suffix == ".png" and "xmp" in options:
        from PIL.PngImagePlugin import PngInfo

        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode(), zip=True)
    if path.suffix == ".tif":
        exif = options.pop("exif", Image.Exif())
        if "xmp" in options:
            exif[700] = options.pop("xmp")
        options["exif"] = exif.tobytes()  # Pillow leaves the directories of an object out
    Image.fromarray(pixels(seed)).save(path, **options)
    return path


# ---- carried


@pytest.mark.parametrize("source", ["png", "jpg", "tif"])
@pytest.mark.parametrize(("target", "depth"), [("png", 16), ("png", 8), ("jpg", 8), ("tif", 16)])
def test_metadata_from_any_format_to_any_other(
    tmp_path: Path, source: str, target: str, depth: int
) -> None:
    first = read_picture(camera_file(tmp_path / f"in.{source}"))
    assert first.info.warnings == ()
    path = tmp_path / f"out.{target}"
    assert write_picture(path, first.srgb(), first.info, bit_depth=depth) == ()
    with Image.open(path) as image:
        exif = image.getexif()
        photo, gps = (exif.get_ifd(ifd) for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))
        image.load()  # closes a TIFF file
        assert image.size == (20, 30)  # upright
        assert image.info["icc_profile"] == PROFILE
        xmp = image.info["xmp"]
    assert (exif[Base.Make], exif[Base.Model]) == ("Canon", "Canon EOS 5D Mark IV")
    assert exif[Base.Software] == f"dpdeblur {__version__}"
    assert exif.get(Base.Orientation, 1) == 1  # Pillow takes it away from TIFF after turning
    assert (exif[Base.Copyright], exif[Base.DateTime]) == ("somebody", "2026:11:20 13:14:15")
    assert (exif[Base.XResolution], exif[Base.ResolutionUnit]) == (350, 2)
    assert photo[Base.LensModel] == "EF85mm f/1.4L IS USM"
    assert photo[Base.FNumber] == pytest.approx(1.4)
    assert (photo[Base.ISOSpeedRatings], photo[Base.ExifVersion]) == (100, b"0231")
    assert not {Base.MakerNote, Base.ExifImageWidth, Base.ExifImageHeight} & photo.keys()
    assert (gps[GPS.GPSLatitudeRef], gps[GPS.GPSLatitude]) == ("N", (48, 8, 30))
    text = xmp.decode()
    assert 'xmp:Rating="4"' in text
    assert 'xmp:Label="Grün"' in text
    for gone in ("Orientation", "PixelXDimension", "PixelYDimension", "Thumbnails"):
        assert gone not in text
    again = read_picture(path)
    assert (again.info.exif, again.info.xmp, again.info.icc) == (
        first.info.exif,
        first.info.xmp,
        first.info.icc,
    )
    assert again.info.orientation == 1


def test_xmp_stays_well_formed(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    xmp = read_picture(camera_file(tmp_path / "a.jpg")).info.xmp
    assert xmp is not None
    description = ElementTree.fromstring(xmp.decode()).find(".//{*}Description")
    assert description is not None
    assert list(description) == []


THUMBNAIL = "<rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt>"


@pytest.mark.parametrize(
    "outdated",
    [
        "<xmp:Thumbnails/>",
        "<xmp:Thumbnails />",
        "<xmp:Thumbnails xml:lang='a>b'/>",
        f"<xmp:Thumbnails>{THUMBNAIL}</xmp:Thumbnails >",
        f'<xmp:Thumbnails rdf:parseType="a/>b">{THUMBNAIL}</xmp:Thumbnails>',
        "<tiff:Orientation/>",
        "<exif:PixelXDimension\n/>",
    ],
)
def test_what_stands_behind_an_outdated_property_of_xmp_stays(outdated: str) -> None:
    def packet(outdated: str) -> bytes:
        kept = "<xmp:Rating>5</xmp:Rating><dc:creator>me</dc:creator>"
        kept += "<xmp:ThumbnailsOfMine>1</xmp:ThumbnailsOfMine>"
        last = f"<xmp:Thumbnails>{THUMBNAIL}</xmp:Thumbnails><tiff:Orientation>6</tiff:Orientation>"
        return f"<rdf:RDF>{outdated}{kept}{last if outdated else ''}</rdf:RDF>".encode()

    assert clean_xmp(packet(outdated)) == packet("")


def iptc_file(path: Path) -> None:
    resource = b"8BIM\x04\x04\0\0\0\0\0\x08\x1c\x02\x78\0\x03sea"
    picture = Image.fromarray(pixels())
    if path.suffix == ".jpg":
        picture.save(path)
        data, block = path.read_bytes(), b"Photoshop 3.0\0" + resource
        segment = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
        path.write_bytes(data[:2] + segment + data[2:])
    elif path.suffix == ".tif":
        tag, block = (34377, resource) if path.stem == "photoshop" else (33723, resource[12:])
        extratags = [(tag, 7, len(block), block, True)]
        tifffile.imwrite(path, pixels(), photometric="rgb", metadata=None, extratags=extratags)
    else:
        text = b"Raw profile type iptc\0\0" + zlib.compress(b"\niptc\n      0\n")
        path.write_bytes(png_with(pixels(), (b"zTXt", text)))


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "photoshop.tif", "a.png"])
def test_iptc_is_left_out_with_one_warning(tmp_path: Path, name: str) -> None:
    iptc_file(tmp_path / name)
    picture = read_picture(tmp_path / name)
    assert picture.info.warnings == ()  # nothing is lost by reading
    pair = picture.srgb(), picture.info
    (warning,) = write_picture(tmp_path / "new.png", *pair)
    assert warning.endswith("new.png: The IPTC data (caption, keywords, credit) were left out.")
    assert write_picture(tmp_path / "bare.png", *pair, metadata=False) == ()


@pytest.mark.parametrize("kind", ["exif", "APP1", "xmp", "xmp in APP1"])
def test_blocks_in_digits_of_png_are_carried(tmp_path: Path, kind: str) -> None:
    """As ImageMagick wrote them before there were chunks for them."""
    block = XMP if "xmp" in kind else camera_exif(1).tobytes()
    if kind == "xmp in APP1":
        block = b"http://ns.adobe.com/xap/1.0/\0" + block
    digits = "\n".join(block.hex()[at : at + 72] for at in range(0, 2 * len(block), 72))
    name = kind.rsplit(maxsplit=1)[-1]
    text = f"\n{name}\n{len(block):8}\n{digits}\n".encode()
    packed = f"Raw profile type {name}\0\0".encode() + zlib.compress(text)
    path = tmp_path / "a.png"
    path.write_bytes(png_with(pixels(), (b"zTXt", packed)))
    info = read_picture(path).info
    assert info.warnings == ()
    if "xmp" in kind:
        assert info.xmp == clean_xmp(XMP)
    else:
        assert carried(path)[Base.Model] == "Canon EOS 5D Mark IV"
    torn = f"Raw profile type {name}\0\0".encode() + zlib.compress(text[:30] + b"x" + text[30:])
    path.write_bytes(png_with(pixels(), (b"zTXt", torn)))
    assert "zTXt chunk is damaged" in read_picture(path).info.warnings[0]


def test_extended_xmp_of_jpeg_is_left_out_with_one_warning(tmp_path: Path) -> None:
    data = camera_file(tmp_path / "in.jpg").read_bytes()
    more = b"http://ns.adobe.com/xmp/extension/\0" + bytes(100)
    segment = b"\xff\xe1" + struct.pack(">H", len(more) + 2) + more
    (tmp_path / "in.jpg").write_bytes(data[:2] + 2 * segment + data[2:])
    picture = read_picture(tmp_path / "in.jpg")
    (warning,) = write_picture(tmp_path / "out.png", picture.srgb(), picture.info)
    assert warning.endswith("out.png: The XMP data beyond 64 KiB were left out.")


@pytest.mark.parametrize(
    ("coding", "reason"),
    [
        ((9, 16, 0, 1), r"PQ \(HDR\); convert it to sRGB first"),
        ((9, 18, 0, 1), "HLG"),
        ((1, 8, 0, 1), "linear light"),
        ((1, 99, 0, 1), "transfer function 99"),
        ((1, 13, 0, 0), "narrow range"),
    ],
)
def test_png_coded_unlike_srgb(
    tmp_path: Path, coding: tuple[int, int, int, int], reason: str
) -> None:
    (tmp_path / "a.png").write_bytes(png_with(pixels(), (b"cICP", bytes(coding))))
    with pytest.raises(UnreadableFileError, match=reason):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("coding", [b"", bytes([9, 16]), bytes([9, 16, 0, 1, 0])])
def test_png_coded_in_too_many_numbers_or_too_few(tmp_path: Path, coding: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_with(pixels(), (b"cICP", coding)))
    (warning,) = read_picture(path).info.warnings
    assert warning.endswith("The cICP chunk is damaged and was left out.")


def test_png_coded_much_as_srgb(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    gamma = struct.pack(">I", 100000)  # cICP goes before it
    path.write_bytes(png_with(pixels(), (b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", gamma)))
    assert read_picture(path).info.warnings == ()
    path.write_bytes(png_with(pixels(), (b"cICP", bytes([12, 13, 0, 1]))))
    (warning,) = read_picture(path).info.warnings
    assert warning.endswith("Its primaries (12 of H.273) were left out; sRGB's are assumed.")


def test_tiff_output_is_sound(tmp_path: Path) -> None:
    first = read_picture(camera_file(tmp_path / "in.jpg"))
    write_picture(tmp_path / "out.tif", first.srgb(), first.info, bit_depth=16)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert len(file.pages) == 1
        page: Any = file.pages[0]
        tags = [tag.code for tag in page.tags]
        assert tags == sorted(set(tags))
        assert page.tags.valueof("ExifTag")["LensModel"] == "EF85mm f/1.4L IS USM"
        assert page.asarray().dtype == np.uint16


def test_big_endian_exif_keeps_its_values(tmp_path: Path) -> None:
    block = camera_exif(endian=">").tobytes()
    assert block[6:8] == b"MM"
    first = read_picture(camera_file(tmp_path / "in.jpg", exif=block))
    assert first.info.orientation == 6
    write_picture(tmp_path / "out.png", first.srgb(), first.info)
    with Image.open(tmp_path / "out.png") as image:
        photo = image.getexif().get_ifd(ExifTags.IFD.Exif)
        assert photo[Base.FNumber] == pytest.approx(1.4)
        assert photo[Base.ISOSpeedRatings] == 100


def test_thumbnail_is_dropped(tmp_path: Path) -> None:
    block = camera_exif().tobytes()
    directories = 8 + 6
    count = struct.unpack_from("<H", block, directories)[0]
    link = directories + 2 + 12 * count
    with_thumbnail = bytearray(block)
    struct.pack_into("<I", with_thumbnail, link, len(block) - 6)
    with_thumbnail += struct.pack("<HHHIII", 1, 513, 4, 1, len(block) + 12, 0) + b"THUMBNAIL" * 20
    first = read_picture(camera_file(tmp_path / "a.jpg", exif=bytes(with_thumbnail)))
    assert first.info.exif is not None
    assert b"THUMBNAIL" not in first.info.exif
    assert first.info.warnings == ()


def test_no_metadata_in_none_out(tmp_path: Path) -> None:
    for n, extension in enumerate(["png", "jpg", "tif"]):
        path = tmp_path / f"in.{extension}"
        Image.fromarray(pixels()).save(path)
        first = read_picture(path)
        assert (first.info.exif, first.info.xmp, first.info.icc) == (None, None, None)
        write_picture(tmp_path / f"{n}.png", first.srgb(), first.info)
        with Image.open(tmp_path / f"{n}.png") as image:
            assert image.info == {}


def test_metadata_can_be_left_out_but_the_profile_belongs_to_the_pixels(tmp_path: Path) -> None:
    first = read_picture(camera_file(tmp_path / "in.jpg"))
    for name in ("out.png", "out.jpg", "out.tif"):
        path = tmp_path / name
        assert write_picture(path, first.srgb(), first.info, metadata=False) == ()
        again = read_picture(path).info
        assert (again.exif, again.xmp, again.icc) == (None, None, PROFILE)
        assert b"Canon" not in path.read_bytes()


def carried(source: Path, extension: str = "png") -> Image.Exif:
    """The EXIF block, as Pillow sees it, of a picture made from another."""
    first = read_picture(source)
    assert first.info.warnings == ()
    target = source.with_name(f"made.{extension}")
    write_picture(target, first.srgb(), first.info)
    with Image.open(target) as image:
        return image.getexif()


@pytest.mark.parametrize("source", ["png", "jpg", "tif"])
@pytest.mark.parametrize("target", ["png", "jpg", "tif"])
def test_resolution_outside_exif(tmp_path: Path, source: str, target: str) -> None:
    path = tmp_path / f"in.{source}"
    Image.fromarray(pixels()).save(path, dpi=(300, 240))
    exif = carried(path, target)
    per_inch = {2: 1, 3: 2.54}[exif[Base.ResolutionUnit]]
    resolution = [float(exif[tag]) * per_inch for tag in (Base.XResolution, Base.YResolution)]
    assert resolution == pytest.approx([300, 240], abs=0.02)


def test_resolution_of_exif_goes_before_others(tmp_path: Path) -> None:
    exif = carried(camera_file(tmp_path / "in.jpg", dpi=(72, 72)))
    assert (exif[Base.XResolution], exif[Base.ResolutionUnit]) == (350, 2)


def test_texts_of_png(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Author", "André")
    texts.add_text("Copyright", "© somebody", zip=True)
    texts.add_itxt("Description", "時計", zip=True)
    texts.add_text("Comment", "of no use")
    Image.fromarray(pixels()).save(tmp_path / "in.png", pnginfo=texts)
    block = read_picture(tmp_path / "in.png").info.exif
    assert block is not None
    for text in ("André", "© somebody", "時計"):
        assert text.encode() + b"\0" in block
    exif = carried(tmp_path / "in.png", "tif")
    assert {Base.Artist, Base.Copyright, Base.ImageDescription} <= exif.keys()
    assert b"of no use" not in (tmp_path / "made.tif").read_bytes()


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_exif_of_bigtiff(tmp_path: Path, byteorder: Literal["<", ">"]) -> None:
    path = tmp_path / "in.tif"
    tags = [(271, 2, 0, "Canon", True), (272, 2, 0, "EOS", True), (34666, 4, 1, 0, True)]
    tifffile.imwrite(
        path,
        pixels(),
        photometric="rgb",
        bigtiff=True,
        byteorder=byteorder,
        metadata=None,
        resolution=(300, 300),
        resolutionunit="INCH",
        extratags=[*tags, (274, 3, 1, 6, True)],
    )
    data = bytearray(path.read_bytes())
    # tifffile writes no EXIF directories, so one is put in the place of another tag.
    entry = data.index(struct.pack(byteorder + "HHQ", 34666, 4, 1))
    struct.pack_into(byteorder + "HHQI", data, entry, 34665, 4, 1, len(data))
    data += struct.pack(byteorder + "QHHQHHHH", 1, 34855, 3, 1, 400, 0, 0, 0)  # ISO
    path.write_bytes(data)
    assert read_picture(path).info.orientation == 6
    exif = carried(path)
    assert (exif[Base.Make], exif[Base.Model], exif[Base.XResolution]) == ("Canon", "EOS", 300)
    assert exif.get_ifd(ExifTags.IFD.Exif)[Base.ISOSpeedRatings] == 400


def test_description_of_an_array_layout_is_not_carried(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "in.tif", pixels(), photometric="rgb", software="numpy")
    first = read_picture(tmp_path / "in.tif")
    turned = np.ascontiguousarray(first.srgb().swapaxes(0, 1))
    write_picture(tmp_path / "out.tif", turned, first.info)
    assert tifffile.imread(tmp_path / "out.tif").shape == (30, 20, 3)


# ---- trouble is a warning


def png_with(samples: NDArray[Any], *chunks: tuple[bytes, bytes], checksum: int = 0) -> bytes:
    data = bytes(imagecodecs.png_encode(samples))
    packed = b""
    for kind, body in chunks:
        right = zlib.crc32(kind + body)
        packed += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", right ^ checksum)
    return data[:33] + packed + data[33:]


@pytest.mark.parametrize(
    ("chunk", "checksum"),
    [
        ((b"eXIf", b"nonsense"), 0),
        ((b"eXIf", b"II*\0\xff\xff\xff\xff"), 0),
        ((b"eXIf", camera_exif().tobytes()[6:40]), 0),
        ((b"eXIf", camera_exif(9).tobytes()[6:]), 0),
        ((b"iCCP", b"broken"), 0),
        ((b"iCCP", b"name\0\0" + zlib.compress(PROFILE)[:-9]), 0),
        ((b"iCCP", b"name\0\0" + zlib.compress(PROFILE)), 1),
        ((b"iCCP", b"name\0\0" + zlib.compress(b"nonsense" * 99)), 0),
        ((b"iCCP", b"name\0\0" + zlib.compress(PROFILE[:200])), 0),
        ((b"iTXt", b"XML:com.adobe.xmp\0"), 0),
        ((b"iTXt", b"Author\0\0\0\0\0\xff"), 0),
        ((b"zTXt", b"Author\0\0nonsense"), 0),
        ((b"tEXt", b"Author"), 0),
        ((b"pHYs", b"short"), 0),
        ((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0no xml"), 0),
        ((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0rdf:RDF \xff\xfe"), 0),
    ],
)
def test_damaged_blocks(
    tmp_path: Path,
    chunk: tuple[bytes, bytes],
    checksum: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    samples = pixels().astype(np.uint16) * 250
    (tmp_path / "in.png").write_bytes(png_with(samples, chunk, checksum=checksum))
    first = read_picture(tmp_path / "in.png")
    assert len(first.info.warnings) == 1
    assert "in.png" in first.info.warnings[0]
    np.testing.assert_array_equal(np.rint(first.srgb() * 65535), samples)
    assert write_picture(tmp_path / "out.png", first.srgb(), first.info) == ()
    assert capfd.readouterr() == ("", "")


def test_an_orientation_without_meaning_costs_nothing_else(tmp_path: Path) -> None:
    path = camera_file(tmp_path / "a.jpg", exif=camera_exif(0))
    info = read_picture(path).info
    assert info.orientation == 1
    assert info.exif is not None
    assert b"EF85mm" in info.exif
    (warning,) = info.warnings
    assert warning.endswith("damaged (orientation 0); the picture is taken for upright.")


def test_damaged_blocks_in_jpeg(tmp_path: Path) -> None:
    exif = b"Exif\0\0" + bytes(20)
    path = camera_file(tmp_path / "a.jpg", exif=exif, xmp=b"no xml", icc_profile=b"no profile")
    info = read_picture(path).info
    assert len(info.warnings) == 3
    assert (info.exif, info.xmp, info.icc) == (None, None, None)


def test_lost_part_of_a_long_profile(tmp_path: Path) -> None:
    data = camera_file(tmp_path / "a.jpg", exif=None, icc_profile=PROFILE + bytes(90_000))
    parts = data.read_bytes().split(b"ICC_PROFILE\0\2")
    data.write_bytes(parts[0] + b"ICC_PROFILE\0\7" + parts[1])
    info = read_picture(data).info
    assert (info.icc, len(info.warnings)) == (None, 1)


def test_lost_end_of_a_long_profile(tmp_path: Path) -> None:
    """What is left of it may look like a profile."""
    path = camera_file(tmp_path / "a.jpg", exif=None, icc_profile=PROFILE + bytes(90_000))
    data = path.read_bytes()
    last = data.index(b"ICC_PROFILE\0\2") - 4
    length = int.from_bytes(data[last + 2 : last + 4], "big")
    path.write_bytes(data[:last] + data[last + 2 + length :])
    info = read_picture(path).info
    assert info.icc is None
    assert info.warnings == (f"{path}: The colour profile is incomplete and was left out.",)


@pytest.mark.parametrize(
    ("name", "exif"),
    [("out.tif", b"nonsense"), ("out.jpg", camera_exif().tobytes() + bytes(70_000))],
)
def test_the_picture_is_written_even_if_its_metadata_cannot_be(
    tmp_path: Path, name: str, exif: bytes
) -> None:
    first = read_picture(camera_file(tmp_path / "in.jpg"))
    (warning,) = write_picture(tmp_path / name, first.srgb(), replace(first.info, exif=exif))
    assert "EXIF" in warning
    assert read_picture(tmp_path / name).info.icc == PROFILE
    assert np.abs(read_picture(tmp_path / name).srgb() - first.srgb()).max() < 0.2


def test_blocks_too_long_for_jpeg_leave_out_no_more_than_needed(tmp_path: Path) -> None:
    first = read_picture(camera_file(tmp_path / "in.png"))
    assert first.info.xmp is not None
    long = replace(first.info, xmp=first.info.xmp + b" " * 70_000)
    (warning,) = write_picture(tmp_path / "out.jpg", first.srgb(), long)
    assert "XMP" in warning
    again = read_picture(tmp_path / "out.jpg").info
    assert (again.exif, again.xmp, again.icc) == (first.info.exif, None, PROFILE)


def test_exif_too_long_for_jpeg_takes_nothing_else_with_it(tmp_path: Path) -> None:
    exif = camera_exif()
    exif[Base.ImageDescription] = "a" * 70_000
    first = read_picture(camera_file(tmp_path / "in.png", exif=exif))
    (warning,) = write_picture(tmp_path / "out.jpg", first.srgb(), first.info)
    assert (
        warning
        == f"{tmp_path / 'out.jpg'}: EXIF data could not be written (EXIF data is too long)."
    )
    again = read_picture(tmp_path / "out.jpg").info
    assert (again.exif, again.xmp, again.icc) == (None, first.info.xmp, PROFILE)
    assert first.info.xmp is not None
    both = replace(first.info, xmp=first.info.xmp + b" " * 70_000)
    (warning,) = write_picture(tmp_path / "both.jpg", first.srgb(), both)
    assert "XMP data and EXIF data could not be written" in warning
    assert read_picture(tmp_path / "both.jpg").info.icc == PROFILE


@pytest.mark.parametrize(
    "regions",
    [
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag><rdf:li>'
        '<rdf:Description mwg-rs:Type="Face"><mwg-rs:Area stArea:x=".3" stArea:w=".1"/>'
        "</rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>",
        "<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag><rdf:li "
        'MPRI:Rectangle="0.3, 0.2, 0.1, 0.1" MPReg:PersonDisplayName="A"/></rdf:Bag></MPRI:Regions>'
        "</rdf:Description></MP:RegionInfo>",
        "<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li>Ada</rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>",
        '<acdsee-rs:Regions rdf:parseType="Resource">Ada</acdsee-rs:Regions>',
    ],
)
def test_places_of_faces_are_not_carried(regions: str) -> None:
    packet = XMP.replace(b"<exif:PixelY", f"{regions}<exif:PixelY".encode())
    assert clean_xmp(packet) == clean_xmp(XMP)
    assert b"xmp:Label" in clean_xmp(XMP)


def test_places_among_the_old_pixels_are_not_carried(tmp_path: Path) -> None:
    exif = camera_exif()
    photo = exif.get_ifd(ExifTags.IFD.Exif)
    photo[0x9214], photo[Base.SubjectLocation] = (300, 200, 40, 30), (300, 200)
    photo[Base.FocalPlaneXResolution], photo[Base.FocalPlaneResolutionUnit] = 4800.0, 2
    photo[Base.SubjectDistance] = 1.5
    xmp = XMP.replace(
        b"<exif:PixelY",
        b"<exif:SubjectArea><rdf:Seq><rdf:li>300</rdf:li></rdf:Seq></exif:SubjectArea><exif:PixelY",
    ).replace(b" xmp:Label", b' exif:FocalPlaneXResolution="48/1" xmp:Label')
    info = read_picture(camera_file(tmp_path / "in.jpg", exif=exif, xmp=xmp)).info
    write_picture(tmp_path / "out.png", np.zeros((30, 20, 3), np.float32), info)
    kept = carried(tmp_path / "out.png").get_ifd(ExifTags.IFD.Exif)
    gone = {0x9214, Base.SubjectLocation, Base.FocalPlaneXResolution}
    assert not {*gone, Base.FocalPlaneResolutionUnit} & kept.keys()
    assert kept[Base.SubjectDistance] == 1.5
    assert info.xmp is not None
    assert b"SubjectArea" not in info.xmp
    assert b"FocalPlane" not in info.xmp
    assert b'xmp:Label="Gr' in info.xmp


# ---- colour


def reference_srgb(profile: bytes, samples: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Pillow's conversion, 8 bits."""
    converted = ImageCms.profileToProfile(
        Image.fromarray(samples),
        ImageCms.ImageCmsProfile(BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert converted is not None
    return np.asarray(converted, np.float64) / 255


@pytest.mark.parametrize(
    "profile",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        PROFILE,
        matrix_profile(1.8),
        matrix_profile(2.2),
        matrix_profile(2.6),
    ],
)
def test_numbers_of_display_profiles_stay(tmp_path: Path, profile: bytes) -> None:
    picture = read_picture(
        camera_file(tmp_path / "a.tif", exif=None, xmp=None, icc_profile=profile)
    )
    np.testing.assert_array_equal(np.rint(picture.srgb() * 255), pixels())
    assert (picture.info.icc, picture.info.warnings) == (profile, ())


@pytest.mark.parametrize("gamma", [1.0, 1.4, 4.0])
def test_other_tone_curves_are_converted_to_srgb(tmp_path: Path, gamma: float) -> None:
    profile = matrix_profile(gamma)
    path = camera_file(tmp_path / "a.png", exif=None, xmp=None, icc_profile=profile)
    picture = read_picture(path)
    light = (pixels() / 255.0) ** gamma
    np.testing.assert_allclose(picture.srgb(), linear_to_srgb(light), atol=2e-3)
    np.testing.assert_allclose(picture.srgb(), reference_srgb(profile, pixels()), atol=6e-3)
    (warning,) = picture.info.warnings
    assert "sRGB" in warning
    assert picture.info.icc is not None
    written = ImageCms.ImageCmsProfile(BytesIO(picture.info.icc))
    assert "sRGB" in ImageCms.getProfileDescription(written)
    write_picture(tmp_path / "out.png", picture.srgb(), picture.info, bit_depth=16)
    assert read_picture(tmp_path / "out.png").info.warnings == ()


def test_linear_16_bit_is_converted_in_16_bit(tmp_path: Path) -> None:
    """In 8 bits the dark half of a linear ramp would be a staircase."""
    ramp = np.repeat(
        np.linspace(0, 700, 16 * 64).astype(np.uint16).reshape(16, 64)[..., None], 3, -1
    )
    profile = matrix_profile(1.0)
    tifffile.imwrite(tmp_path / "a.tif", ramp, photometric="rgb", iccprofile=profile)
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_allclose(picture.srgb(), linear_to_srgb(ramp / 65535.0), atol=1e-4)


@pytest.mark.parametrize(
    ("chunks", "warned"),
    [
        ([(b"gAMA", 45455)], False),
        ([(b"gAMA", 100_000)], True),
        ([(b"gAMA", 55556)], True),
        ([(b"gAMA", 100_000), (b"sRGB", 0)], False),
    ],
)
def test_gamma_of_png(tmp_path: Path, chunks: list[tuple[bytes, int]], warned: bool) -> None:
    sizes = {b"gAMA": 4, b"sRGB": 1}
    packed = [(kind, value.to_bytes(sizes[kind], "big")) for kind, value in chunks]
    (tmp_path / "a.png").write_bytes(png_with(pixels(), *packed))
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(np.rint(picture.srgb() * 255), pixels())
    assert ["gamma" in warning for warning in picture.info.warnings] == [True] * warned


@pytest.mark.parametrize(("gamma", "kept"), [(2.2, True), (1.0, False)])
def test_gray_profiles(tmp_path: Path, gamma: float, kept: bool) -> None:
    profile = bytes(imagecodecs.cms_profile("gray", gamma=gamma))
    gray = pixels()[..., 0].copy()
    Image.fromarray(gray).save(tmp_path / "a.png", icc_profile=profile)
    picture = read_picture(tmp_path / "a.png")
    expected = gray / 255.0 if kept else linear_to_srgb(gray / 255.0)
    np.testing.assert_allclose(picture.srgb()[..., 1], expected, atol=1e-3)
    assert picture.info.icc == (profile if kept else None)
    assert len(picture.info.warnings) == (0 if kept else 1)
    assert write_picture(tmp_path / "b.png", picture.srgb(), picture.info) == ()


def test_gray_profile_never_lands_on_a_colour_picture(tmp_path: Path) -> None:
    profile = bytes(imagecodecs.cms_profile("gray", gamma=2.2))
    Image.fromarray(pixels()[..., 0].copy()).save(tmp_path / "in.png", icc_profile=profile)
    gray = read_picture(tmp_path / "in.png")
    coloured = replace(gray.info, gray=False)  # as of a pair whose other view has colours
    (warning,) = write_picture(tmp_path / "out.png", gray.srgb(), coloured)
    assert "profile" in warning
    with Image.open(tmp_path / "out.png") as image:
        assert "icc_profile" not in image.info
