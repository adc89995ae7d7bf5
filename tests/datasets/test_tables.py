"""Pairs named in a table."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpdeblur.datasets import read_pair_list
from dpdeblur.errors import MissingFileError, PairingError, UnreadableFileError


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


def test_a_table_without_end_is_not_read_to_it() -> None:
    with pytest.raises(UnreadableFileError, match="larger than 64 MiB"):
        read_pair_list(Path("/dev/zero"))


def test_a_null_byte_is_found_in_its_line(tmp_path: Path) -> None:
    with pytest.raises(PairingError, match="line 2"):
        read_pair_list(write(tmp_path, "a.png,b.png\nc.png,d\0.png\n"))
