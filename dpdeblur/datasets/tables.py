"""Pairs written down in a CSV table, for names that no rule can match."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from dpdeblur.datasets.names import Finding, PairPaths, distinct, output_name
from dpdeblur.datasets.paths import is_folder
from dpdeblur.errors import PairingError, UnreadableFileError
from dpdeblur.io.atomic import read_at_most
from dpdeblur.io.limits import METADATA


def read_pair_list(csv_file: Path, folder: Path | None = None) -> Finding:
    """The pairs of a CSV table (UTF-8, commas) with the columns left, right and, if wanted, name.

    Without a header row the columns have that order; with one they are found by their names and
    others are ignored. A name is a relative path without extension; by default it is made as
    `find_pairs` makes it.

    Args:
        csv_file: the table; the files that it names need not exist yet.
        folder: where relative paths start; None is the table's own folder.

    Returns:
        The pairs; there are no orphans.

    Raises:
        PairingError: a line cannot be used, or two pairs have one name; it says which.
        MissingFileError: there is no such table.
        UnreadableFileError: it is a folder, not UTF-8, or cannot be read.

    >>> _ = Path("list.csv").write_text("1.png,2.png,desk")
    >>> read_pair_list(Path("list.csv")).pairs[0].name
    'desk'
    """
    pairs: list[PairPaths] = []
    fallbacks: list[str] = []
    start = csv_file.parent if folder is None else folder
    for line, row in _rows(csv_file):
        left, right = (start / row[side] for side in ("left", "right"))
        if left == right:
            raise PairingError(csv_file, f"line {line}: left and right are the same file")
        written = Path(row["left"])
        # The tree of a picture that lies elsewhere cannot be kept below the output folder.
        inner = written if _is_inside(row["left"]) else Path(written.name)
        name = row.get("name") or output_name(inner, left, right).as_posix()
        if not _is_inside(name):
            raise PairingError(
                csv_file, f"line {line}: the name '{name}' does not lie inside the output folder"
            )
        pairs.append(PairPaths(PurePosixPath(name).as_posix(), left, right))
        fallbacks.append(row.get("name") or inner.as_posix())
    if not pairs:
        raise PairingError(csv_file, "it has no rows; write one pair per line as left,right")
    return Finding(distinct(pairs, fallbacks, csv_file))


def _rows(csv_file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and named cells of each row that is not blank."""
    if is_folder(csv_file):
        raise UnreadableFileError(csv_file, "it is a folder; give a CSV table")
    try:
        text = read_at_most(csv_file, METADATA).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError(csv_file, "it is not UTF-8 text; save it as UTF-8") from error
    columns = ["left", "right", "name"]
    first = True
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for raw in reader:
            cells = [cell.strip() for cell in raw]
            if not any(cells):
                continue
            if "\0" in "".join(cells):
                raise PairingError(csv_file, f"line {reader.line_num}: it has a null byte")
            lowered = [cell.lower() for cell in cells]
            if first and {"left", "right"} <= set(lowered):
                columns = lowered
            else:
                row = dict(zip(columns, cells, strict=False))
                if len(cells) > len(columns) or not (row.get("left") and row.get("right")):
                    raise PairingError(
                        csv_file,
                        f"line {reader.line_num}: it should be {','.join(columns)} "
                        f"but is '{','.join(raw)}'",
                    )
                yield reader.line_num, row
            first = False
    except csv.Error as error:
        raise PairingError(csv_file, f"line {reader.line_num}: {error}") from error


def _is_inside(name: str) -> bool:
    """Whether `name` is a relative path that stays below its folder, on any system."""
    windows = PureWindowsPath(name)
    return not (windows.anchor or ".." in windows.parts) and bool(windows.name)
