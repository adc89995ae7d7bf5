"""The view pair, and how pairs are found: by name, all of them, once each."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpdeblur.errors import (
    DPDeblurError,
    IdenticalViewsError,
    InvalidPictureError,
    MissingFileError,
    PairingError,
    PictureTooSmallError,
    ShapeMismatchError,
    UnreadableFileError,
)
from dpdeblur.views import (
    DPViews,
    common_stem,
    find_pairs,
    find_photos,
    is_folder,
    list_pictures,
    names_say_swapped,
    pair_folders,
    read_pair_list,
)


def picture(height: int = 20, width: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


# ---- arrays


def test_combined_is_the_mean_light_of_both_views() -> None:
    left, right = picture(seed=1), picture(seed=2)

    def decode(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    def encode(light: float) -> float:
        return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055

    combined = DPViews(left, right).combined()
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
        DPViews(left, right)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_one_nan_among_many_values_is_seen() -> None:
    left = picture(64, 64)
    left[63, 63, 2] = np.nan
    with pytest.raises(InvalidPictureError, match="left view"):
        DPViews(left, picture(64, 64, 1))


def test_smallest_picture_and_rounding_beyond_the_range_are_taken() -> None:
    left, right = picture(16, 16), picture(16, 16, 1)
    left[0, 0, 0], right[0, 0, 0] = np.float32(1.0000002), np.float32(-1e-7)
    assert DPViews(left, right).left.shape == (16, 16, 3)


# ---- names


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


def test_bare_views_in_the_working_folder_take_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "walk").mkdir()
    monkeypatch.chdir(tmp_path / "walk")
    assert common_stem(Path("l.png"), Path("r.png")) == "walk"


# ---- folders


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
        (["A_L.png", "B_L.png"], "none of the 2 views"),
    ],
)
def test_a_folder_without_pairs_says_why(tmp_path: Path, names: list[str], reason: str) -> None:
    with pytest.raises(PairingError, match=reason):
        find_pairs(fill(tmp_path, *names))


# ---- folders with raw files


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
    assert "DNG files, in place of which the camera's own CR2 or CR3 is needed, 2 in" in warning
    assert str(tmp_path / "b.DNG") in warning


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.txt"], r"no Canon raw file \(CR2, CR3\) is there, and no view was found"),
        (["a_L.png"], r"no Canon raw file \(CR2, CR3\) is there, and none of the 1 views"),
        (["a.dng"], r"\(CR2, CR3\) is there but 1 DNG \(the first is .*a\.dng\)"),
    ],
)
def test_a_folder_without_photos_says_why(tmp_path: Path, names: list[str], reason: str) -> None:
    with pytest.raises(PairingError, match=reason):
        find_photos(fill(tmp_path, *names))


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(UnreadableFileError, match="folder is needed"):
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


# ---- lists


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("header", ["", "left,right,name\r\n", "Left, Right ,NAME\n\n"])
def test_list_with_and_without_header(tmp_path: Path, header: str) -> None:
    table = write(
        tmp_path, header + 'day1/A_L.png,day1/A_R.png\n"b, 1.png", c.png ,out/B\n\n', "utf-8-sig"
    )
    first, second = read_pair_list(table).pairs
    assert (first.name, first.left, first.right) == (
        *("day1/A", tmp_path / "day1/A_L.png", tmp_path / "day1/A_R.png"),
    )
    assert (second.name, second.left, second.right) == (
        *("out/B", tmp_path / "b, 1.png", tmp_path / "c.png"),
    )


def test_header_orders_the_columns_and_others_are_ignored(tmp_path: Path) -> None:
    table = write(tmp_path, "name,scene,right,left\nA,7,r1.png,l1.png\n,8,r2.png,l2.png\n")
    pairs = read_pair_list(table).pairs
    assert [(pair.name, pair.left.name, pair.right.name) for pair in pairs] == [
        ("A", "l1.png", "r1.png"),
        ("l2", "l2.png", "r2.png"),
    ]


def test_paths_elsewhere_are_kept_but_named_inside(tmp_path: Path) -> None:
    away = tmp_path / "away"
    table = write(tmp_path, f"{away / 'A_L.png'},{away / 'A_R.png'}\n../up/B_L.png,../up/B_R.png\n")
    first, second = read_pair_list(table).pairs
    assert (first.name, first.left) == ("A", away / "A_L.png")
    assert (second.name, second.left) == ("B", tmp_path / "../up/B_L.png")


def test_equal_default_names_are_told_apart_and_equal_given_names_refused(tmp_path: Path) -> None:
    table = write(tmp_path, "A_L.png,A_R.png\nA_L.tif,A_R.tif\n")
    assert [pair.name for pair in read_pair_list(table).pairs] == ["A_L.png", "A_L.tif"]
    with pytest.raises(PairingError, match="would both be written as"):
        read_pair_list(write(tmp_path, "1.png,2.png,X\n3.png,4.png,x\n"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a.png,b.png\nc.png\n", "line 2"),
        ("left,right\n\na.png,b.png\na.png,\n", "line 4"),
        ("a.png,b.png,c,d\n", "line 1"),
        ("a.png;b.png\n", "line 1"),
        ("a.png,a.png\n", "line 1: left and right are the same file"),
        ("a.png,b.png,../c\n", "line 1: the name"),
        ("a.png,b.png,/c\n", "line 1: the name"),
        ("a.png,b.png,C:\\c\n", "line 1: the name"),
        ('a.png,b.png\n"c.png,d.png\n', "line 2"),
        ("left,right\n", "no rows"),
        ("", "no rows"),
    ],
)
def test_bad_lists_name_the_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(PairingError, match=reason):
        read_pair_list(write(tmp_path, text))


def test_lists_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_pair_list(tmp_path / "none.csv")
    with pytest.raises(UnreadableFileError, match="UTF-8"):
        read_pair_list(write(tmp_path, "Gebäude_L.png,Gebäude_R.png\n", "latin-1"))
    with pytest.raises(UnreadableFileError):
        read_pair_list(tmp_path)


CELLS = st.text("abé ,\"'l_-.", min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and text.strip(".")
)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(CELLS, CELLS, CELLS).filter(lambda row: row[0] != row[1]),
        min_size=1,
        unique_by=lambda row: row[2].casefold(),
    )
)
def test_any_written_table_is_read_back(rows: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        table = Path(place) / "list.csv"
        with table.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("left", "right", "name"), *rows])
        found = {
            (pair.left.name, pair.right.name, pair.name) for pair in read_pair_list(table).pairs
        }
    assert found == set(rows)


# ---- matching


def test_folders_are_matched_by_name(tmp_path: Path) -> None:
    prediction = fill(tmp_path / "p", "a/1.png", "a/3.png", "b/1.png", "2.png", "2.json")
    truth = fill(tmp_path / "t", "a/1.tif", "b/1.PNG", "2.png", "4.png", ".5.png")
    inputs = fill(tmp_path / "i", "a/1.jpg", "a/3.png", "b/1.png", "2.png")
    match = pair_folders(prediction, truth, inputs)
    assert [
        (
            files.name,
            files.prediction.relative_to(prediction).as_posix(),
            files.truth.relative_to(truth).as_posix(),
            files.input and files.input.relative_to(inputs).as_posix(),
        )
        for files in match.pictures
    ] == [
        ("2", "2.png", "2.png", "2.png"),
        ("a/1", "a/1.png", "a/1.tif", "a/1.jpg"),
        ("b/1", "b/1.png", "b/1.PNG", "b/1.png"),
    ]
    assert match.unmatched_predictions == (prediction / "a/3.png",)
    assert match.unmatched_truths == (truth / "4.png",)
    assert pair_folders(prediction, truth).pictures[0].input is None


def test_files_match_whatever_their_names(tmp_path: Path) -> None:
    fill(tmp_path, "p.png", "t.tif")
    (files,) = pair_folders(tmp_path / "p.png", tmp_path / "t.tif").pictures
    assert (files.name, files.prediction, files.truth, files.input) == (
        *("p", tmp_path / "p.png", tmp_path / "t.tif", None),
    )


def test_what_cannot_be_matched_is_an_error(tmp_path: Path) -> None:
    prediction = fill(tmp_path / "p", "1.png", "2.png")
    truth = fill(tmp_path / "t", "3.png", "4.png")
    with pytest.raises(PairingError, match="none of its 2 pictures"):
        pair_folders(prediction, truth)
    with pytest.raises(PairingError, match="no picture named '1'"):
        pair_folders(prediction, prediction, fill(tmp_path / "i", "2.png"))
    with pytest.raises(PairingError, match="files only or folders only"):
        pair_folders(prediction, truth / "3.png")
    with pytest.raises(PairingError, match="share one name"):
        pair_folders(fill(tmp_path / "d", "1.png", "1.tif"), prediction)
    with pytest.raises(MissingFileError):
        pair_folders(prediction, tmp_path / "nowhere")
    with pytest.raises(MissingFileError):
        pair_folders(prediction / "1.png", truth / "3.png", tmp_path / "nowhere.png")


# ---- places


@pytest.mark.parametrize("look", [list_pictures, find_pairs, read_pair_list, is_folder])
def test_names_the_system_refuses_are_errors_of_ours(
    tmp_path: Path, look: Callable[[Path], object]
) -> None:
    with pytest.raises(UnreadableFileError, match="too long"):
        look(tmp_path / ("x" * 300))
    with pytest.raises(MissingFileError):
        look(fill(tmp_path, "file") / "file/below")
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(UnreadableFileError, match="circle"):
        look(circle)


def test_matching_names_the_system_refuses_is_an_error_of_ours(tmp_path: Path) -> None:
    long, sound = tmp_path / ("x" * 300), fill(tmp_path, "a.png") / "a.png"
    for paths in ([long, sound], [sound, long], [sound, sound, long]):
        with pytest.raises(UnreadableFileError, match="too long"):
            pair_folders(*paths)


def test_an_output_folder_that_is_a_link_is_skipped_by_where_it_leads(tmp_path: Path) -> None:
    source = fill(tmp_path / "in", "A_L.png", "A_R.png", "out/B_L.png", "out/B_R.png")
    (tmp_path / "link").symlink_to(source / "out")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert [pair.name for pair in find_pairs(source, skip=tmp_path / "link").pairs] == ["A"]
    assert len(find_pairs(source, skip=tmp_path / "circle").pairs) == 2
