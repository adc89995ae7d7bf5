"""`dpdeblur calibrate` as a user types it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.calibration import blur_radius, disparity
from dpdeblur.colour import linear_to_srgb
from dpdeblur.optics import Calibration, read_calibration, write_calibration
from support.authors_folder import authors_folder
from support.command import failure, run
from support.dot_shots import HEIGHT, WIDTH, take

calibrate = partial(run, "calibrate")


def save(path: Path, light: NDArray[np.float64], *, raw: bool = False) -> Path:
    """Linear light as a gray 16-bit picture: sRGB, or raw numbers of 14 bits above 1024."""
    numbers = 1024 + 16383 * light if raw else 65535 * linear_to_srgb(light)
    Image.fromarray(np.rint(numbers).astype(np.uint16)).save(path)
    return path


def write_shots(folder: Path, *, raw: bool = False) -> list[Path]:
    """Left, right, sharp, and the white sheets."""
    taken = take()
    parts = (taken.left, taken.right, taken.sharp, *taken.whites)
    names = ("l", "r", "s", "wl", "wr")
    return [
        save(folder / f"{name}.png", part, raw=raw) for name, part in zip(names, parts, strict=True)
    ]


class TestSolve:
    @pytest.mark.parametrize("raw", [False, True])
    @pytest.mark.slow
    def test_files_in_calibration_out(self, tmp_path: Path, raw: bool) -> None:
        left, right, sharp, *whites = write_shots(tmp_path, raw=raw)
        out = tmp_path / "new" / "camera.npz"
        given = ["--white-left", whites[0], "--white-right", whites[1], "--grid", "2x3"]
        if raw:
            given += ["--black", 1024, "--white", 16383]
        result = calibrate("solve", left, right, sharp, *given, "-o", out)
        assert result.exit_code == 0, result.stderr
        assert "2x3 tiles, kernels of 21 px" in result.stdout
        assert f"For pictures of {WIDTH}x{HEIGHT}" in result.stdout
        assert "left/right by tile, in %" in result.stdout
        found = read_calibration(out)
        true = take().kernels
        assert found.frame == (HEIGHT, WIDTH)
        assert found.levels == ((1024, 16383) if raw else None)
        assert found.radius == pytest.approx(blur_radius(*true), rel=0.02)
        np.testing.assert_allclose(disparity(found.left, found.right), disparity(*true), atol=0.1)
        np.testing.assert_allclose(found.match_right(HEIGHT, WIDTH), take().ratio, rtol=0.02)

    @pytest.mark.slow
    def test_json(self, tmp_path: Path) -> None:
        shots = write_shots(tmp_path)[:3]
        out = tmp_path / "c.npz"
        result = calibrate(
            "solve", *shots, "--grid", "1x1", "--kernel-size", 15, "-o", out, "--json"
        )
        data = json.loads(result.stdout)
        assert data["output"] == str(out)
        assert data["tiles"] == [1, 1]
        assert data["kernel_size"] == 15
        assert data["radius"] == read_calibration(out).radius
        assert np.shape(data["residual_percent"]) == (1, 1, 2)
        assert set(data) >= {"disparity", "ratio", "frame", "levels", "spacing", "drift"}
        assert "already exists" in failure(calibrate("solve", *shots, "--grid", "1x1", "-o", out))
        again = calibrate("solve", *shots, "--grid", "1x1", "-o", out, "--overwrite", "--quiet")
        assert (again.exit_code, again.stdout, again.stderr) == (0, "", "")
        assert read_calibration(out).left.shape == (1, 1, 21, 21)

    @pytest.mark.slow
    def test_colour_pictures_give_their_green(self, tmp_path: Path) -> None:
        shots = write_shots(tmp_path)[:3]
        outputs = [tmp_path / f"{name}.npz" for name in ("gray", "colour")]
        rng = np.random.default_rng(0)
        arguments = ("--grid", "1x1", "--kernel-size", 15)
        eight = []
        for path in shots:
            green = (np.asarray(Image.open(path)) // 257).astype(np.uint8)
            Image.fromarray(green).save(path)
            colours = np.stack([rng.integers(0, 200, green.shape, np.uint8), green, green // 2], -1)
            eight.append(path.with_suffix(".tif"))
            Image.fromarray(colours).save(eight[-1])
        for pictures, out in zip((shots, eight), outputs, strict=True):
            result = calibrate("solve", *pictures, *arguments, "-o", out)
            assert result.exit_code == 0, result.stderr
        gray, colour = (read_calibration(out) for out in outputs)
        np.testing.assert_array_equal(gray.left, colour.left)
        mixed = failure(calibrate("solve", shots[0], eight[1], shots[2], "-o", tmp_path / "x.npz"))
        assert f"it is in colour but {shots[0]} is gray" in mixed

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (("--grid", "6"), "--grid: '6' is not two whole numbers"),
            (("--grid", "0x3"), "--grid: '0x3' is not"),
            (("--grid", "65x1"), "more than 64 tiles"),
            (("--kernel-size", "8"), "8 is not an odd number"),
            (("--white-left", "l.png"), "together with --white-right"),
            (("--black", "3"), "together with --white"),
            (("--black", "3", "--white", "2"), "3 and 2 do not satisfy 0 <= black < white"),
            (("--white", "nan"), "0 and nan do not"),
            (("--white", "200"), "is overexposed"),
            (("-o", "c.png"), "unknown format; use one of .npz"),
            (("-o", "l.png/c.npz"), "l.png/c.npz cannot be written"),
        ],
    )
    @pytest.mark.slow
    def test_options_that_cannot_be(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple, sentence: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        write_shots(tmp_path)
        before = sorted(tmp_path.iterdir())
        assert sentence in failure(
            calibrate("solve", "l.png", "r.png", "s.png", "-o", "c.npz", *options)
        )
        assert sorted(tmp_path.iterdir()) == before

    def test_pictures_that_cannot_be(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write_shots(tmp_path)
        taken = take()
        save(tmp_path / "small.png", taken.sharp[:-3])
        save(tmp_path / "flat.png", np.full_like(taken.sharp, 0.3))
        save(tmp_path / "bright.png", np.clip(2 * taken.sharp, 0, 1))
        save(tmp_path / "black.png", 0 * taken.sharp)
        (tmp_path / "text.png").write_text("no picture")
        for arguments, sentence in (
            (("l.png", "r.png", "small.png"), "differ in size (318x216 and 318x213 pixels)"),
            (("l.png", "l.png", "s.png"), "l.png and l.png are identical"),
            (("l.png", "r.png", "flat.png"), "the same brightness everywhere"),
            (("l.png", "r.png", "bright.png"), "bright.png is overexposed"),
            (("l.png", "r.png", "text.png"), "text.png cannot be read"),
            (("l.png", "r.png", "none.png"), "none.png does not exist"),
            (
                ("l.png", "r.png", "s.png", "--white-left", "wl.png", "--white-right", "black.png"),
                "black.png has black pixels, so it does not show a white sheet; photograph one",
            ),
        ):
            assert sentence in failure(calibrate("solve", *arguments, "-o", "c.npz"))
        assert not (tmp_path / "c.npz").exists()


class TestPattern:
    @pytest.mark.slow
    def test_a_picture_of_dots(self, tmp_path: Path) -> None:
        out = tmp_path / "grid.png"
        result = calibrate("pattern", "-o", out, "--size", "320x200", "--spacing", 40, "--dot", 9)
        assert result.exit_code == 0, result.stderr
        assert "320x200, dots 40 px apart, 9 px wide" in result.stdout
        picture = np.asarray(Image.open(out))
        assert picture.shape == (200, 320, 3)
        assert picture.dtype == np.uint8
        assert (picture[20::40] == 0).all()
        assert (picture[:, ::40] == 0).all()
        assert (picture[40::40, 20::40] == 231).all()  # 80 % of white, in linear light
        rim = np.unique(picture)
        assert len(rim) > 4  # anti-aliased
        assert "already exists" in failure(calibrate("pattern", "-o", out))
        data = json.loads(calibrate("pattern", "-o", out, "--overwrite", "--json").stdout)
        assert data["size"] == [2160, 3840]
        assert data["dot"] == 16

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (("--size", "12"), "two whole numbers"),
            (("--size", "99999x10"), "99999x10 is not between"),
            (("--spacing", 10), "dot: 1.66667 is not between 2 and half the spacing"),
            (("--dot", 60), "60 is not between"),
            (("--spacing", "nan"), "is not between"),
            (("-o", "grid.npz"), "unknown format"),
        ],
    )
    def test_options_that_cannot_be(self, tmp_path: Path, options: tuple, sentence: str) -> None:
        assert sentence in failure(calibrate("pattern", "-o", tmp_path / "g.png", *options))
        assert not (tmp_path / "g.png").exists()


class TestImportAndShow:
    def test_import_then_show(self, tmp_path: Path) -> None:
        authors_folder(tmp_path / "theirs")
        out, drawn = tmp_path / "c.npz", tmp_path / "k.png"
        result = calibrate("import", tmp_path / "theirs", "-o", out)
        assert result.exit_code == 0, result.stderr
        assert "black 1024, white 16383" in result.stdout
        result = calibrate("show", out, "-o", drawn)
        assert result.exit_code == 0, result.stderr
        for part in ("2x3 tiles", "behind focus", "504x336", "black 1024", "left over right 1.0"):
            assert part in result.stdout
        with Image.open(drawn) as picture:
            assert picture.width > 800
        data = json.loads(calibrate("show", out, "--json").stdout)
        calibration = read_calibration(out)
        assert data["radius"] == calibration.radius > 0
        assert data["frame"] == [336, 504]
        assert data["levels"] == [1024, 16383]
        assert data["ratio"]["max"] == pytest.approx(1.2, abs=0.01)
        assert data["disparity"]["mean"] == pytest.approx(
            disparity(calibration.left, calibration.right).mean()
        )
        result = calibrate(
            "import", tmp_path / "theirs", "-o", out, "--overwrite", "--black", 1000, "-q"
        )
        assert result.stdout == ""
        assert read_calibration(out).levels == (1000, 16383)

    def test_a_calibration_of_kernels_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "c.npz"
        kernels = take().kernels.astype(np.float32)
        write_calibration(path, Calibration(kernels[1], kernels[0], -6.0))
        result = calibrate("show", path)
        for part in ("Radius -6.00 px (in front of focus)", "any size", "sRGB", "No vignetting"):
            assert part in result.stdout
        data = json.loads(calibrate("show", path, "--json").stdout)
        assert (data["frame"], data["levels"], data["ratio"]) == (None, None, None)

    def test_what_is_wrong_is_said(self, tmp_path: Path) -> None:
        out = tmp_path / "c.npz"
        assert "does not exist" in failure(calibrate("import", tmp_path / "none", "-o", out))
        assert "white <= 65535" in failure(calibrate("import", tmp_path, "-o", out, "--white", 10))
        assert "does not exist" in failure(calibrate("show", out))
        out.write_text("text")
        assert "not an .npz file" in failure(calibrate("show", out))
        np.savez(out, left=np.ones(3))
        assert "not a calibration" in failure(calibrate("show", out))
        authors_folder(tmp_path / "theirs")
        assert "already exists" in failure(calibrate("import", tmp_path / "theirs", "-o", out))
        assert calibrate("import", tmp_path / "theirs", "-o", out, "--overwrite").exit_code == 0
        assert "unknown format" in failure(calibrate("show", out, "-o", tmp_path / "k.jpg"))
        named = out.rename(tmp_path / "c.png")
        assert "one of the inputs" in failure(calibrate("show", named, "-o", named, "--overwrite"))
        (tmp_path / "k.png").write_text("kept")
        assert "already exists" in failure(calibrate("show", out, "-o", tmp_path / "k.png"))
        assert (tmp_path / "k.png").read_text() == "kept"


@pytest.mark.slow
def test_a_rehearsal_with_a_rendered_shot(tmp_path: Path) -> None:
    """What the pattern's command makes can be photographed by `synth` and solved as it is."""
    grid = tmp_path / "grid.png"
    assert (
        run("calibrate", "pattern", "-o", grid, "--size", "200x190", "--spacing", 44).exit_code == 0
    )
    shots = tmp_path / "shots"
    assert run("synth", grid, "--radius", 6, "-o", shots).exit_code == 0
    views = [shots / f"grid_{name}.png" for name in ("left", "right", "truth")]
    solved = run("calibrate", "solve", *views, "-o", tmp_path / "c.npz", "--grid", "1x1", "--json")
    assert json.loads(solved.stdout)["radius"] == pytest.approx(6, rel=0.02)
    swapped = run(
        "calibrate", "solve", *views[:2], views[0], "-o", tmp_path / "d.npz", "--grid", "1x1"
    )
    assert "as blurred as the views" in swapped.stderr
