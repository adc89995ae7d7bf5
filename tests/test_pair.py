"""The pair of views: what is refused, what it is made into, and how it is read from files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.errors import (
    DPDeblurError,
    IdenticalViewsError,
    InvalidPictureError,
    MissingFileError,
    OptionError,
    PictureTooSmallError,
    ShapeMismatchError,
)
from dpdeblur.io import PictureInfo, read_picture, turn, write_picture
from dpdeblur.pair import DualPixelPair, ViewOptions, read_beside, read_pair

BLACK, WHITE = 1024, 16383
HEIGHT, WIDTH = 18, 25


def picture(height: int = 20, width: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def test_names_of_files_may_be_text(tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("l.png", "r.png")]
    for seed, file in enumerate(files):
        write_picture(file, picture(seed=seed))
    pair = read_pair(*files)
    np.testing.assert_allclose(pair.left, picture(seed=0), atol=1e-5)
    with pytest.raises(MissingFileError):
        read_picture(str(tmp_path / "no.png"))


def test_combined_is_the_mean_light_of_both_views() -> None:
    left, right = picture(seed=1), picture(seed=2)

    def decode(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    def encode(light: float) -> float:
        return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055

    combined = DualPixelPair(left, right).combined()
    assert combined.dtype == np.float32
    assert combined.shape == left.shape
    for index in [(0, 0, 0), (7, 3, 1), (19, 23, 2), (11, 12, 0)]:
        light = (decode(float(left[index])) + decode(float(right[index]))) / 2
        assert combined[index] == pytest.approx(encode(light), abs=2e-6)


@pytest.mark.parametrize(
    ("left", "right", "error"),
    [
        (picture(20, 24), picture(20, 25), ShapeMismatchError),
        (picture(15, 24), picture(15, 24, 1), PictureTooSmallError),
        (picture(), picture(), IdenticalViewsError),
        (picture().astype(np.float64), picture(seed=1), InvalidPictureError),
        (picture()[..., 0], picture(seed=1), InvalidPictureError),
        (picture(), picture(seed=1)[..., :2], InvalidPictureError),
        (picture() * 255, picture(seed=1), InvalidPictureError),
        (picture(), picture(seed=1) - 1, InvalidPictureError),
        (picture(), np.full((20, 24, 3), np.nan, np.float32), InvalidPictureError),
        (np.full((20, 24, 3), np.inf, np.float32), picture(), InvalidPictureError),
        (np.zeros((0, 24, 3), np.float32), picture(), InvalidPictureError),
        (picture().tolist(), picture(), InvalidPictureError),
    ],
)
def test_bad_views_are_refused_in_one_sentence(
    left: np.ndarray, right: np.ndarray, error: type[DPDeblurError]
) -> None:
    with pytest.raises(error) as caught:
        DualPixelPair(left, right)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_one_nan_among_many_values_is_seen() -> None:
    left = picture(64, 64)
    left[63, 63, 2] = np.nan
    with pytest.raises(InvalidPictureError, match="left view"):
        DualPixelPair(left, picture(64, 64, 1))


def test_smallest_picture_and_rounding_beyond_the_range_are_taken() -> None:
    left, right = picture(16, 16), picture(16, 16, 1)
    left[0, 0, 0], right[0, 0, 0] = np.float32(1.0000002), np.float32(-1e-7)
    assert DualPixelPair(left, right).left.shape == (16, 16, 3)


# ---- linear light


def test_light_of_colours_and_of_gray() -> None:
    left, right = picture(seed=1), picture(seed=2)
    for light, view in zip(DualPixelPair(left, right).linear(), (left, right), strict=True):
        np.testing.assert_allclose(light, srgb_to_linear(view), rtol=1e-6)
    gray = [np.repeat(view[..., :1], 3, -1) for view in (left, right)]
    for light, view in zip(DualPixelPair(*gray).linear(), gray, strict=True):
        assert light.shape == (20, 24, 1)
        np.testing.assert_allclose(light[..., 0], srgb_to_linear(view)[..., 0], rtol=1e-6)
    mixed = DualPixelPair(gray[0], right).linear()
    assert [light.shape[2] for light in mixed] == [1, 3]


def test_arrays_have_nothing_beside_them() -> None:
    left, right = picture(seed=1), picture(seed=2)
    pair = DualPixelPair(left, right)
    assert (pair.info, pair.stored, pair.levels, pair.warnings) == (None, None, None, ())
    assert pair.upright(left) is left
    with pytest.raises(InvalidPictureError, match="not read from a file"):
        pair.with_levels((BLACK, WHITE))


# ---- files


def noise(channels: int = 3, bits: int = 8, seed: int = 0) -> NDArray[Any]:
    shape = (HEIGHT, WIDTH, channels) if channels > 1 else (HEIGHT, WIDTH)
    kind = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 2**bits, shape, kind)


def write(path: Path, samples: NDArray[Any], **options: Any) -> Path:
    """A TIFF of these numbers, gray or RGB."""
    kind = "rgb" if samples.ndim == 3 else "minisblack"
    tifffile.imwrite(path, samples, photometric=kind, metadata=None, **options)
    return path


def pair_of(folder: Path, left: NDArray[Any], right: NDArray[Any], **options: Any) -> DualPixelPair:
    files = (
        write(folder / f"a_{side}.tif", each, **options)
        for side, each in (("L", left), ("R", right))
    )
    return read_pair(*files)


def info_of(pair: DualPixelPair) -> PictureInfo:
    assert pair.info is not None
    return pair.info


def test_views_are_what_the_files_hold(tmp_path: Path) -> None:
    left, right = noise(3, 16), noise(3, 8, seed=1)
    pair = pair_of(tmp_path, left, right)
    assert (info_of(pair).path.name, info_of(pair).bit_depth) == ("a_L.tif", 16)
    assert pair.warnings == ()
    np.testing.assert_array_equal(np.rint(pair.left * 65535), left)
    np.testing.assert_array_equal(np.rint(pair.right * 255), right)


def test_views_are_gray_only_together(tmp_path: Path) -> None:
    gray, other, colour = noise(1), noise(1, seed=1), noise(3)
    for left, right, expected in ((gray, other, True), (gray, colour, False)):
        pair = pair_of(tmp_path, left, right)
        assert info_of(pair).gray == expected
        assert (pair.stored is not None) == expected


def test_gray_profile_never_lands_on_a_colour_picture(tmp_path: Path) -> None:
    write(
        tmp_path / "l.tif", noise(1), iccprofile=bytes(imagecodecs.cms_profile("gray", gamma=2.2))
    )
    pair = read_pair(tmp_path / "l.tif", write(tmp_path / "r.tif", noise(3)))
    (warning,) = write_picture(tmp_path / "out.png", pair.left, pair.info)
    assert "profile" in warning
    with Image.open(tmp_path / "out.png") as image:
        assert "icc_profile" not in image.info


@pytest.mark.parametrize("orientation", range(1, 9))
def test_rows_are_the_sensors(tmp_path: Path, orientation: int) -> None:
    numbers = noise(1, 16), noise(1, 16, seed=1)
    pair = pair_of(tmp_path, *numbers, extratags=[(274, "H", 1, orientation, True)])
    upright = turn(numbers[0], orientation)
    np.testing.assert_array_equal(read_picture(tmp_path / "a_L.tif").codes()[..., 0], upright)
    np.testing.assert_array_equal(np.rint(pair.upright(pair.left)[..., 1] * 65535), upright)
    assert pair.stored is not None
    for stored, view, expected in zip(pair.stored, (pair.left, pair.right), numbers, strict=True):
        np.testing.assert_array_equal(stored.codes()[..., 0], expected)
        np.testing.assert_array_equal(stored.srgb(), view)


def test_samples_of_colour_views_are_not_kept(tmp_path: Path) -> None:
    assert pair_of(tmp_path, noise(3, 16), noise(3, 16, seed=1)).stored is None


def test_files_that_make_no_pair(tmp_path: Path) -> None:
    view = noise()
    with pytest.raises(ShapeMismatchError, match=r"a_L\.tif and .*a_R\.tif"):
        pair_of(tmp_path, view, view[:-1])
    with pytest.raises(IdenticalViewsError, match=r"a_L\.tif and .*a_R\.tif"):
        pair_of(tmp_path, view, view)
    with pytest.raises(PictureTooSmallError, match=r"a_L\.tif is \d+x15 pixels"):
        pair_of(tmp_path, view[:15], noise(seed=1)[:15])
    with pytest.raises(MissingFileError):
        read_pair(tmp_path / "a_L.tif", tmp_path / "none.tif")


@cache
def _profile(name: str) -> bytes:
    """Made once, as it holds the time of its making."""
    return bytes(imagecodecs.cms_profile(name))


def camera_file(
    path: Path, seed: int, orientation: int = 6, profile: str = "adobergb", xmp: bytes | None = None
) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    blocks: dict[str, Any] = {} if xmp is None else {"xmp": xmp}
    icc = _profile(profile)
    Image.fromarray(noise(seed=seed)).save(path, exif=exif, icc_profile=icc, **blocks)
    return path


@pytest.mark.parametrize(
    ("changes", "word"), [({"profile": "srgb"}, "profile"), ({"orientation": 8}, "orientation")]
)
def test_views_that_disagree(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    left = camera_file(tmp_path / "l.jpg", 0)
    assert read_pair(left, camera_file(tmp_path / "r.jpg", 1)).warnings == ()
    pair = read_pair(left, camera_file(tmp_path / "r.jpg", 1, **changes))
    assert info_of(pair).icc == _profile("adobergb")
    (warning,) = pair.warnings
    assert word in warning


def test_profiles_that_differ_in_their_date_are_the_same(tmp_path: Path) -> None:
    """darktable makes one anew for each picture it exports."""
    profile = _profile("adobergb")
    for side, seed, second in (("l", 0, b"\x01"), ("r", 1, b"\x02")):
        dated = profile[:35] + second + profile[36:84] + second * 16 + profile[100:]
        Image.fromarray(noise(seed=seed)).save(tmp_path / f"{side}.jpg", icc_profile=dated)
    assert read_pair(tmp_path / "l.jpg", tmp_path / "r.jpg").warnings == ()


def test_warnings_of_both_views(tmp_path: Path) -> None:
    left, right = (
        camera_file(tmp_path / name, seed, xmp=b"no xml")
        for seed, name in enumerate(("l.jpg", "r.jpg"))
    )
    found = [("l.jpg" in each, "r.jpg" in each) for each in read_pair(left, right).warnings]
    assert found == [(True, False), (False, True)]


def test_names_that_say_that_the_views_are_swapped(tmp_path: Path) -> None:
    pair_of(tmp_path, noise(), noise(seed=1))
    (warning,) = read_pair(tmp_path / "a_R.tif", tmp_path / "a_L.tif").warnings
    assert warning.startswith("The names say that ")
    assert warning.endswith("check the order.")
    assert warning.index("a_R.tif") < warning.index("a_L.tif")


def test_a_picture_beside_the_views_lies_as_they_do(tmp_path: Path) -> None:
    views = [noise(3, 16, seed) for seed in range(3)]
    turned = {"extratags": [(274, "H", 1, 6, True)]}
    pair = pair_of(tmp_path, *views[:2], **turned)
    path = tmp_path / "truth.tif"
    np.testing.assert_array_equal(
        read_beside(write(path, views[2], **turned), pair).codes(), views[2]
    )
    write(path, turn(views[2], 6))  # upright without a tag
    np.testing.assert_array_equal(read_beside(path, pair).codes(), views[2])
    write(path, views[2])
    # Sizes are told as whoever looks at the pictures sees them.
    sizes = f"{WIDTH}x{HEIGHT} and {HEIGHT}x{WIDTH} pixels"
    with pytest.raises(ShapeMismatchError, match=rf"truth\.tif and .*a_L\.tif .*{sizes}"):
        read_beside(path, pair)


def test_a_picture_beside_mere_arrays(tmp_path: Path) -> None:
    path = write(tmp_path / "truth.tif", noise(3, 16))
    shape = HEIGHT, WIDTH
    pair = DualPixelPair(picture(*shape), picture(*shape, seed=1))
    np.testing.assert_array_equal(read_beside(path, pair).codes(), noise(3, 16))
    with pytest.raises(ShapeMismatchError, match=r"truth\.tif and the views"):
        read_beside(path, DualPixelPair(picture(), picture(seed=1)))


# ---- linear raw numbers


def test_light_of_raw_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(900, 18000, (2, 40, 50), np.uint16)
    pair = pair_of(tmp_path, *numbers).with_levels((BLACK, WHITE))
    expected = np.maximum(numbers.astype(np.float64) - BLACK, 0) / WHITE
    assert expected.max() > 1  # what is above white stays
    for light, view, each in zip(pair.linear(), (pair.left, pair.right), expected, strict=True):
        np.testing.assert_allclose(light[..., 0], each, rtol=1e-6)
        shown = np.repeat(linear_to_srgb(each.clip(0, 1))[..., None], 3, -1)
        np.testing.assert_allclose(view, shown, atol=1e-6)
    assert pair.with_levels((BLACK, WHITE)) is pair
    assert not pair.toned
    assert not pair.swapped().reduced(32).toned
    other = pair.with_levels((0, 65535)).linear()[0]
    np.testing.assert_allclose(other[..., 0], numbers[0] / 65535, rtol=1e-6)


def test_light_of_raw_numbers_of_12_bits(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(64, 4096, (2, 40, 50), np.uint16)
    pair = pair_of(tmp_path, *numbers, bitspersample=12).with_levels((64, 4031))
    np.testing.assert_allclose(pair.linear()[1][..., 0], (numbers[1] - 64.0) / 4031, rtol=1e-6)


def test_bits_are_not_guessed_from_the_numbers(tmp_path: Path) -> None:
    numbers = (257 * np.random.default_rng(0).integers(0, 60, (2, 40, 50))).astype(np.uint16)
    light = pair_of(tmp_path, *numbers).with_levels((0, WHITE)).linear()[0]
    np.testing.assert_allclose(light[..., 0], numbers[0] / WHITE, rtol=1e-6)


def test_what_holds_no_raw_numbers(tmp_path: Path) -> None:
    for samples, reason in (
        ((noise(3, 16), noise(3, 16, seed=1)), "The left view .*in colour"),
        ((noise(1, 16), noise(3, 16)), "The left view .* it or the other view is in colour"),
        ((noise(1), noise(1, seed=1)), "The left view .*of 8 bits"),
        ((noise(1, 16), noise(1, seed=1)), "The right view .*of 8 bits"),
        ((noise(1, 16), noise(1, 9, seed=1)), "The right view .*black everywhere"),
    ):
        with pytest.raises(InvalidPictureError, match=reason):
            pair_of(tmp_path, *samples).with_levels((BLACK, WHITE))


def test_views_of_two_photographs_are_pointed_out(tmp_path: Path, example: DualPixelPair) -> None:
    def notes(left: NDArray[np.float32], right: NDArray[np.float32], name: str = "a") -> list[str]:
        paths = tmp_path / "a_L.png", tmp_path / f"{name}_R.png"
        for path, pixels in zip(paths, (left, right), strict=True):
            write_picture(path, pixels, bit_depth=8, overwrite=True)
        return [note for note in read_pair(*paths).warnings if "two different photographs" in note]

    left, right = example.left[:256, :384], example.right[:256, :384]
    assert notes(left, right) == []
    assert len(notes(left, right, "b")) == 1
    assert len(notes(left, example.right[256:, 384:])) == 1
    assert len(notes(left, right[::-1])) == 1
    noise = np.random.default_rng(0).normal(0.5, 0.005, (2, 128, 128, 3)).astype(np.float32)
    assert notes(*noise) == []  # a wall
    assert notes(left, np.roll(right, 8, 1)) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(16, 13_000), (13_000, 16)])
def test_views_too_narrow_to_compare(tmp_path: Path, shape: tuple[int, int]) -> None:
    views = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    assert pair_of(tmp_path, *views).warnings == ()


@pytest.mark.parametrize("bits", [8, 16])
def test_a_window_shows_what_the_views_do(tmp_path: Path, bits: int) -> None:
    pair = pair_of(tmp_path, noise(3, bits), noise(3, bits, seed=1))
    arrays = DualPixelPair(pair.left, pair.right)
    assert (pair.as_files, arrays.as_files) == (True, False)
    assert pair.shape == arrays.shape == pair.left.shape[:2]
    rows, columns = slice(3, 9), slice(2, 15)
    for each in (pair, arrays):
        for part, view in zip(each.window(rows, columns), (pair.left, pair.right), strict=True):
            np.testing.assert_array_equal(part, view[rows, columns])


def test_reduced_in_light(tmp_path: Path) -> None:
    """Alpha and the stored samples come along."""
    alpha = np.linspace(0, 1, 64 * 48, dtype=np.float32).reshape(64, 48)
    views = [np.repeat(picture(64, 48, seed)[..., :1], 3, -1) for seed in (1, 2)]
    info = PictureInfo(Path("a.png"), 16, gray=True, alpha=alpha)
    paths = [tmp_path / "a_L.tif", tmp_path / "a_R.tif"]
    for path, view in zip(paths, views, strict=True):
        write_picture(path, view, info)
    whole = read_pair(*paths)
    pair = read_pair(*paths, ViewOptions(24, swap_views=True))
    assert pair.left.shape == (32, 24, 3)
    assert pair.info is not None
    assert pair.info.alpha is not None
    assert pair.info.alpha.shape == (32, 24)
    assert pair.stored is not None
    for small, full in ((pair.left, whole.right), (pair.right, whole.left)):
        light = srgb_to_linear(small).mean()
        assert light == pytest.approx(srgb_to_linear(full).mean(), abs=0.01)
    stored = pair.stored[0].codes().mean() / 65535
    assert stored == pytest.approx(views[1].mean(), abs=0.01)
    assert np.array_equal(read_pair(*paths, ViewOptions(9000)).left, whole.left)
    with pytest.raises(OptionError, match="at least 16x16"):
        read_pair(paths[0], paths[1], ViewOptions(size=16)).reduced(8)
    with pytest.raises(OptionError, match="at least 16"):
        ViewOptions(size=8)


def test_views_that_are_identical_when_reduced_are_named(tmp_path: Path) -> None:
    left = np.full((1000, 1000), 65535, np.uint16)
    right = left.copy()
    right[3, 5] -= 1  # less than a float shows of the mean
    pair_of(tmp_path, left, right)
    views = tmp_path / "a_L.tif", tmp_path / "a_R.tif"
    with pytest.raises(IdenticalViewsError, match=r"a_L\.tif and .*a_R\.tif are identical"):
        read_pair(*views, ViewOptions(16))


def test_swapped_views_are_named_as_they_are(tmp_path: Path) -> None:
    for name, seed in (("a_L.png", 1), ("a_R.png", 2)):
        write_picture(tmp_path / name, picture(seed=seed))
    swapped = ViewOptions(swap_views=True)
    pair = read_pair(tmp_path / "a_R.png", tmp_path / "a_L.png", swapped)
    assert pair.warnings == ()
    assert np.array_equal(pair.left, read_picture(tmp_path / "a_L.png").srgb())
