"""Rooms import what docs/design.md says they may, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dpdeblur

PACKAGE = Path(dpdeblur.__file__).parent
ROW = re.compile(r"^\| `([\w/.]+)` \|[^|]*\| ([^|]*) \|$", re.MULTILINE)


def table() -> dict[str, str]:
    """What each room may import, as written."""
    text = (Path(__file__).parents[1] / "docs" / "design.md").read_text(encoding="utf-8")
    return {name.removesuffix(".py").rstrip("/"): may for name, may in ROW.findall(text)}


def room_of(parts: list[str], rooms: dict[str, str]) -> str | None:
    """The innermost room that a module lies in, by its name's parts after `dpdeblur`."""
    names = ("/".join(parts[:length]) for length in (2, 1))
    return next((name for name in names if name in rooms), None)


def imported(path: Path) -> Iterator[list[str]]:
    """The names after `dpdeblur` that a module imports, also within functions and for types."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1:] for name in names if name.startswith("dpdeblur."))


def test_imports_are_those_of_the_table() -> None:
    rooms = table()
    for path in PACKAGE.rglob("*.py"):
        here = room_of([*path.relative_to(PACKAGE).with_suffix("").parts], rooms)
        if here is None or rooms[here] == "everything":
            continue
        may = {None, here, *re.findall(r"[\w/]+", rooms[here])}
        for parts in imported(path):
            # A name such as engines/base allows one module of a room.
            allowed = room_of(parts, rooms) in may or "/".join(parts[:2]) in may
            assert allowed, f"{path} imports {'.'.join(parts)}; {here} may import {rooms[here]}"


def test_every_module_lies_in_a_room() -> None:
    rooms = table()
    outside = {
        path.name
        for path in PACKAGE.rglob("*.py")
        if room_of([*path.relative_to(PACKAGE).with_suffix("").parts], rooms) is None
    }
    assert outside == {"__init__.py", "__main__.py"}
