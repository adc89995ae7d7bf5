"""Data sets on disk: which truth belongs to which views."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpdeblur.datasets import TruthPair, find_truth_pairs
from dpdeblur.errors import MissingFileError, PairingError, UnreadableFileError
from support.unreadable import make_unreadable


def write(root: Path, *files: str) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def tree(split: str, names: list[str], targets: list[str], tail: str = "c") -> list[str]:
    sources = [f"{split}_{side}/source/{name}.png" for side in "clr" for name in names]
    return sources + [f"{split}_{tail}/target/{name}.png" for name in targets]


class TestDPDD:
    def test_targets_of_other_names_follow_the_order(self, tmp_path: Path) -> None:
        write(tmp_path, *tree("test", ["A3", "A1", "A5"], ["A6", "A2", "A4"]))
        for pair, number in zip(find_truth_pairs(tmp_path), (1, 3, 5), strict=True):
            assert pair == TruthPair(
                f"A{number}",
                tmp_path / f"test_l/source/A{number}.png",
                tmp_path / f"test_r/source/A{number}.png",
                tmp_path / f"test_c/target/A{number + 1}.png",
                tmp_path / f"test_c/source/A{number}.png",
            )

    @pytest.mark.parametrize(
        ("sources", "targets", "warned"),
        [
            (["A01", "A03", "A11"], ["A02", "A04", "A12"], False),
            (["A03", "A11", "A13"], ["A02", "A04", "A14"], True),  # without A01 and A12
            (["A", "B"], ["C", "D"], False),
            (["v001", "v002"], ["t001", "t002"], False),
            (["v2", "v4"], ["t1", "t3"], False),  # the truth came first
            (["a/v1", "b/v1"], ["a/t2", "b/t2"], False),
            (["v1", "v10", "v2"], ["t1", "t10", "t2"], False),
            (["A1", "Bx"], ["A2", "By"], False),
        ],
    )
    def test_numbers_that_do_not_follow_are_noticed(
        self, tmp_path: Path, sources: list[str], targets: list[str], warned: bool
    ) -> None:
        write(tmp_path, *tree("test", sources, targets))
        warnings: list[str] = []
        assert len(find_truth_pairs(tmp_path, warn=warnings.append)) == len(sources)
        assert any("own truth" in warning for warning in warnings) == warned

    def test_targets_of_the_same_names_go_by_name(self, tmp_path: Path) -> None:
        write(tmp_path, *tree("val", ["a", "a-1"], []))
        write(tmp_path, "val_c/target/a.tif", "val_c/target/a-1_GT.png")  # order differs
        found = {pair.name: pair.truth.name for pair in find_truth_pairs(tmp_path, "val")}
        assert found == {"a": "a.tif", "a-1": "a-1_GT.png"}

    def test_names_may_have_marks_and_folders(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            "train_l/source/day/A_L.png",
            "train_r/source/day/A_R.png",
            "train_l/target/day/A.png",
            "train_r/target/day/A.png",
        )
        (pair,) = find_truth_pairs(tmp_path, "train")
        assert (pair.name, pair.combined) == ("day/A", None)
        assert pair.truth == tmp_path / "train_l/target/day/A.png"

    def test_the_combined_trees_target_comes_first(self, tmp_path: Path) -> None:
        write(tmp_path, *tree("test", ["A"], ["A"]), *tree("test", [], ["A"], "l"))
        assert find_truth_pairs(tmp_path)[0].truth == tmp_path / "test_c/target/A.png"

    def test_groups_of_the_76_test_scenes(self, tmp_path: Path) -> None:
        sources, targets = (
            [f"1P0A{number}" for number in range(first, first + 152, 2)] for first in (1000, 1001)
        )
        write(tmp_path, *tree("test", sources, targets), *tree("val", sources, targets))
        groups = [pair.group for pair in find_truth_pairs(tmp_path)]
        indoor = [index for index, group in enumerate(groups) if group == "indoor"]
        expected = [*range(8, 14), 16, 32, *range(39, 57), *range(59, 68), 74, 75]
        assert (indoor, len(indoor)) == (expected, 37)
        assert groups.count("outdoor") == 39
        assert {pair.group for pair in find_truth_pairs(tmp_path, "val")} == {None}
        for path in tmp_path.glob(f"test_?/*/{sources[0]}.png"):
            path.unlink()
        (tmp_path / "test_c/target" / f"{targets[0]}.png").unlink()
        assert {pair.group for pair in find_truth_pairs(tmp_path)} == {None}

    @pytest.mark.parametrize(
        ("gone", "error", "says"),
        [
            ("test_r/source/C.png", PairingError, r"test_r/source: it lacks C; .*test_l.*C\.png"),
            ("test_l/source/B.png", PairingError, r"test_l/source: it lacks B; .*test_r.*B\.png"),
            ("test_c/source/A.png", PairingError, "test_c/source: it lacks A"),
            ("test_c/target/Z.png", PairingError, "its 2 pictures .* than the 3"),
            ("test_r", MissingFileError, "test_r"),
            ("test_l", MissingFileError, "test_l"),
            ("test_c/target", MissingFileError, "test_c/target"),
        ],
    )
    def test_what_is_missing_is_named(
        self, tmp_path: Path, gone: str, error: type[Exception], says: str
    ) -> None:
        write(tmp_path, *tree("test", ["A", "B", "C"], ["X", "Y", "Z"]))
        (tmp_path / gone).rename(tmp_path / "gone")
        with pytest.raises(error, match=says):
            find_truth_pairs(tmp_path)

    def test_names_that_agree_in_part_are_no_order(self, tmp_path: Path) -> None:
        write(tmp_path, *tree("test", ["A", "B"], ["B", "C"]))
        with pytest.raises(PairingError, match="target: it lacks A"):
            find_truth_pairs(tmp_path)

    def test_another_split(self, tmp_path: Path) -> None:
        write(tmp_path, *tree("train", ["A"], ["B"]), *tree("val", ["A"], ["B"]))
        with pytest.raises(PairingError, match=r"no split 'test' .* only train, val"):
            find_truth_pairs(tmp_path)

    def test_no_pictures(self, tmp_path: Path) -> None:
        write(tmp_path, "test_l/source/a.txt", "test_r/source/a.txt", "test_c/target/a.txt")
        with pytest.raises(PairingError, match="holds no picture"):
            find_truth_pairs(tmp_path)


class TestCopies:
    @pytest.mark.parametrize("place", ["", "test/"])
    def test_input_folders(self, tmp_path: Path, place: str) -> None:
        for name, target in (("b", "2"), ("a", "1")):
            write(tmp_path, *(f"{place}input{side}/{name}.png" for side in "LRC"))
            write(tmp_path, f"{place}target/{target}.png")
        first, second = find_truth_pairs(tmp_path)
        assert (first.name, first.truth.name, second.truth.name) == ("a", "1.png", "2.png")
        assert first.combined == tmp_path / place / "inputC" / "a.png"
        assert first.right == tmp_path / place / "inputR" / "a.png"

    def test_without_combined(self, tmp_path: Path) -> None:
        write(tmp_path, "inputL/a.png", "inputR/a.png", "target/a.png")
        assert find_truth_pairs(tmp_path)[0].combined is None

    def test_a_side_is_missing(self, tmp_path: Path) -> None:
        write(tmp_path, "inputR/a.png", "target/a.png")
        with pytest.raises(MissingFileError, match="inputL"):
            find_truth_pairs(tmp_path)


class TestSideBySide:
    def test_all_marks(self, tmp_path: Path) -> None:
        write(tmp_path, "a_L.png", "a_R.png", "a_GT.png", "a_C.png")
        write(tmp_path, "x/b_left.tif", "x/b_right.tif", "x/b_sharp.png", "x/b_combined.jpg")
        write(tmp_path, "x/c-l.png", "x/c-r.png", "x/c-truth.png", "x/d.GT.png", "x/d.L.png")
        write(tmp_path, "x/d.R.png", "desk/l.png", "desk/r.png", "desk/gt.png")
        found = {
            pair.name: (pair.left.name, pair.right.name, pair.truth.name, pair.combined)
            for pair in find_truth_pairs(tmp_path)
        }
        assert found == {
            "a": ("a_L.png", "a_R.png", "a_GT.png", tmp_path / "a_C.png"),
            "x/b": ("b_left.tif", "b_right.tif", "b_sharp.png", tmp_path / "x/b_combined.jpg"),
            "x/c": ("c-l.png", "c-r.png", "c-truth.png", None),
            "x/d": ("d.L.png", "d.R.png", "d.GT.png", None),
            "desk": ("l.png", "r.png", "gt.png", None),
        }

    def test_results_of_fix_are_not_the_truth(self, tmp_path: Path) -> None:
        write(tmp_path, "a_L.png", "a_R.png", "a_GT.png", "a_sharp.png", "mine_sharp.png")
        (pair,) = find_truth_pairs(tmp_path)
        assert pair.truth.name == "a_GT.png"

    @pytest.mark.parametrize(
        ("files", "says"),
        [
            ((), "no views that belong together; name them X_L and X_R with X_GT"),
            (("a_L.png",), "no views that belong together; name them X_L and X_R with X_GT"),
            (("b_L.png", "b_R.png"), "none of its 1 pairs of views has a sharp picture"),
            (("a_L.png", "a_R.png", "a_GT.png", "b_L.png", "b_R.png"), r"b_L\.png has no sharp"),
            (("a_L.png", "a_R.png", "a_GT.png", "b_L.png"), r"the view .*b_L\.png has no partner"),
            (("a_L.png", "a_R.png", "a_GT.png", "b_GT.png"), r"b_GT\.png has no views"),
            (("a_L.png", "a_R.png", "a_GT.png", "a_GT.tif"), r"a_GT\.png and .*a_GT\.tif share"),
        ],
    )
    def test_gaps_are_named(self, tmp_path: Path, files: tuple[str, ...], says: str) -> None:
        write(tmp_path, *files)
        with pytest.raises(PairingError, match=says):
            find_truth_pairs(tmp_path)

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError):
            find_truth_pairs(tmp_path / "none")
        write(tmp_path, "file")
        with pytest.raises(UnreadableFileError, match="give a folder"):
            find_truth_pairs(tmp_path / "file")


# Words that are no marks; upper case alone, as some file systems do not tell cases apart.
WORDS = st.text("ABDEFHIJKMNOPQS0123456789", min_size=1, max_size=4)
NAMES = st.sets(
    st.builds(
        lambda folder, stem: f"{folder}/{stem}" if folder else stem, WORDS | st.just(""), WORDS
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60)
@given(names=NAMES, layout=st.sampled_from(["dpdd", "copy", "beside"]), data=st.data())
def test_every_photograph_is_found_whole_or_its_gap_is_named(
    names: set[str], layout: str, data: st.DataObject
) -> None:
    with TemporaryDirectory() as place:
        root = Path(place)
        patterns = {
            "dpdd": ("test_l/source/{}.png", "test_r/source/{}.png", "test_c/target/{}.png"),
            "copy": ("inputL/{}.png", "inputR/{}.png", "target/{}.png"),
            "beside": ("{}_L.png", "{}_R.png", "{}_GT.png"),
        }[layout]
        write(root, *(pattern.format(name) for name in names for pattern in patterns))
        found = {pair.name: (pair.left, pair.right, pair.truth) for pair in find_truth_pairs(root)}
        assert found == {
            name: tuple(root / pattern.format(name) for pattern in patterns) for name in names
        }
        victim = data.draw(st.sampled_from(sorted(names)))
        pattern = data.draw(st.sampled_from(patterns))
        (root / pattern.format(victim)).unlink()
        with pytest.raises(PairingError) as caught:
            find_truth_pairs(root)
        if len(names) > 1:
            assert victim.rpartition("/")[2] in caught.value.reason


@pytest.mark.parametrize(
    ("files", "lost"),
    [
        (["A_L.png", "A_R.png", "A_GT.png"], "lost+found"),
        (tree("test", ["A"], ["A"]), "test_l/source/lost+found"),
        (["inputL/A.png", "inputR/A.png", "target/A.png"], "target/lost+found"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_left_out_where_one_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], lost: str
) -> None:
    write(tmp_path, *files, f"{lost}/x")
    make_unreadable(tmp_path / lost, monkeypatch)
    heard: list[str] = []
    assert [pair.name for pair in find_truth_pairs(tmp_path, warn=heard.append)] == ["A"]
    (warning,) = heard
    assert str(tmp_path / lost) in warning
    with pytest.raises(UnreadableFileError, match="Permission denied"):
        find_truth_pairs(tmp_path)
