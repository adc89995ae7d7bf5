"""What the names of two views have in common, and what they say of the sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpdeblur.datasets import common_stem, names_say_different, names_say_swapped


@pytest.mark.parametrize(
    ("left", "right", "stem"),
    [
        ("IMG_1_L.png", "IMG_1_R.png", "IMG_1"),
        ("a/IMG_1_left.tif", "b/IMG_1_right.tif", "IMG_1"),
        ("IMG-L.jpg", "IMG-R.jpg", "IMG"),
        ("IMG.left.jpg", "IMG.right.jpg", "IMG"),
        ("IMG_Left.jpg", "IMG_Right.jpg", "IMG"),
        ("day1/l.png", "day1/r.png", "day1"),
        ("day1/left.png", "day1/right.png", "day1"),
        ("IMG_R.png", "IMG_L.png", "IMG"),
        ("one/A.png", "two/A.png", "A"),
        ("IMG_0001.png", "IMG_0002.png", "IMG_0001"),
        ("A_L.png", "B_R.png", "A_L"),
        ("A_L.png", "A_r.png", "A_L"),
        ("pearl.png", "pearr.png", "pearl"),
    ],
)
def test_common_stem(left: str, right: str, stem: str) -> None:
    assert common_stem(Path(left), Path(right)) == stem


@pytest.mark.parametrize(
    ("left", "right", "swapped"),
    [
        ("IMG_R.png", "IMG_L.png", True),
        ("day/r.tif", "l.tif", True),
        ("A-right.png", "B-Left.png", True),
        ("X_r/source/A.png", "X_l/source/A.png", True),
        ("X_r/source/A_L.png", "X_l/source/A_R.png", False),
        ("IMG_L.png", "IMG_R.png", False),
        ("X_l/source/A.png", "X_r/source/A.png", False),
        ("IMG_R.png", "IMG.png", False),
        ("IMG_R.png", "other_R.png", False),
        ("far.png", "al.png", False),
        ("trip_r/A.png", "trip_r/B.png", False),
    ],
)
def test_names_that_say_the_views_are_swapped(left: str, right: str, swapped: bool) -> None:
    assert names_say_swapped(Path(left), Path(right)) is swapped
    if swapped:
        assert not names_say_swapped(Path(right), Path(left))


@pytest.mark.parametrize(
    ("left", "right", "different"),
    [
        ("A_L.png", "B_R.png", True),
        ("l.png", "B_R.png", True),
        ("A_L.png", "a_r.png", False),
        ("A-left.png", "A_R.png", False),
        ("day/l.png", "night/right.png", False),
        ("A_L.png", "A.png", False),
        ("A_L.png", "A_aux.png", False),
        ("A_L.png", "B.png", True),
        ("B.png", "A_R.png", True),
        ("left.png", "other.png", False),
        ("first.png", "second.png", False),
        ("frame_0.png", "frame_1.png", False),
        ("IMG_0001_0.png", "IMG_0001_1.png", False),
        ("IMG_0001.png", "aux.png", False),
        ("IMG_0001.png", "IMG_0002.png", True),
        ("DSC1234_L.png", "DSC1235.png", True),
    ],
)
def test_names_that_say_two_photographs(left: str, right: str, different: bool) -> None:
    assert names_say_different(Path(left), Path(right)) is different


def test_bare_views_in_the_working_folder_take_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "walk").mkdir()
    monkeypatch.chdir(tmp_path / "walk")
    assert common_stem(Path("l.png"), Path("r.png")) == "walk"
