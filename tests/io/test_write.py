"""Writing: exact numbers, the right format and depth, and whole files or none."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.errors import (
    InvalidPictureError,
    OptionError,
    OutputExistsError,
    UnsupportedFormatError,
    UnwritableOutputError,
)
from dpdeblur.io import READABLE, WRITABLE, PictureInfo, check_output, read_picture, write_picture

Array = NDArray[Any]


def picture(height: int = 20, width: int = 31, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def info(**changes: Any) -> PictureInfo:
    return PictureInfo(**{"path": Path("left.png"), "bit_depth": 16, "gray": False, **changes})


def independent_read(path: Path) -> Array:
    """The samples as OpenCV (PNG) or tifffile (TIFF) see them, RGB order."""
    if path.suffix.lower().startswith(".tif"):
        return np.asarray(tifffile.imread(path))
    samples = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert samples is not None
    return samples if samples.ndim == 2 else samples[..., [2, 1, 0, 3][: samples.shape[2]]]


# ---- numbers


@given(
    depth=st.sampled_from([8, 16]),
    extension=st.sampled_from([".png", ".tif", ".TIFF"]),
    channels=st.sampled_from([1, 2, 3, 4]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    data=st.data(),
)
@pytest.mark.slow
def test_reading_and_writing_again_changes_no_sample(
    tmp_path_factory: pytest.TempPathFactory,
    depth: int,
    extension: str,
    channels: int,
    size: tuple[int, int],
    data: st.DataObject,
) -> None:
    kind = np.uint8 if depth == 8 else np.uint16
    samples = data.draw(stn.arrays(kind, (*size, channels)))
    folder = tmp_path_factory.getbasetemp()
    source, target = folder / "source.tif", folder / f"target{extension}"
    tifffile.imwrite(
        source,
        samples if channels > 1 else samples[..., 0],
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in {2, 4} else None,
        metadata=None,
    )
    first = read_picture(source)
    assert write_picture(target, first.srgb(), first.info, overwrite=True) == ()
    again = read_picture(target)
    np.testing.assert_array_equal(again.srgb(), first.srgb())
    assert (again.info.bit_depth, again.info.gray) == (depth, channels < 3)
    if channels in {2, 4}:
        np.testing.assert_array_equal(again.info.alpha, first.info.alpha)
    if channels != 2:  # OpenCV makes gray and alpha RGBA
        stored = independent_read(target)
        np.testing.assert_array_equal(stored, samples.reshape(stored.shape))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_every_number_survives(tmp_path: Path, depth: int, extension: str) -> None:
    full = 2**depth - 1
    numbers = np.arange(full + 1).reshape(16, -1)
    pixels = np.repeat((numbers / full).astype(np.float32)[..., None], 3, -1)
    for gray in (False, True):
        path = tmp_path / f"{gray}{extension}"
        write_picture(path, pixels, info(gray=gray), bit_depth=depth)
        samples = independent_read(path)
        assert samples.dtype == (np.uint8 if depth == 8 else np.uint16)
        assert samples.ndim == (2 if gray else 3)
        np.testing.assert_array_equal(samples if gray else samples[..., 1], numbers)


def test_values_are_clipped_and_rounded(tmp_path: Path) -> None:
    pixels = np.zeros((1, 4, 3), np.float32)
    pixels[0] = np.array([-0.5, 1.5, 100.4 / 255, 100.6 / 255])[:, None]
    write_picture(tmp_path / "a.png", pixels, bit_depth=8)
    assert independent_read(tmp_path / "a.png")[0, :, 0].tolist() == [0, 255, 100, 101]


def test_memory_layout_of_the_array_does_not_matter(tmp_path: Path) -> None:
    pixels = picture()
    for n, extension in enumerate([".png", ".tif", ".jpg"]):
        expected, turned = tmp_path / f"{n}{extension}", tmp_path / f"t{n}{extension}"
        write_picture(expected, np.ascontiguousarray(pixels.swapaxes(0, 1)[::-1]))
        write_picture(turned, pixels.swapaxes(0, 1)[::-1])
        assert expected.read_bytes() == turned.read_bytes()


@pytest.mark.parametrize(
    ("like", "asked", "expected"),
    [(None, None, 16), (8, None, 8), (16, None, 16), (8, 16, 16), (16, 8, 8)],
)
def test_bit_depth(tmp_path: Path, like: int | None, asked: int | None, expected: int) -> None:
    source = None if like is None else info(bit_depth=like)
    for extension in (".png", ".tif"):
        path = tmp_path / f"a{extension}"
        write_picture(path, picture(), source, bit_depth=asked)
        assert independent_read(path).dtype.itemsize * 8 == expected


def test_jpeg_is_8_bits_quality_95_with_full_chroma(tmp_path: Path) -> None:
    smooth = np.asarray(cv2.GaussianBlur(picture(64, 80), (0, 0), 3), np.float32)
    write_picture(tmp_path / "a.jpg", smooth, info(bit_depth=16), bit_depth=16)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "JPEG"
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
        reference = io.BytesIO()
        image.save(reference, "JPEG", quality=95)
        with Image.open(reference) as other:
            assert image.quantization == other.quantization  # type: ignore[attr-defined]
        assert np.abs(np.asarray(image) / 255 - smooth).max() < 0.02


def test_jpeg_of_a_gray_picture_is_gray_and_drops_alpha(tmp_path: Path) -> None:
    alpha = np.full((20, 31), 0.5, np.float32)
    warnings = write_picture(tmp_path / "a.jpeg", picture(), info(gray=True, alpha=alpha))
    assert len(warnings) == 1
    assert "transparency" in warnings[0]
    with Image.open(tmp_path / "a.jpeg") as image:
        assert image.mode == "L"
    opaque = info(alpha=np.ones((20, 31), np.float32))
    assert write_picture(tmp_path / "b.jpeg", picture(), opaque) == ()


def test_alpha_of_another_size_is_left_out_with_a_warning(tmp_path: Path) -> None:
    warnings = write_picture(tmp_path / "a.png", picture(), info(alpha=np.ones((3, 3), np.float32)))
    assert len(warnings) == 1
    assert independent_read(tmp_path / "a.png").shape == (20, 31, 3)


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    for extension in WRITABLE:
        files = [tmp_path / f"{n}{extension}" for n in range(2)]
        for file in files:
            write_picture(file, picture())
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 4), np.float32),
        np.zeros((0, 4, 3), np.float32),
        np.full((4, 4, 3), np.nan, np.float32),
        np.full((4, 4, 3), 255, np.uint8),
    ],
)
def test_arrays_that_are_no_picture(tmp_path: Path, pixels: NDArray[np.float32]) -> None:
    with pytest.raises(InvalidPictureError):
        write_picture(tmp_path / "new" / "a.png", pixels)
    assert list(tmp_path.iterdir()) == []


def test_impossible_depth(tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        write_picture(tmp_path / "a.png", picture(), bit_depth=12)


# ---- files


@pytest.mark.parametrize("name", ["ein bild.png", "写真 é.tif", "new/folder/a.JPG"])
def test_unusual_names_and_new_folders(tmp_path: Path, name: str) -> None:
    write_picture(tmp_path / name, picture())
    assert read_picture(tmp_path / name).srgb().shape == (20, 31, 3)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / name]


def test_an_existing_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    for attempt in (
        lambda: write_picture(path, picture()),
        lambda: check_output(path, overwrite=False),
    ):
        with pytest.raises(OutputExistsError):
            attempt()
    assert path.read_bytes() == b"precious"
    check_output(path, overwrite=True)
    write_picture(path, picture(), overwrite=True)
    assert read_picture(path).info.bit_depth == 16


def test_inputs_are_never_outputs_by_whatever_name(tmp_path: Path) -> None:
    source, other = tmp_path / "in.png", tmp_path / "other.png"
    for file in (source, other):
        file.write_bytes(b"precious")
    (tmp_path / "hard.png").hardlink_to(source)
    (tmp_path / "soft.png").symlink_to(source)
    (tmp_path / "folder").mkdir()
    for name in ("in.png", "hard.png", "soft.png", "folder/../in.png"):
        with pytest.raises(UnwritableOutputError, match="inputs"):
            check_output(tmp_path / name, overwrite=True, inputs=[other, source])
    check_output(other, overwrite=True, inputs=[source, tmp_path / "missing.png"])
    check_output(tmp_path / "new.png", overwrite=False, inputs=[source])
    with pytest.raises(UnwritableOutputError, match="inputs"):
        check_output(
            tmp_path / "missing.png", overwrite=False, inputs=[tmp_path / "folder/../missing.png"]
        )


@pytest.mark.parametrize("where", ["write_bytes", "replace"])
@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_in_the_middle_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, trouble: BaseException
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    begun: list[Path] = []

    def fail(self: Path, *args: object) -> None:
        with self.open("wb") as file:
            file.write(b"half a pic")
        begun.append(self)
        raise trouble

    expected = UnwritableOutputError if isinstance(trouble, OSError) else KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(Path, where, fail)
        with pytest.raises(expected):
            write_picture(path, picture(), overwrite=True)
    assert [file.parent for file in begun] == [tmp_path]
    assert begun != [path]
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"precious"


def test_a_file_that_appears_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    write = Path.write_bytes

    def slow(self: Path, data: bytes) -> int:
        write(path, b"somebody else's")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", slow)
    with pytest.raises(OutputExistsError):
        write_picture(path, picture())
    assert path.read_bytes() == b"somebody else's"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_take_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path in (
        tmp_path / "folder.png",
        tmp_path / "file" / "a.png",
        tmp_path / "file" / "deeper" / "a.png",
        tmp_path / ("n" * 300 + ".png"),
    ):
        with pytest.raises(UnwritableOutputError):
            check_output(path, overwrite=True)
        with pytest.raises(UnwritableOutputError):
            write_picture(path, picture(), overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.png"]


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Simulated, as tests may run as root.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UnwritableOutputError, match="no permission to write"):
        check_output(tmp_path / "new" / "a.png", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_checking_writes_nothing(tmp_path: Path) -> None:
    check_output(tmp_path / "new" / "a.png", overwrite=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.bak"])
def test_unknown_extensions(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"\.png, \.tif"):
        write_picture(tmp_path / name, picture())
    with pytest.raises(UnsupportedFormatError):
        check_output(tmp_path / name, overwrite=True)


def test_what_is_written_can_be_read() -> None:
    assert set(WRITABLE) <= set(READABLE)


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_integers_of_16_bits_give_the_file_that_floats_do(tmp_path: Path, bit_depth: int) -> None:
    pixels = np.random.default_rng(0).random((300, 20, 3), dtype=np.float32)
    like = PictureInfo(tmp_path / "like.png", bit_depth, gray=False)
    rounded = np.rint(pixels * np.float32(65535)).astype(np.uint16)
    files = [tmp_path / "floats.png", tmp_path / "integers.png"]
    for path, samples in zip(files, (pixels, rounded), strict=True):
        write_picture(path, samples, like)
    assert files[0].read_bytes() == files[1].read_bytes()
