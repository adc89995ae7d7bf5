"""Splitting and developing: exact arithmetic, LibRaw's own pictures, true colours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rawpy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dpdeblur.colour import combine, linear_to_srgb, srgb_to_linear
from dpdeblur.errors import (
    IdenticalViewsError,
    OptionError,
    PictureTooSmallError,
    SingleFrameError,
)
from dpdeblur.io import exif, turn
from dpdeblur.raw import (
    DEFAULT_SIZE,
    Darkroom,
    RawOptions,
    develop,
    examine_raw,
    finish,
    imbalance,
    open_raw,
    parse_size,
    read_raw_pair,
)
from dpdeblur.raw.balance import NO_BALANCE, Balance, measure_balance
from dpdeblur.raw.frames import Frame
from dpdeblur.raw.light import clip_level
from dpdeblur.raw.photo import Area
from dpdeblur.raw.split import split
from support.cr2_writer import (
    MASKED_LEFT,
    MASKED_TOP,
    MASKED_VISIBLE,
    dual_pixel_frames,
    masked_frame,
    to_mosaic,
    write_cr2,
)
from support.dual_pixel_raw import BLACK, WHITE, camera_colours, smooth_scene, write_scene

PLAIN = RawOptions(balance=False)
RGGB = np.array([[0, 1], [1, 2]])


def frame(mosaic: NDArray[Any], black: int) -> Frame:
    return Frame(mosaic, np.full((2, 2), black), RGGB)


def in_house(path: Path, **changes: Any) -> NDArray[np.uint16]:
    """Frame 0 as any user of rawpy would develop it: one call, not this package's steps."""
    with rawpy.imread(io.BytesIO(path.read_bytes())) as raw:
        wanted = {
            "user_wb": raw.camera_whitebalance,
            "user_sat": WHITE - BLACK,
            "output_bps": 16,
            "gamma": (1, 1),
            "no_auto_bright": True,
            "adjust_maximum_thr": 0.0,
        }
        return raw.postprocess(**wanted | changes)


# ---- the split


@given(
    one=st.integers(0, 6000),
    other=st.integers(0, 6000),
    blacks=st.tuples(st.integers(0, 2048), st.integers(0, 2048)),
)
def test_sides_are_recovered_exactly(one: int, other: int, blacks: tuple[int, int]) -> None:
    shape = (6, 7)
    first = frame(np.full(shape, one + other + blacks[0], np.uint16), blacks[0])
    second = frame(np.full(shape, one + blacks[1], np.uint16), blacks[1])
    sides = split(first, second, WHITE, NO_BALANCE)
    assert np.array_equal(sides[0], np.full(shape, blacks[0] + 2 * one))
    assert np.array_equal(sides[1], np.full(shape, blacks[0] + 2 * other))


def test_each_site_has_its_black() -> None:
    blacks = np.array([[500, 510], [520, 530]])
    light = np.random.default_rng(0).integers(0, 5000, (2, 8, 10))
    black = np.tile(blacks, (4, 5))
    first = Frame((light.sum(0) + black).astype(np.uint16), blacks, RGGB)
    second = frame((light[0] + 300).astype(np.uint16), 300)
    sides = split(first, second, WHITE, NO_BALANCE)
    for side, expected in zip(sides, light, strict=True):
        assert np.array_equal(side, black + 2 * expected)


def test_clipped_pixels_are_white_on_both_sides() -> None:
    both = np.array([[13000, 5000, 13422, 13400]] * 2, np.uint16)
    one = np.array([[8000, 2500, 9000, 13000]] * 2, np.uint16)
    first, second = frame(both, BLACK), frame(one, BLACK)
    clip = clip_level(first, WHITE)
    assert clip == 13422
    left, right = split(first, second, clip, NO_BALANCE)
    assert left[0].tolist() == [2 * 8000 - BLACK, 2 * 2500 - BLACK, clip, clip]
    assert (
        right[0].tolist()
        == [2 * 13000 - 2 * 8000 + BLACK, 2 * 5000 - 2 * 2500 + BLACK] + [clip] * 2
    )


def test_dark_pictures_are_not_taken_for_clipped() -> None:
    assert clip_level(frame(np.array([[9000]], np.uint16), BLACK), WHITE) == WHITE
    assert clip_level(frame(np.full((9, 9), 9000, np.uint16), BLACK), WHITE) == WHITE


def photographed(shape: tuple[int, int], brightest: float, kind: str = "hills") -> NDArray[Any]:
    """A scene with the light's own noise, up to about `brightest` above black, unclipped."""
    y, x = (np.arange(size) for size in shape)
    scene = {
        "hills": 0.5 + 0.5 * np.sin(x / 9) * np.cos(y / 13)[:, None],
        "ramp": np.broadcast_to(x / shape[1], shape),
        "wall": np.broadcast_to(np.where(x > shape[1] / 2, 1, 0.2), shape),
    }[kind]
    noise = np.random.default_rng(0).normal(0, 1, shape)
    return scene * brightest + noise * np.sqrt(scene * brightest / 5 + 9) + BLACK


def numbers(values: NDArray[Any], top: int = WHITE) -> Frame:
    return frame(np.rint(values).clip(0, top).astype(np.uint16), BLACK)


@pytest.mark.parametrize("shape", [(60, 80), (1000, 1500)])
@pytest.mark.parametrize("kind", ["hills", "ramp", "wall"])
@pytest.mark.parametrize("brightest", [9000, 12500, 13500, 15000])
def test_bright_pictures_are_not_taken_for_clipped(
    shape: tuple[int, int], kind: str, brightest: float
) -> None:
    """So that their exposure does not hang on the brightest light in them."""
    assert clip_level(numbers(photographed(shape, brightest, kind)), WHITE) == WHITE


@pytest.mark.parametrize("shape", [(60, 80), (1000, 1500)])
@pytest.mark.parametrize("top", [13105, 13422, 15500, WHITE])
@pytest.mark.parametrize("hot", [0, 1])
@pytest.mark.slow
def test_clipped_pictures_are(shape: tuple[int, int], top: int, hot: int) -> None:
    """However far below the white level, and though one hot pixel is above."""
    clipped = numbers(photographed(shape, 20000), top)
    clipped.mosaic[30, 40:][:hot] = min(top + 1400, WHITE)
    assert clip_level(clipped, WHITE) == top
    few = numbers(photographed(shape, 9000))
    few.mosaic[20:26, 20:26] = top  # a reflection of the sun
    assert clip_level(few, WHITE) == top


def test_clipping_need_not_be_sharp() -> None:
    values = photographed((300, 400), 20000).clip(0, 13105)
    values += np.random.default_rng(1).normal(0, 8, values.shape)
    assert clip_level(numbers(values), WHITE) == pytest.approx(13105, abs=45)


def shaded(shape: tuple[int, int] = (256, 384)) -> tuple[Frame, Frame, NDArray[Any], NDArray[Any]]:
    """A scene with parallax whose sides are shaded in opposite ways, colour by colour."""
    rng = np.random.default_rng(0)
    scene = rng.uniform(0.1, 0.9, (shape[0] // 8, shape[1] // 8 + 1)).repeat(8, 0).repeat(8, 1)
    y, x = ((np.arange(n) + 0.5) / n * 2 - 1 for n in shape)
    tone = np.array([0.04, 0.05, 0.07])[to_mosaic(np.arange(3) + np.zeros((*shape, 3), int))]
    difference = tone * (x + 0.2 * y[:, None] - 0.3 * x * y[:, None]) + 0.01
    one, other = scene[:, : shape[1]], scene[:, 3 : shape[1] + 3]
    frames = dual_pixel_frames(
        one * (1 + difference), other * (1 - difference), blacks=(BLACK, 300), scale=12000
    )
    first, second = (frame(f, black) for f, black in zip(frames, (BLACK, 300), strict=True))
    return first, second, one, other


def test_shading_is_evened_out() -> None:
    first, second, one, other = shaded()
    balance = measure_balance(first, second, WHITE)
    assert balance.strongest == pytest.approx(0.07 * 1.5 - 0.01, abs=0.01)
    for side, truth in zip(split(first, second, WHITE, balance), (one, other), strict=True):
        ratio = (side.astype(float) - BLACK) / (12000 * truth)
        blocks = ratio.reshape(8, 32, 8, 48).mean((1, 3))
        np.testing.assert_allclose(blocks, 1, atol=0.012)
    off = split(first, second, WHITE, NO_BALANCE)[0]
    assert np.ptp((off - BLACK) / (12000 * one)) > 0.15


def test_balance_leaves_an_even_picture_alone(tmp_path: Path) -> None:
    left, right = smooth_scene()
    write_scene(tmp_path / "a.cr2", (left + right) / 2, (left + right) / 2)
    assert imbalance(open_raw(tmp_path / "a.cr2")) < 1e-3


@pytest.mark.parametrize("dark", [20, 40, 100])
@pytest.mark.parametrize("error", [0, 1, 2, 4])
def test_the_night_is_not_what_sides_are_evened_out_by(dark: int, error: int) -> None:
    """A black level that is off matters most where there is no light, which is most of a night."""
    rng = np.random.default_rng(0)
    light = np.full((480, 720), dark)
    light[100:300, 200:500] = 6000
    first, second = (
        frame(np.rint(values + rng.normal(0, noise, light.shape)).astype(np.uint16), BLACK)
        for values, noise in ((light + BLACK, 8), (light // 2 + BLACK + error, 6))
    )
    assert measure_balance(first, second, WHITE).strongest < 0.016
    assert abs(measure_balance(first, second, WHITE).coefficients[:, 0]).max() < 0.002


@pytest.mark.parametrize("seed", range(3))
def test_what_is_lit_says_little_of_the_dark_around_it(seed: int) -> None:
    """Disparity looks like shading; carried on from a lit corner it would grow without end."""
    rng = np.random.default_rng(seed)
    scene = rng.uniform(0.05, 1, (19, 20)).repeat(16, 0).repeat(16, 1)[:300]
    one, other = np.full((2, 960, 1440), 30.0)
    one[100:400, 100:400] += 3000 * scene[:, :300]
    other[100:400, 100:400] += 3000 * scene[:, 8:308]
    first, second = (numbers(light + BLACK) for light in (one + other, one))
    balance = measure_balance(first, second, WHITE)
    assert balance.strongest < 0.1
    dark = np.s_[500:, 500:]
    for side, truth in zip(split(first, second, WHITE, balance), (one, other), strict=True):
        assert (side[dark] - BLACK) / 2 == pytest.approx(truth[dark], rel=0.1)


def test_balance_of_next_to_nothing() -> None:
    dark = frame(np.full((32, 48), BLACK, np.uint16), BLACK)
    assert measure_balance(dark, dark, WHITE).strongest == 0
    tiny = np.full((2, 2), 9000, np.uint16)
    assert measure_balance(frame(tiny, 0), frame(tiny // 2, 0), WHITE).strongest < 0.01


# ---- developing


def test_the_black_level_is_that_of_the_file(tmp_path: Path) -> None:
    """512 in both frames of a 5D Mark IV, but 2048 at some sensitivities."""
    made = []
    for black in (512, 2048):
        path = tmp_path / f"{black}.cr2"
        write_scene(path, *smooth_scene(), scale=WHITE - black, black=black)
        photo = open_raw(path)
        assert [frame.black.tolist() for frame in photo.frames] == [[[black] * 2] * 2] * 2
        assert photo.warnings == ()
        made.append(develop(photo, PLAIN, combined=True)[0])
    for name, picture in made[0].items():  # all that is left is the rounding of the numbers
        assert np.abs(picture.astype(int) - made[1][name]).mean() < 10


@pytest.mark.parametrize("half", [False, True])
def test_frame_0_is_developed_as_by_anyone(tmp_path: Path, half: bool) -> None:
    path = tmp_path / "a.cr2"
    write_scene(path, *smooth_scene(), white_balance=(2100, 1024, 1024, 1500), scale=11000)
    photo = open_raw(path)
    reference = in_house(path, half_size=half)
    room = Darkroom(photo, half=half)
    for _ in range(2):
        assert np.array_equal(room.develop(photo.frames[0].mosaic), reference)
    pictures, _ = develop(photo, RawOptions(half=half), combined=True)
    assert np.array_equal(pictures["combined"], reference)


def test_the_sum_of_the_views_is_the_ordinary_picture(tmp_path: Path) -> None:
    """At half size nothing is interpolated, so it holds pixel by pixel up to rounding."""
    path = tmp_path / "a.cr2"
    write_scene(path, *map(camera_colours, smooth_scene()), scale=11000)
    for half, worst, mean in ((True, 4, 1), (False, 400, 20)):
        pictures, _ = develop(open_raw(path), RawOptions(half=half, balance=False), combined=True)
        left, right, combined = (
            pictures[name].astype(float) for name in ("left", "right", "combined")
        )
        assert abs(left - right).mean() > 1000
        difference = abs((left + right) / 2 - combined)[2:-2, 2:-2]
        assert difference.max() <= worst
        assert difference.mean() <= mean
        views = read_raw_pair(path, RawOptions(half=half, balance=False))
        encoded = finish(pictures["combined"])
        np.testing.assert_allclose(
            views.combined()[2:-2, 2:-2], encoded[2:-2, 2:-2], atol=1e-4 if half else 0.01
        )


@pytest.mark.parametrize("white_balance", [(1024, 1024, 1024, 1024), (2100, 1024, 1024, 1500)])
def test_colours_are_true(tmp_path: Path, white_balance: tuple[int, int, int, int]) -> None:
    """The camera's numbers made from sRGB by its matrix and white balance give that sRGB again."""
    path = tmp_path / "a.cr2"
    gains = np.array(white_balance)[[0, 1, 3]] / 1024
    views = smooth_scene()
    write_scene(
        path,
        *(camera_colours(view) / gains for view in views),
        scale=10000,
        white_balance=white_balance,
    )
    pictures, warnings = develop(open_raw(path), PLAIN)
    assert warnings == ()
    for name, view in zip(("left", "right"), views, strict=True):
        got = pictures[name] / 65535 * (WHITE - BLACK) / 10000
        np.testing.assert_allclose(got[4:-4, 4:-4], view[4:-4, 4:-4], atol=2e-3)


def test_encoding_is_srgb(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    write_scene(path, *smooth_scene())
    pictures, _ = develop(open_raw(path), PLAIN, combined=True)
    encoded = finish(pictures["combined"])
    np.testing.assert_allclose(encoded, in_house(path, gamma=(2.4, 12.92)) / 65535, atol=1e-4)
    linear = finish(pictures["combined"], linear=True)
    np.testing.assert_allclose(linear_to_srgb(linear), encoded, atol=1e-6)


def test_highlights_stay_neutral(tmp_path: Path) -> None:
    """A camera that clips at 13422, far below the white level; one side goes on above it."""
    path = tmp_path / "a.cr2"
    left, right = (np.full((64, 96, 3), value) for value in (0.3, 0.2))
    left[:, 40:], right[:, 40:] = 0.95, 0.75
    frames = [
        np.minimum(to_mosaic(light * 15871) + BLACK, top).astype(np.uint16)
        for light, top in (((left + right) / 2 * 1.1, 13422), (left / 2 * 1.1, WHITE))
    ]
    write_cr2(
        path,
        frames,
        black=BLACK,
        white_balance=(2100, 1024, 1024, 1500),
        sensor_info=(0, 0, 95, 63),
    )
    photo = open_raw(path)
    assert photo.clip == 13422
    pictures, _ = develop(photo, PLAIN, combined=True)
    for picture in pictures.values():
        assert picture[8:-8, 50:-8].min() > 65400
        assert picture[8:-8, 8:30, 1].max() < 30000


def test_portraits_turn_as_librarws_do(tmp_path: Path) -> None:
    for tag in (1, 3, 6, 8):
        path = tmp_path / f"{tag}.cr2"
        write_scene(path, *smooth_scene(), orientation=tag)
        photo = open_raw(path)
        picture = develop(photo, PLAIN, combined=True)[0]["combined"]
        assert picture.shape == (96, 128, 3)  # the network gets the sensor's rows
        assert np.array_equal(turn(picture, photo.header.orientation), in_house(path))
        assert read_raw_pair(path).info.orientation == tag


def test_the_cameras_crop(tmp_path: Path) -> None:
    """A file whose crop is 3 columns and 2 rows narrower at the left and top than what is visible.

    Only sizes in LibRaw's table have both; this one has a visible part but no crop.
    """
    from dpdeblur.raw.photo import _crop

    sizes = rawpy.ImageSizes(
        *(4544, 6880, 4502, 6744, 42, 136, 4502, 6744, 1.0, 0, 148, 54, 6720, 4480)
    )
    crop = _crop(sizes)
    assert (crop.top, crop.left, crop.height, crop.width) == (12, 12, 4480, 6720)
    assert crop.reduced(2).window == np.s_[6:2246, 6:3366]
    for nonsense in ((0, 0, 0, 0), (0, 0, 9999, 9999)):
        whole = _crop(sizes._replace(**dict(zip(sizes._fields[-4:], nonsense, strict=True))))
        assert (whole.top, whole.left, whole.height, whole.width) == (0, 0, 4502, 6744)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.slow
def test_the_cameras_crop_through_libraw(tmp_path: Path, half: bool) -> None:
    path = tmp_path / "a.cr2"
    visible = np.random.default_rng(0).uniform(0.2, 0.4, (181, 272)).repeat(8, 0).repeat(8, 1)
    frames = dual_pixel_frames(visible, np.roll(visible, 2, 1), blacks=(512, 300))
    write_cr2(
        path,
        [masked_frame(f, b) for f, b in zip(frames, (512, 300), strict=True)],
        sensor_info=(MASKED_LEFT + 12, MASKED_TOP + 12, MASKED_LEFT + 2111, MASKED_TOP + 1411),
        white_balance=(2100, 1024, 1024, 1500),
    )
    photo = open_raw(path)
    assert (photo.visible.height, photo.visible.width) == MASKED_VISIBLE
    assert photo.crop == Area(12, 12, 1400, 2100)
    pictures, _ = develop(photo, RawOptions(half=half, balance=False), combined=True)
    window = np.s_[6:706, 6:1056] if half else np.s_[12:1412, 12:2112]
    expected = in_house(path, half_size=half)[window]
    assert np.array_equal(pictures["combined"], expected)
    assert pictures["left"].shape == pictures["right"].shape == expected.shape
    if half:  # where nothing is interpolated
        mean = (pictures["left"].astype(float) + pictures["right"]) / 2
        assert abs(mean - expected).max() <= 4


@pytest.mark.slow
def test_masked_columns_are_no_part_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    visible = np.random.default_rng(0).uniform(0.2, 0.5, (181, 272)).repeat(8, 0).repeat(8, 1)
    frames = dual_pixel_frames(visible, np.roll(visible, 2, 1), blacks=(512, 300))
    write_cr2(path, [masked_frame(f, b) for f, b in zip(frames, (512, 300), strict=True)])
    views = read_raw_pair(path, RawOptions(half=True))
    assert views.left.shape == (724, 1088, 3)
    assert views.left[:, :4].mean() == pytest.approx(views.left.mean(), rel=0.1)


def test_without_a_white_balance_daylight_is_taken_for_all(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    first, second = dual_pixel_frames(*(to_mosaic(view) for view in smooth_scene()), blacks=(0, 0))
    write_cr2(path, [first, second])
    pictures, warnings = develop(
        open_raw(path), RawOptions(half=True, balance=False), combined=True
    )
    (warning,) = warnings
    assert "white balance" in warning
    mean = (pictures["left"].astype(float) + pictures["right"]) / 2
    unclipped = pictures["combined"].max(-1) < 30000
    assert abs(mean - pictures["combined"])[unclipped].max() <= 4


def test_sides_and_their_exchange(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    left, right = smooth_scene()
    write_scene(path, left, right)
    views = read_raw_pair(path, PLAIN)
    swapped = read_raw_pair(path, RawOptions(balance=False, swap_views=True))
    assert not views.toned  # no camera has laid its curve over it
    assert np.array_equal(views.left, swapped.right)
    assert np.array_equal(views.right, swapped.left)
    assert (
        abs(srgb_to_linear(views.left) - left).mean()
        < abs(srgb_to_linear(views.left) - right).mean()
    )
    assert (PLAIN.side_of_frame_1, RawOptions(swap_views=True).side_of_frame_1) == ("left", "right")


def test_the_working_width(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    scene = smooth_scene(192, 256)
    write_scene(path, *scene)
    whole = read_raw_pair(path, PLAIN)
    assert np.array_equal(read_raw_pair(path, RawOptions(256, balance=False)).left, whole.left)
    assert np.array_equal(read_raw_pair(path, RawOptions(9000, balance=False)).left, whole.left)
    reduced = read_raw_pair(path, RawOptions(64, balance=False))
    assert reduced.left.shape == (48, 64, 3)
    # Light is averaged as light: as the mean of 4 x 4 pixels in linear light.
    light = srgb_to_linear(whole.left).reshape(48, 4, 64, 4, 3).mean((1, 3))
    np.testing.assert_allclose(
        srgb_to_linear(reduced.left)[2:-2, 2:-2], light[2:-2, 2:-2], atol=2e-3
    )
    np.testing.assert_allclose(reduced.combined(), combine(reduced.left, reduced.right), atol=1e-6)
    with pytest.raises(OptionError, match=r"^size: 16 makes .*a\.cr2 16x12 pixels; at least"):
        read_raw_pair(path, RawOptions(16))


def test_a_sensor_that_is_too_small(tmp_path: Path) -> None:
    write_scene(tmp_path / "a.cr2", *smooth_scene(24, 32))
    for options in (RawOptions(half=True), RawOptions(half=True, size=1680)):
        with pytest.raises(PictureTooSmallError):
            read_raw_pair(tmp_path / "a.cr2", options)


def test_views_that_develop_to_the_same_picture(tmp_path: Path) -> None:
    write_scene(tmp_path / "a.cr2", *2 * [np.full((96, 128, 3), 0.4)])
    with pytest.raises(IdenticalViewsError, match=r"The views of .*a\.cr2 are identical"):
        read_raw_pair(tmp_path / "a.cr2")


def test_reduction_makes_no_dark_rims() -> None:
    light = np.full((64, 64, 3), 2000, np.uint16)
    light[30:34, 30:34] = 65535
    assert finish(light, size=24, linear=True).min() >= 2000 / 65535 - 1e-6


@pytest.mark.parametrize("text", ["wide", "-5", "", "1e3", "\N{SUPERSCRIPT TWO}", "9" * 5000])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(OptionError):
        parse_size(text)


def test_sizes() -> None:
    assert (parse_size("full"), parse_size("1680"), parse_size(None)) == (None, 1680, DEFAULT_SIZE)
    with pytest.raises(OptionError):
        RawOptions(size=15)


def test_what_the_pictures_carry(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    write_scene(path, *smooth_scene(), orientation=6)
    source = read_raw_pair(path).info
    assert (source.bit_depth, source.gray, source.path) == (16, False, path)
    directory = exif.parse(source.exif or b"")
    assert exif.orientation(directory) == 1
    photo = directory[exif.EXIF_IFD]
    assert isinstance(photo, dict)
    assert photo[0x829A] == exif.Entry(5, 1, b"\x01\0\0\0\xfa\0\0\0")  # 1/250 s
    assert photo[0xA001] == exif.short(1)  # sRGB
    assert not {0x927C, 0xA002, 0xA003} & photo.keys()
    assert source.icc is not None


def test_an_unusable_photo_is_not_developed(tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    write_cr2(path, [to_mosaic(np.full((48, 64, 3), 900, np.uint16))])
    photo = examine_raw(path)
    for work in (lambda: develop(photo, PLAIN), lambda: imbalance(photo)):
        with pytest.raises(SingleFrameError):
            work()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
@pytest.mark.slow
def test_any_two_sides_are_split_as_one_pixel_after_the_other(seed: int) -> None:
    """Whatever the sensor's numbers, also below black and clipped."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 8192, (2, 20, 26))
    first = frame(np.minimum(one + other, WHITE).astype(np.uint16), int(rng.integers(0, 3000)))
    second = frame(one.astype(np.uint16), int(rng.integers(0, 3000)))
    clip = clip_level(first, WHITE)
    for balance in (NO_BALANCE, measure_balance(first, second, clip)):
        expected = np.array(
            [
                [split_pixel(first, second, clip, balance, row, column) for column in range(26)]
                for row in range(20)
            ]
        )
        for number, side in enumerate(split(first, second, clip, balance)):
            assert side.dtype == np.uint16
            np.testing.assert_allclose(side, expected[..., number], atol=1)


def split_pixel(
    first: Frame, second: Frame, clip: int, balance: Balance, row: int, column: int
) -> tuple[float, float]:
    """One pixel of both sides, in plain numbers."""
    black, black_of_one = (int(f.black[row % 2, column % 2]) for f in (first, second))
    both, one = int(first.mosaic[row, column]) - black, int(second.mosaic[row, column])
    one -= black_of_one
    if both >= 0.99 * (clip - black):
        return clip, clip
    height, width = first.mosaic.shape
    x, y = 2 * (column + 0.5) / width - 1, 2 * (row + 0.5) / height - 1
    factors = balance.coefficients[RGGB[row % 2, column % 2]]
    difference = float(factors @ [1, x, y, x * y, x * x, y * y])
    low, high = balance.limits[RGGB[row % 2, column % 2]]
    difference = min(max(difference, low), high)
    sides = (2 * one / (1 + difference), 2 * (both - one) / (1 - difference))
    first_side, second_side = (min(max(black + side, 0), 65535) for side in sides)
    return first_side, second_side
