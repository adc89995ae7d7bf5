"""`dpdeblur fix`, `batch` and `refocus` with wishes, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image

from dpdeblur.io import read_picture
from dpdeblur.optics import write_calibration
from dpdeblur.pair import read_pair
from support.command import failure, run
from support.optimiser_reference import asymmetric_calibration

Pair = tuple[Path, Path]


@pytest.fixture
def mask(pair: Pair) -> Path:
    """White on the left."""
    pixels = np.zeros((50, 59), np.uint8)
    pixels[:, :30] = 255
    path = pair[0].with_name("mask.png")
    Image.fromarray(pixels).save(path)
    return path


def test_only_what_is_white_in_the_mask(pair: Pair, mask: Path) -> None:
    output = pair[0].with_name("a_sharp.png")
    result = run("fix", *pair, "--mask", mask, "--feather", "4", "--json")
    wishes = json.loads(result.stdout)["run"]["settings"]["wishes"]
    assert wishes["feather"] == 4
    picture, before = read_picture(output).srgb(), read_pair(*pair).combined()
    np.testing.assert_allclose(picture[:, 34:], before[:, 34:], atol=1e-5)
    assert np.abs(picture - before)[:, :26].max() > 0.02
    assert "inputs" in failure(run("fix", *pair, "--mask", mask, "-o", mask, "--overwrite"))


def test_depth_at_a_point_and_the_cameras_blur(pair: Pair) -> None:
    result = run("fix", *pair, "--focus-at", "20,20", "--focus-at", "40,8")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("is blurred by") == 2
    lens = pair[0].with_name("lens.npz")
    write_calibration(lens, asymmetric_calibration())
    options = ("--keep-beyond", "2", "--calibration", lens, "--overwrite", "--json")
    report = json.loads(run("fix", *pair, *options).stdout)
    wishes = report["run"]["settings"]["wishes"]
    assert wishes["keep_beyond"] == 2
    assert wishes["calibration"]["path"] == str(lens)


def test_batch_of_wishes_can_be_resumed(pair: Pair, tmp_path: Path) -> None:
    def counts(*options: str) -> tuple[int, int, int]:
        result = run("batch", pair[0].parent, tmp_path / "out", "--json", *options)
        report = json.loads(result.stdout)
        return report["done"], report["skipped"], len(report["notes"])

    assert counts("--strength", "0.5") == (1, 0, 0)
    assert counts("--strength", "0.5") == (0, 1, 0)
    assert counts("--strength", "0.6") == (0, 1, 1)
    assert counts() == (0, 1, 1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--only", "near", "--focus-at", "3,3"), "--only: the points to focus at already say"),
        (("--depth-range", "3"), "--depth-range: it needs a point"),
        (("--feather", "3"), "--feather: it is for"),
        (("--strength", "2"), "--strength: 2"),
        (("--focus-at", "3"), "--focus-at: '3' is not a point"),
        (("--focus-at", "300,3"), "--focus-at: 300,3 lies outside"),
        (("--mask", "none.png"), "none.png does not exist"),
    ],
)
def test_wishes_that_cannot_be(pair: Pair, options: tuple[str, ...], says: str) -> None:
    before = sorted(pair[0].parent.iterdir())
    assert says in failure(run("fix", *pair, *options))
    assert sorted(pair[0].parent.iterdir()) == before


def test_a_mask_of_another_size(pair: Pair, mask: Path) -> None:
    Image.open(mask).resize((40, 40)).save(mask)
    said = failure(run("fix", *pair, "--mask", mask))
    assert "The mask and the picture differ in size (40x40 and 59x50" in said


def test_refocus(pair: Pair) -> None:
    light = pair[0].with_name("light.tif")
    result = run("refocus", *pair, "--aperture", "2", "--linear", "--size", "80", "-o", light)
    assert result.exit_code == 0, result.stderr
    assert "The views are 59 pixels wide, so --size 80 left them as they are." in result.stderr
    assert imageio.imread(light).dtype == np.float32
    result = run("refocus", *pair, "--at", "20,20", "--aperture", "2", "--json")
    report = json.loads(result.stdout)
    assert report["output"] == str(pair[0].with_name("a_refocused.png"))
    assert report["run"]["settings"]["wishes"]["at"] == [20, 20]
    assert read_picture(Path(report["output"])).srgb().shape == (50, 59, 3)
    assert "--overwrite" in failure(run("refocus", *pair, "--aperture", "2"))
    for options, says in (
        ((), "--at: give a point"),
        (("--aperture", "9"), "--aperture: 9"),
        (("--at", "99,3"), "outside"),
        (("--aperture", "2", "--quality", "80"), "--quality: .png"),
        (("--aperture", "2", "--linear"), "--linear: .png"),
    ):
        output = pair[0].with_name("b.png")
        assert says in failure(run("refocus", *pair, *options, "-o", output))
        assert not output.exists()
