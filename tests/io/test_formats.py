"""Formats beyond PNG, TIFF and JPEG, against independent readers and writers."""

from __future__ import annotations

import base64
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.colour import srgb_to_linear
from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.io import PictureInfo, allow_megapixels, exif, read_picture, write_picture
from dpdeblur.io.colour_profile import linear_profile
from dpdeblur.io.limits import MEGAPIXELS

SRGB = imagecodecs.cms_profile("srgb")
ADOBE = imagecodecs.cms_profile("adobergb")
EXIF = exif.serialise({271: exif.text("Testcam"), exif.ORIENTATION: exif.short(1)})
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF></rdf:RDF></x:xmpmeta>'


def smooth() -> NDArray[np.float32]:
    y, x = np.mgrid[0:40, 0:62]
    return np.dstack([x / 61, y / 39, (x + y) / 100]).astype(np.float32)


def info(**changes: Any) -> PictureInfo:
    kept = {"exif": EXIF, "xmp": XMP, "icc": SRGB}
    return PictureInfo(
        **{"path": Path("left.png"), "bit_depth": 16, "gray": False, **kept, **changes}
    )


def by_pillow(path: Path) -> tuple[NDArray[Any], dict[str, Any], Any]:
    with Image.open(path) as image:
        return np.asarray(image), image.info, image.getexif()


@pytest.mark.parametrize(("name", "error"), [("a.webp", 0.5 / 255), ("a.avif", 0.03)])
def test_webp_and_avif_for_pillow_and_back(tmp_path: Path, name: str, error: float) -> None:
    path, pixels = tmp_path / name, smooth()
    assert write_picture(path, pixels, info(icc=ADOBE)) == ()
    samples, blocks, tags = by_pillow(path)
    np.testing.assert_allclose(samples / 255, pixels, atol=error + 1e-6)
    assert tags[271] == "Testcam"
    assert (blocks["icc_profile"], blocks["xmp"]) == (ADOBE, XMP)
    again = read_picture(path)
    np.testing.assert_array_equal(again.samples, samples)
    assert (again.bit_depth, again.info.icc, again.info.xmp) == (8, ADOBE, XMP)
    assert exif.parse(again.info.exif or b"")[271] == exif.text("Testcam")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.avif", "a.jxl"])
def test_exif_is_written_as_it_is(tmp_path: Path, name: str) -> None:
    """Nothing is reduced, given another type or put into ASCII, as Pillow would."""
    bias = exif.Entry(10, 1, struct.pack("<ii", 0, 3))
    photo: exif.Directory = {33434: exif.Entry(5, 1, struct.pack("<II", 10, 1250)), 37380: bias}
    ours: exif.Directory = {271: exif.text("Göthe"), exif.EXIF_IFD: photo}
    block = exif.serialise(exif.cleaned(ours, "dpdeblur"))
    write_picture(tmp_path / name, smooth(), info(exif=block))
    again = exif.parse(read_picture(tmp_path / name).info.exif or b"")
    assert again == exif.parse(block) | {exif.SOFTWARE: again[exif.SOFTWARE]}


@pytest.mark.parametrize("name", ["a.webp", "a.jxl"])
@pytest.mark.parametrize("gray", [False, True])
def test_transparency(tmp_path: Path, name: str, gray: bool) -> None:
    alpha = np.linspace(0, 1, 40 * 62, dtype=np.float32).reshape(40, 62)
    pixels = np.repeat(smooth()[..., :1], 3, -1) if gray else smooth()
    write_picture(tmp_path / name, pixels, info(alpha=alpha, gray=gray, icc=None))
    again = read_picture(tmp_path / name)
    np.testing.assert_allclose(again.srgb(), pixels, atol=2e-3)
    np.testing.assert_allclose(again.info.alpha, alpha, atol=2e-3)  # type: ignore[arg-type]


@pytest.mark.parametrize("tag", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_orientation(tmp_path: Path, kind: str, tag: int) -> None:
    tags = Image.Exif()
    tags[274] = tag
    path = tmp_path / "a"
    Image.fromarray(np.uint8(255 * smooth())).save(path, kind, exif=tags, quality=100)
    picture = read_picture(path)
    assert picture.info.orientation == tag
    assert picture.in_rows(tag).samples.shape[:2] == (40, 62)


@pytest.mark.parametrize("bits", [10, 12])
def test_avif_of_more_than_8_bits(tmp_path: Path, bits: int) -> None:
    samples = np.rint(smooth() * (2**bits - 1)).astype(np.uint16)
    data = imagecodecs.avif_encode(samples, 100, bitspersample=bits, pixelformat="444")
    (tmp_path / "a.avif").write_bytes(data)
    picture = read_picture(tmp_path / "a.avif")
    assert (picture.bit_depth, picture.info.bit_depth) == (bits, 16)
    np.testing.assert_array_equal(picture.samples, samples)


@pytest.mark.parametrize(
    ("transfer", "reason"), [(13, None), (16, r"PQ \(HDR\)"), (18, r"HLG \(HDR\)")]
)
@pytest.mark.parametrize("kind", ["avif", "heic"])
def test_high_dynamic_range(tmp_path: Path, kind: str, transfer: int, reason: str | None) -> None:
    if kind == "avif":
        samples = np.rint(smooth() * 1023).astype(np.uint16)
        coding = {"primaries": 9, "transfer": transfer, "matrix": 9}
        data = imagecodecs.avif_encode(samples, 100, bitspersample=10, **coding)
    else:
        pytest.importorskip("pi_heif")
        coded = bytearray(heic_data())
        profile = coded.index(b"colr") + 4
        coded[profile : profile + 11] = b"nclx" + bytes([0, 9, 0, transfer, 0, 9, 128])
        data = bytes(coded)
    path = tmp_path / "a"
    path.write_bytes(data)
    if reason is None:
        assert "primaries (9 of H.273)" in read_picture(path).info.warnings[0]
        return
    with pytest.raises(UnreadableFileError, match=reason):
        read_picture(path)


@pytest.mark.parametrize("kind", ["AVIF", "WEBP"])
def test_a_profile_of_another_curve_counts_without_code_points(tmp_path: Path, kind: str) -> None:
    image = Image.new("RGB", (16, 16), (128, 128, 128))
    image.save(tmp_path / "a", kind, icc_profile=linear_profile())
    picture = read_picture(tmp_path / "a")
    assert "tone curve is unlike sRGB" in picture.info.warnings[0]
    np.testing.assert_allclose(picture.srgb(), 0.737, atol=0.005)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("gray", [False, True])
def test_jpeg_xl_without_loss(tmp_path: Path, depth: int, gray: bool) -> None:
    path = tmp_path / "a.jxl"
    pixels = np.repeat(smooth()[..., :1], 3, -1) if gray else smooth()
    assert write_picture(path, pixels, info(bit_depth=depth, gray=gray, icc=None)) == ()
    expected = np.rint(pixels[..., : 1 if gray else 3] * (2**depth - 1))
    seen = imagecodecs.jpegxl_decode(path.read_bytes())
    np.testing.assert_array_equal(np.atleast_3d(seen), expected)
    again = read_picture(path)
    np.testing.assert_array_equal(again.samples, expected)
    assert (again.bit_depth, again.info.gray, again.info.warnings) == (depth, gray, ())
    assert again.info.xmp == XMP
    assert exif.parse(again.info.exif or b"")[271] == exif.text("Testcam")


@pytest.mark.parametrize("depth", [8, 16])
def test_jpeg_xl_with_quality(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "a.jxl"
    write_picture(path, smooth(), bit_depth=depth, quality=95)
    assert np.abs(read_picture(path).srgb() - smooth()).mean() < 0.01


def test_jpeg_xl_has_the_colours_of_srgb(tmp_path: Path) -> None:
    pixels = smooth() / 4 + np.float32(0.4)  # all of them colours that sRGB has
    write_picture(tmp_path / "a.jxl", pixels, info(icc=ADOBE))
    write_picture(tmp_path / "a.png", pixels, info(icc=ADOBE))
    samples = read_picture(tmp_path / "a.jxl").samples
    expected = imagecodecs.cms_transform(
        read_picture(tmp_path / "a.png").samples, ADOBE, SRGB, colorspace="rgb", outcolorspace="rgb"
    )
    assert np.abs(samples.astype(int) - expected).max() < 300


def test_jpeg_xl_that_is_linear(tmp_path: Path) -> None:
    """As imagecodecs marks all that has 16 bits."""
    light = np.rint(srgb_to_linear(smooth()) * 65535).astype(np.uint16)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(light, lossless=True))
    picture = read_picture(tmp_path / "a.jxl")
    np.testing.assert_allclose(picture.srgb(), smooth(), atol=5e-4)
    assert len(picture.info.warnings) == 1


def test_jpeg_xl_of_much_light_is_refused(tmp_path: Path) -> None:
    data = bytes(imagecodecs.jpegxl_encode(np.zeros((32, 32, 3), np.uint16), lossless=True))
    linear, pq = (bytes.fromhex(f"ff0a47f00350{curve}") for curve in ("b4", "f4"))
    assert linear in data
    (tmp_path / "a.jxl").write_bytes(data.replace(linear, pq))
    with pytest.raises(UnreadableFileError, match=r"PQ \(HDR\); convert it to sRGB first"):
        read_picture(tmp_path / "a.jxl")


@pytest.mark.parametrize(("name", "quality"), [("a.jpg", 95), ("a.avif", 95), ("a.webp", 100)])
def test_lower_quality_is_smaller(tmp_path: Path, name: str, quality: int) -> None:
    noise = np.random.default_rng(0).random((64, 64, 3), dtype=np.float32)
    sizes = []
    for chosen in (quality, 50):
        write_picture(tmp_path / name, noise, quality=chosen, overwrite=True)
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes[1] < sizes[0]
    for impossible in (0, 101):
        with pytest.raises(OptionError, match="1 to 100"):
            write_picture(tmp_path / name, noise, quality=impossible, overwrite=True)


@pytest.mark.parametrize("name", ["a.webp", "a.avif", "a.jxl"])
def test_files_cut_short(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_picture(path, smooth(), info())
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(UnreadableFileError):
            read_picture(path)


# ---- linear light


@pytest.mark.parametrize("gray", [False, True])
def test_linear_tiff_for_tifffile_and_back(tmp_path: Path, gray: bool) -> None:
    path = tmp_path / "a.tif"
    pixels = np.repeat(smooth()[..., :1], 3, -1) if gray else smooth()
    write_picture(path, pixels, info(gray=gray, icc=None), linear=True)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].dtype == np.float32
        light = np.atleast_3d(file.asarray())
    expected = srgb_to_linear(pixels)[..., : 1 if gray else 3]
    np.testing.assert_allclose(light, expected, atol=1e-6)
    np.testing.assert_allclose(read_picture(path).srgb(), pixels, atol=4e-4)


def test_linear_light_of_another_profile(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 3), (0.2, 0.6, 0.3), np.float32)
    write_picture(tmp_path / "a.tif", pixels, info(icc=ADOBE), linear=True)
    light = tifffile.imread(tmp_path / "a.tif")[0, 0]
    encoded = pixels[0, 0].astype(float) ** 2.19921875
    to_srgb = np.array([[1.3984, -0.3984, 0], [0, 1, 0], [0, -0.0429, 1.0429]])
    np.testing.assert_allclose(light, to_srgb @ encoded, atol=2e-3)


def test_only_some_formats_are_linear(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"\.exr"):
        write_picture(tmp_path / "a.png", smooth(), linear=True)


@pytest.mark.parametrize("size", [(40, 62), (16, 16), (1, 5)])
def test_exr_for_its_own_library(tmp_path: Path, size: tuple[int, int]) -> None:
    library = pytest.importorskip("OpenEXR")
    path, pixels = tmp_path / "a.exr", smooth()[: size[0], : size[1]]
    alpha = np.full(size, 0.5, np.float32)
    for like, channels in (
        (info(icc=None), "RGB"),
        (info(icc=None, alpha=alpha), "RGBA"),
        (info(icc=None, gray=True), "Y"),
    ):
        write_picture(path, pixels, like, overwrite=True)
        light = srgb_to_linear(pixels)
        if channels == "Y":
            light = light.mean(-1)
        if channels == "RGBA":
            light = np.dstack([light / 2, alpha])
        with library.File(str(path)) as file:
            assert file.header()["chromaticities"][0] == pytest.approx(0.64)
            np.testing.assert_allclose(file.channels()[channels].pixels, light, atol=1e-6)


# ---- HEIC

HEIC = (
    b"c-"
    b"oazYitx%6#iy+yDfcNF_xy0kzlR0O)1YJX;`*2^+&6v7NnJ!&d$zsuG!h0%*=LMi7{w{Phw+1qoP<1X{s^O#PBd0"
    b"sgEFu28<O-Bn{CY1p-L}YMRA5p1U)lmFN%8=Fa)<dECc$&RqcIs@-"
    b"pB3hM)j&eS@Nbtb7mpg>n_39j6&MPsIiVKCXoEwY-$5;6yyL-0Z1C{X8WlJjIE$tt*Mspo^SxSE-"
    b"9?;SKzGGP>>^~!ZvU=(;rQy<HO7aGjg;YIpem|+^E?`MXbAX_ixHVT0pg8TU{xN8P~I_We}<nN}8J3~Ug;5a<MpN"
    b"a5O$fv%LM85mNg78nrV4zrhtLCSZt(H-Ix;q2}L);OLP;|~_VcaTRkuyja*e)kxreP-NfWDTPtXlz!)8n?;-"
    b"W(RUcXo-{myw4uWT6&|CD}4IwY9b2Kjn`zE>l0&@U`&&BrmF1R11MquvRuqDwaT}K}*UuIDVP%Vp)@-"
    b"gx@7xZPEb=f5+_+7hmAG$Hl*KY<9Fa(%tx)V$T8`S%78Dq`LSj2`|@UN!dFOze&Cl-}(sYG8*Nu(2iz=AtHh#7-"
    b"FzdLpn~J{d?YuOx{CCP>xJr1N|^5qX!!0R+BYJt16^bvMcn9p`Y`9E1#CSYNfk+ewaFP%5kpW17r^YbAyg^W7u)#"
    b"-lGbi2ad<*^Ap5V{qJNSoVP7MKrJ-"
    b"@9R6zF7I_^w@*Gfl&X7#^@%VXvtJD|QMu37&;P%r%?qe=jo*(a@1v++8iM|KkcoV3g_@W)0cV-"
    b"!i$4AH;m2ylnJWlwn_}<jf&J5p)^abxl6&tLNWwyx8%_X&nnF*V3w}ctGbdzKuxXb6y8raRN!%Ri>9EEa}x`@AJ+"
    b"CwPUqY{7gla<29!TJ~S3NKxJSZgzDPwX#wjR~y>KireH#@n@#rk$gWOE*6A)E84%M^3%^*_BkolOLUlMDP7%%k=I"
    b"CUYr=a^v?9L-h+p_Huw&$e|BJRvf|r`A+hO)PO<dMEV1MIuSHvHA9Z$^PozHBBUV-Ky}YdK=jKJJ-t_Y)BFT$Or`"
    b"MnT#vXaQdUka(`_#U&*wGnn&DybK;x=*RmB&-"
    b"g#sj;486F$D+C6;k<kZBCbrqYIjMc2#F#C1aWJAMWlU2^=+g{r8V0w1nvhmT%A@%9eYwNU<V{>bS<F9beg6<zoYb"
    b"&Z~mII$ql;M&0c7;%qsg!`AOHYSl*|MbLZ%|k+5C"
)
"""48 x 32 pixels of 10 bits, turned by a quarter: pillow-heif 1.8.1 made it of `heic_ramp`."""


def heic_ramp() -> NDArray[Any]:
    y, x = np.mgrid[0:32, 0:48]
    return np.rot90(np.dstack([x * 1300, y * 2000, (x + y) * 800]), -1)


def test_heic(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    (tmp_path / "a.heic").write_bytes(heic_data())
    picture = read_picture(tmp_path / "a.heic")
    assert (picture.bit_depth, picture.info.orientation) == (16, 6)
    np.testing.assert_allclose(picture.samples, heic_ramp(), atol=500)
    assert len(picture.info.icc or b"") == len(SRGB)
    assert exif.parse(picture.info.exif or b"")[271] == exif.text("Testcam")


def test_heic_larger_than_is_allowed(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    (tmp_path / "a.heic").write_bytes(heic_data())
    allow_megapixels(0.001)
    try:
        with pytest.raises(UnreadableFileError, match=r"its 32x48 pixels .* 0\.001 megapixels"):
            read_picture(tmp_path / "a.heic")
    finally:
        allow_megapixels(MEGAPIXELS)


def test_heic_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    (tmp_path / "a.heic").write_bytes(heic_data())
    with pytest.raises(UnreadableFileError, match="pip install pi-heif"):
        read_picture(tmp_path / "a.heic")


def heic_data() -> bytes:
    return zlib.decompress(base64.b85decode(HEIC))


@pytest.mark.parametrize("kind", ["AVIF", "WEBP"])
def test_of_several_frames_the_first_is_read_with_a_note(tmp_path: Path, kind: str) -> None:
    first, second = (Image.fromarray(np.uint8(255 * part)) for part in (smooth(), smooth()[::-1]))
    path = tmp_path / "a"
    first.save(path, kind, save_all=True, append_images=[second], quality=95)
    picture = read_picture(path)
    assert picture.info.warnings == (f"{path}: Only the first of its 2 frames was read.",)
    np.testing.assert_allclose(picture.srgb(), smooth(), atol=0.1)
