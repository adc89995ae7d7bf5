"""How file names say "left" and "right", and what the result of a pair is called.

A stem ends in a mark: `X_L`/`X_R`, also `_l`, `_left`, `_Left`, `_LEFT`, with `-` or `.` in place
of `_`; or it is nothing but the mark: `l`/`r`, `left`/`right`. Partners are spelled alike, so
`X_L` goes with `X_R` and not with `X_r`: a guess could join two different photographs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TypeVar

from dpdeblur.errors import OptionError, PairingError

_RIGHT_OF = {"l": "r", "L": "R", "left": "right", "Left": "Right", "LEFT": "RIGHT"}
_EITHER = "|".join([*_RIGHT_OF, *_RIGHT_OF.values()])
_MARKED = re.compile(rf"(?:(?P<base>.+)[-_.])?(?P<mark>{_EITHER})", re.DOTALL)
_NUMBER = re.compile(r"\d{4,}")  # cameras count in four digits or more; two views, in fewer

_COMPANION = re.compile(r"(?:.+[-_.])?(?:gt|truth|sharp|c|combined)|inputC", re.I | re.DOTALL)


@dataclass(frozen=True)
class PairPaths:
    """Where one photograph's views lie, and the name of what is made of them.

    `name` is a POSIX path without extension, relative to the output folder ("day1/IMG_0001").
    """

    name: str
    left: Path
    right: Path

    @property
    def files(self) -> tuple[Path, Path]:
        """The files that it is read from."""
        return self.left, self.right


@dataclass(frozen=True)
class RawPath:
    """Where the raw file lies that holds both views of a photograph; `name` as in PairPaths."""

    name: str
    path: Path

    @property
    def files(self) -> tuple[Path]:
        """The files that it is read from."""
        return (self.path,)


PhotoPaths = PairPaths | RawPath
PhotoPathsT = TypeVar("PhotoPathsT", PairPaths, RawPath, PhotoPaths)


@dataclass(frozen=True)
class Finding:
    """What a folder or table holds: photos in order of name, and views without a partner.

    `warnings` are sentences about what else was found and is left out; `others` are pictures whose
    names are neither those of views nor of what belongs to them (truths, combined pictures, ...).
    """

    photos: tuple[PhotoPaths, ...]
    orphans: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    others: tuple[Path, ...] = ()

    @property
    def pairs(self) -> tuple[PairPaths, ...]:
        """Those of the photos that are two views."""
        return tuple(photo for photo in self.photos if isinstance(photo, PairPaths))


def is_companion(path: PurePath) -> bool:
    """Whether a name says that a picture belongs to views: X_GT, X_combined, X_c/source, target."""
    parts = (*path.parent.parts, path.stem)
    return path.parent.name.lower() == "target" or any(map(_COMPANION.fullmatch, parts))


class Marks:
    """What the end of a stem says about the side; `USUAL`, or two suffixes of the user's."""

    def __init__(self, marked: re.Pattern[str], right_of: Mapping[str, str]) -> None:
        self._marked, self._right_of = marked, right_of
        self._partner = {**{right: left for left, right in right_of.items()}, **right_of}

    @classmethod
    def suffixes(cls, left: str, right: str) -> Marks:
        """One suffix for each side, of which one may be empty. Raises OptionError."""
        if left == right:
            raise OptionError("right_suffix", f"'{right}' is the left views' suffix, too")
        marks = "|".join(map(re.escape, (left, right)))
        return cls(re.compile(rf"(?P<base>.*?)(?P<mark>{marks})", re.DOTALL), {left: right})

    def side(self, stem: str) -> str | None:
        """The side that a file's stem (or a folder's name) says: "left", "right" or None."""
        mark = self._marked.fullmatch(stem)
        return None if mark is None else "left" if mark["mark"] in self._right_of else "right"

    def base(self, stem: str) -> str:
        """The stem without its mark; empty if it is only a mark, unchanged if it has none."""
        mark = self._marked.fullmatch(stem)
        return stem if mark is None else mark["base"] or ""

    def swapped(self, stem: str) -> str:
        """The partner's stem; unchanged if there is no mark."""
        mark = self._marked.fullmatch(stem)
        return stem if mark is None else stem[: mark.start("mark")] + self._partner[mark["mark"]]


USUAL = Marks(_MARKED, _RIGHT_OF)
side, base, swapped = USUAL.side, USUAL.base, USUAL.swapped


def common_stem(left: Path, right: Path, marks: Marks = USUAL) -> str:
    """The photograph's name: "IMG_1" for IMG_1_L.png and IMG_1_R.png.

    For a bare l.png and r.png it is their folder's name; for names that do not belong together,
    the left file's stem.
    """
    if not _belong(left, right, marks):
        return left.stem
    if name := marks.base(left.stem):
        return name
    folder = left.parent.name
    if folder in {"", ".."}:
        folder = left.parent.resolve().name
    return folder or left.stem


def names_say_swapped(left: Path, right: Path) -> bool:
    """Whether the names say that `left` is the right view and `right` the left one.

    So it is with A_R.png as the left view and A_L.png as the right one. Where the files' names
    say nothing, their folders' do: X_r/source/A.png and X_l/source/A.png.
    """
    ours, theirs = ((path.stem, *reversed(path.parent.parts)) for path in (left, right))
    sides = [(side(mine), side(other)) for mine, other in zip(ours, theirs, strict=False)]
    told = [pair for pair in sides if pair in {("left", "right"), ("right", "left")}]
    return told[:1] == [("right", "left")]


def names_say_different(left: Path, right: Path) -> bool:
    """Whether the names say that the views are of two photographs.

    So it is with A_L.png and B_R.png, with A_L.png and B.png (A_aux.png may well be its other
    view), and with other numbers of a camera: IMG_0001.png and IMG_0002.png. Names such as
    first.png and second.png say nothing.
    """
    sides = side(left.stem), side(right.stem)
    short, long = sorted((base(path.stem).casefold() for path in (left, right)), key=len)
    if None not in sides:
        return short != long
    numbers, others = (set(_NUMBER.findall(name)) for name in (short, long))
    shot_twice = bool(numbers and others) and numbers.isdisjoint(others)
    return shot_twice or (sides != (None, None) and not long.startswith(short))


def output_name(inner: PurePath, left: Path, right: Path, marks: Marks = USUAL) -> PurePath:
    """The pair's common stem in the folder of `inner`, the left view's relative path.

    A bare l.png and r.png take the place of their folder: "day1/0600/l.png" makes "day1/0600".
    """
    bare = _belong(left, right, marks) and not marks.base(left.stem)
    return (inner.parent.parent if bare else inner.parent) / common_stem(left, right, marks)


def distinct(
    photos: Sequence[PhotoPathsT], fallbacks: Sequence[str], origin: Path
) -> tuple[PhotoPathsT, ...]:
    """The photos in order of name, each name shared by several replaced by the photo's fallback.

    Raises PairingError for `origin` if that does not make all names different.
    """
    # Names are compared as the file systems of macOS and Windows do: without regard to case.
    shared = Counter(photo.name.casefold() for photo in photos)
    renamed = [
        replace(photo, name=fallback) if shared[photo.name.casefold()] > 1 else photo
        for photo, fallback in zip(photos, fallbacks, strict=True)
    ]
    owners: dict[str, PhotoPathsT] = {}
    for photo in renamed:
        other = owners.setdefault(photo.name.casefold(), photo)
        if other is not photo:
            raise PairingError(
                origin,
                f"{other.files[0]} and {photo.files[0]} would both be written as '{photo.name}'; "
                "rename one, or give each its name in a CSV table",
                "pairs",
            )
    return tuple(sorted(renamed, key=lambda photo: photo.name))


def _belong(left: Path, right: Path, marks: Marks) -> bool:
    return marks.side(left.stem) is not None and marks.swapped(left.stem) == right.stem
