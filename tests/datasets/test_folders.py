"""How pairs are found: by name, all of them, once each."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpdeblur.datasets import (
    Marks,
    expanded,
    find_pairs,
    find_photos,
    find_truth_pairs,
    list_pictures,
)
from dpdeblur.errors import MissingFileError, OptionError, PairingError, UnreadableFileError
from support.trees import fill
from support.unreadable import make_unreadable


def test_all_kinds_of_names_in_one_tree(tmp_path: Path) -> None:
    fill(
        tmp_path,
        *("day1/IMG_1_L.png", "day1/IMG_1_R.png", "day1/IMG_1_C.png", "day1/IMG_1_GT.png"),
        *("day1/IMG_2_l.JPG", "day1/IMG_2_r.jpg"),
        *("day2/IMG_1_left.TIFF", "day2/IMG_1_right.TIFF"),
        *("scene/0600/l.png", "scene/0600/r.png", "scene/0600/d.png"),
        *("test_l/source/1P0A1_L.png", "test_r/source/1P0A1_R.png"),
        *("test_l/source/1P0A2.png", "test_r/source/1P0A2.png"),
        *("test_c/source/1P0A1.png", "test_c/target/1P0A3.png", "notes.txt"),
    )
    pairing = find_pairs(tmp_path)
    found = {
        pair.name: (
            pair.left.relative_to(tmp_path).as_posix(),
            pair.right.relative_to(tmp_path).as_posix(),
        )
        for pair in pairing.pairs
    }
    assert found == {
        "day1/IMG_1": ("day1/IMG_1_L.png", "day1/IMG_1_R.png"),
        "day1/IMG_2": ("day1/IMG_2_l.JPG", "day1/IMG_2_r.jpg"),
        "day2/IMG_1": ("day2/IMG_1_left.TIFF", "day2/IMG_1_right.TIFF"),
        "scene/0600": ("scene/0600/l.png", "scene/0600/r.png"),
        "test/source/1P0A1": ("test_l/source/1P0A1_L.png", "test_r/source/1P0A1_R.png"),
        "test/source/1P0A2": ("test_l/source/1P0A2.png", "test_r/source/1P0A2.png"),
    }
    assert pairing.orphans == ()


def test_views_without_a_partner_are_reported_not_dropped(tmp_path: Path) -> None:
    fill(
        tmp_path,
        *("A_L.png", "A_R.png", "B_L.png", "C_R.png", "D_L.png", "D_r.png", "E_L.png", "E_R.tif"),
        *("test_l/source/F.png", "test_l/source/G.png", "test_r/source/G.png"),
        "test_r/source/H.png",
    )
    pairing = find_pairs(tmp_path)
    assert [pair.name for pair in pairing.pairs] == ["A", "test/source/G"]
    assert [path.name for path in pairing.orphans] == [
        *("B_L.png", "C_R.png", "D_L.png", "D_r.png", "E_L.png", "E_R.tif", "F.png", "H.png")
    ]


def test_trees_are_never_paired_by_position(tmp_path: Path) -> None:
    fill(tmp_path, *(f"test_l/source/{n}.png" for n in (1, 3, 5)))
    fill(tmp_path, *(f"test_r/source/{n}.png" for n in (2, 4, 6)))
    with pytest.raises(PairingError, match="in a CSV table"):
        find_pairs(tmp_path)


def test_a_folder_called_like_a_side_may_hold_both_views(tmp_path: Path) -> None:
    fill(tmp_path, "trip_l/source/A_L.png", "trip_l/source/A_R.png", "trip_r/source/x.png")
    assert [pair.name for pair in find_pairs(tmp_path).pairs] == ["trip_l/source/A"]


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "._B_L.png", "Thumbs.db", ".cache/B_L.png", "__MACOSX/B_L.png", "@eaDir/B_L.jpg"],
)
def test_junk_is_ignored(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "A_L.png", "A_R.png", name)
    pairing = find_pairs(tmp_path)
    assert ([pair.name for pair in pairing.pairs], pairing.orphans) == (["A"], ())


def test_an_output_folder_inside_is_skipped_but_not_one_around(tmp_path: Path) -> None:
    fill(tmp_path, "in/A_L.png", "in/A_R.png", "in/out/B_L.png", "in/out/B_R.png", "in/C_L.png")
    source = tmp_path / "in"
    assert [pair.name for pair in find_pairs(source, skip=source / "out").pairs] == ["A"]
    for around in (source, tmp_path, source / "new"):
        assert [pair.name for pair in find_pairs(source, skip=around).pairs] == ["A", "out/B"]


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    fill(tmp_path, *(f"x/IMG_{side}.{kind}" for side in "LR" for kind in ("png", "tif")))
    fill(tmp_path, "x/IMG-l.png", "x/IMG-r.png", "x/other_L.png", "x/other_R.png")
    names = [pair.name for pair in find_pairs(tmp_path).pairs]
    assert names == ["x/IMG-l.png", "x/IMG_L.png", "x/IMG_L.tif", "x/other"]


def test_names_that_stay_equal_are_an_error(tmp_path: Path) -> None:
    fill(tmp_path, *(f"IMG_{side}.{kind}" for side in "LR" for kind in ("png", "tif")))
    fill(tmp_path, "IMG_L.png_L.png", "IMG_L.png_R.png")
    with pytest.raises(PairingError, match="would both be written as"):
        find_pairs(tmp_path)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.png", "notes.txt"], "no view was found"),
        (["A_L.png", "B_L.png"], r"no view there has its partner \(2 found"),
    ],
)
def test_a_folder_without_pairs_says_why(tmp_path: Path, names: list[str], reason: str) -> None:
    with pytest.raises(PairingError, match=reason):
        find_pairs(fill(tmp_path, *names))


def test_raws_and_pairs_are_found_together(tmp_path: Path) -> None:
    fill(tmp_path, "day/a.CR2", "day/a.cr3", "b_L.png", "b_R.png", "c.cr3", "d_L.png", "e.txt")
    found = find_photos(tmp_path)
    assert [photo.name for photo in found.photos] == ["b", "c", "day/a.CR2", "day/a.cr3"]
    assert (found.orphans, found.warnings) == ((tmp_path / "d_L.png",), ())


def test_views_beside_their_raw_are_left_out(tmp_path: Path) -> None:
    """As `split` puts them there."""
    fill(
        tmp_path,
        *("day/a.CR2", "day/a_left.tif", "day/a_right.tif", "day/a_L.png", "day/a_R.png"),
        *("views/a_left.tif", "views/a_right.tif", "day/b_left.tif", "day/b_right.tif"),
        *("c.cr3", "c/l.png", "c/r.png"),
    )
    found = find_photos(tmp_path)
    assert {photo.name: photo.files[0].name for photo in found.photos} == {
        "c.cr3": "c.cr3",
        "c/l.png": "l.png",
        "day/a": "a.CR2",
        "day/b": "b_left.tif",
        "views/a": "a_left.tif",
    }
    (warning,) = found.warnings
    assert "beside the raw file of the same name, 2 in all" in warning
    assert str(tmp_path / "day" / "a_L.png") in warning


def test_dngs_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    fill(tmp_path, "a.cr2", "b.DNG", "c.dng", ".hidden/d.dng")
    found = find_photos(tmp_path)
    assert [photo.name for photo in found.photos] == ["a"]
    (warning,) = found.warnings
    assert "DNG files; use the camera's own CR2 or CR3 instead, 2 in" in warning
    assert str(tmp_path / "b.DNG") in warning


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.txt"], r"no Canon raw file \(CR2, CR3\) is there, and no view was found"),
        (
            ["a_L.png"],
            r"no Canon raw file \(CR2, CR3\) is there, and no view there has its partner",
        ),
        (["a.dng"], r"\(CR2, CR3\) is there but 1 DNG \(the first is .*a\.dng\)"),
    ],
)
def test_a_folder_without_photos_says_why(tmp_path: Path, names: list[str], reason: str) -> None:
    with pytest.raises(PairingError, match=reason):
        find_photos(fill(tmp_path, *names))


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(UnreadableFileError, match="give a folder"):
        find_pairs(fill(tmp_path, "A_L.png") / "A_L.png")


STEMS = st.text("abAB01é _-.", min_size=1, max_size=5).filter(
    lambda text: not text.startswith(".") and text == text.strip()
)
FOLDERS = st.lists(st.sampled_from(["day1", "day 2", "l", "x_r", "tiefé"]), max_size=3)
MARKS = [("_L", "_R"), ("_l", "_r"), ("_left", "_right"), ("-L", "-R"), (".Left", ".Right")]
KINDS = ["png", "PNG", "tif", "jpg"]
SCENES = st.lists(
    st.tuples(FOLDERS, STEMS, st.sampled_from(MARKS), st.sampled_from(KINDS), st.integers(0, 3)),
    max_size=12,
    # One file name per folder without regard to case, as it is on macOS and Windows.
    unique_by=lambda scene: ("/".join(scene[0]), (scene[1] + scene[2][0]).casefold()),
)


@settings(max_examples=60, deadline=None)
@given(scenes=SCENES, bare=st.lists(FOLDERS.filter(bool), max_size=3, unique_by=tuple))
@pytest.mark.slow
def test_every_pair_of_a_random_tree_is_found_once(
    scenes: list[tuple[list[str], str, tuple[str, str], str, int]], bare: list[list[str]]
) -> None:
    expected: dict[tuple[str, str], str] = {}
    orphans, others = [], ["readme.txt", "d.png"]
    for folders, stem, (left, right), kind, part in scenes:
        ours, theirs = ("/".join([*folders, f"{stem}{m}.{kind}"]) for m in (left, right))
        if part == 0:
            orphans.append(ours)
        elif part == 1:
            orphans.append(theirs)
        else:
            expected[ours, theirs] = "/".join([*folders, stem])
    for folders in bare:
        place = "/".join(folders)
        expected[f"{place}/l.png", f"{place}/r.png"] = place
    shared = Counter(name.casefold() for name in expected.values())
    expected = {
        pair: pair[0] if shared[name.casefold()] > 1 else name for pair, name in expected.items()
    }
    files = [*(name for pair in expected for name in pair), *orphans, *others]
    results = []
    for order in (files, files[::-1]):
        with tempfile.TemporaryDirectory() as place:
            folder = fill(Path(place), *order)
            if not expected:
                with pytest.raises(PairingError):
                    find_pairs(folder)
                continue
            pairing = find_pairs(folder)
            results.append(
                (
                    [
                        (
                            pair.left.relative_to(folder).as_posix(),
                            pair.right.relative_to(folder).as_posix(),
                            pair.name,
                        )
                        for pair in pairing.pairs
                    ],
                    [path.relative_to(folder).as_posix() for path in pairing.orphans],
                )
            )
    if expected:
        pairs, found_orphans = results[0]
        assert results[1] == results[0]
        assert {(left, right): name for left, right, name in pairs} == expected
        assert len(pairs) == len(expected)
        assert len({name.casefold() for *_, name in pairs}) == len(pairs)
        assert [name for *_, name in pairs] == sorted(name for *_, name in pairs)
        assert found_orphans == sorted(orphans)


def test_pictures_are_listed_in_order_of_their_path(tmp_path: Path) -> None:
    fill(tmp_path, "b/z.png", "b.png", "a/c/y.TIF", "a/x.jpeg", "a/x.gif", "a/.hidden.png")
    listed = [path.relative_to(tmp_path).as_posix() for path in list_pictures(tmp_path)]
    assert listed == ["a/c/y.TIF", "a/x.jpeg", "b.png", "b/z.png"]


def test_an_output_folder_that_is_a_link_is_skipped_by_where_it_leads(tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "A_L.png", "A_R.png", "out/B_L.png", "out/B_R.png")
    (tmp_path / "link").symlink_to(source / "out")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert [pair.name for pair in find_pairs(source, skip=tmp_path / "link").pairs] == ["A"]
    assert len(find_pairs(source, skip=tmp_path / "circle").pairs) == 2


def test_a_tree_is_walked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = ("L.png", "R.png", "GT.png")
    fill(tmp_path, *(f"{n % 7}/IMG_{n}_{mark}" for n in range(100) for mark in marks))
    walked, walk = [], os.walk
    monkeypatch.setattr(
        os, "walk", lambda top, **options: (walked.append(top), walk(top, **options))[1]
    )
    for find in (find_pairs, find_photos, find_truth_pairs):
        walked.clear()
        find(tmp_path)
        assert walked == [tmp_path]


def test_a_folder_that_cannot_be_listed_is_left_out_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "A_L.png", "A_R.png", "lost+found/x")
    make_unreadable(tmp_path / "lost+found", monkeypatch)
    found = find_photos(tmp_path)
    assert [photo.name for photo in found.photos] == ["A"]
    (warning,) = found.warnings
    assert warning == (
        f"The folder {tmp_path / 'lost+found'} cannot be read and is left out: Permission denied."
    )
    with pytest.raises(UnreadableFileError, match=r"lost\+found"):
        list_pictures(tmp_path)
    make_unreadable(tmp_path, monkeypatch)
    with pytest.raises(UnreadableFileError):
        find_photos(tmp_path)


def test_several_folders_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a/X_L.png", "a/X_R.png", "b/c/Y.CR2", "b/Z.cr3", "test_l/source/1.png")
    fill(tmp_path, "test_r/source/1.png", "a/notes.txt")
    monkeypatch.chdir(tmp_path)
    found = find_photos([Path("a"), Path("b/c"), Path("b/Z.cr3"), Path("test_l"), Path("test_r")])
    assert [photo.name for photo in found.photos] == ["a/X", "b/Z", "b/c/Y", "test/source/1"]
    mixed = find_photos([Path("a/X_L.png"), tmp_path / "a" / "X_R.png", Path("a/notes.txt")])
    assert [photo.name for photo in mixed.photos] == ["X"]
    with pytest.raises(MissingFileError):
        find_photos([Path("a"), Path("none")])


def test_suffixes_of_ones_own(tmp_path: Path) -> None:
    fill(tmp_path, "1_main.png", "1_aux.png", "2_main.png", "3_L.png", "3_R.png")
    found = find_photos(tmp_path, marks=Marks.suffixes("_main", "_aux"))
    assert [photo.name for photo in found.photos] == ["1"]
    assert found.orphans == (tmp_path / "2_main.png",)
    fill(tmp_path, "4.png", "4_right.png")
    found = find_photos(tmp_path, marks=Marks.suffixes("", "_right"))
    assert [photo.name for photo in found.photos] == ["4"]
    assert found.orphans == ()
    with pytest.raises(OptionError):
        Marks.suffixes("_x", "_x")


def test_patterns(tmp_path: Path) -> None:
    fill(tmp_path, "b.CR2", "a.CR2", "c/d.CR2", "e[1].CR2")
    assert [path.name for path in expanded([tmp_path / "?.CR2"])] == ["a.CR2", "b.CR2"]
    assert expanded([tmp_path / "e[1].CR2", tmp_path / "x*"]) == (
        tmp_path / "e[1].CR2",
        tmp_path / "x*",
    )
    assert len(expanded([tmp_path / "**" / "*.CR2"])) == 4


@pytest.mark.parametrize("sources", [("../other", "sub"), ("sub", "../other")])
def test_names_never_lead_out_of_the_output_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: tuple[str, str]
) -> None:
    fill(tmp_path, "here/sub/a_L.png", "here/sub/a_R.png", "other/b_L.png", "other/b_R.png")
    monkeypatch.chdir(tmp_path / "here")
    photos = find_photos([Path(source) for source in sources]).photos
    assert [photo.name for photo in photos] == ["here/sub/a", "other/b"]


def test_one_of_several_sources_that_cannot_be_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a pattern such as in/* may find it."""
    fill(tmp_path, "A_L.png", "A_R.png", "lost+found/x")
    make_unreadable(tmp_path / "lost+found", monkeypatch)
    found = find_photos([tmp_path / name for name in ("A_L.png", "A_R.png", "lost+found")])
    assert [pair.name for pair in found.pairs] == ["A"]
    assert found.warnings == (
        f"The folder {tmp_path / 'lost+found'} cannot be read and is left out: Permission denied.",
    )
    with pytest.raises(UnreadableFileError, match=r"lost\+found cannot be read: Permission denied"):
        find_photos([tmp_path / "lost+found"] * 2)
