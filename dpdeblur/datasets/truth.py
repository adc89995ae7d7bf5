"""Finding data sets: pairs of views together with the sharp picture they should become.

Three layouts are known: DPDD's own trees, the folders of its copies (inputL, inputR, target), and
marked names side by side. A set with a gap is an error: scores of a part are not those of the set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from dpdeblur.datasets.folders import pair_up
from dpdeblur.datasets.names import PairPaths
from dpdeblur.datasets.paths import is_folder, list_pictures
from dpdeblur.errors import MissingFileError, PairingError, UnreadableFileError

INDOOR = frozenset({*range(8, 14), 16, 32, *range(39, 57), *range(59, 68), 74, 75})
"""Which of DPDD's 76 test scenes, sorted by name and counted from 0, are indoor."""
_DPDD_TEST_SCENES = 76

_LEFT, _RIGHT, _COMBINED = ("l", "left"), ("r", "right"), ("c", "combined")
_TRUTH = ("gt", "truth", "sharp")  # best first: `fix` names its results X_sharp, too
_Warn = Callable[[str], object]
_ADVICE = "name them X_L and X_R with X_GT beside them, or give a tree in DPDD's layout"


@dataclass(frozen=True)
class TruthPair:
    """One photograph of a data set.

    `name` is a POSIX path without extension, relative to the data set. `combined` is the ordinary
    picture that comes with the views, if one does. `group` is "indoor" or "outdoor" for the 76
    test scenes of DPDD.
    """

    name: str
    left: Path
    right: Path
    truth: Path
    combined: Path | None = None
    group: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All its files."""
        always = self.left, self.right, self.truth
        return always if self.combined is None else (*always, self.combined)


def find_truth_pairs(
    folder: Path, split: str = "test", *, warn: _Warn | None = None
) -> list[TruthPair]:
    """Find the photographs of a data set. `folder` may hold:

    - DPDD's trees, `test_l/source`, `test_r/source` and (if there) `test_c/source`, of which
      `split` chooses. The truth is `test_c/target`, or else that of the left or right tree;
    - `inputL`, `inputR`, `target` and perhaps `inputC`, there or in a folder named `split`;
    - else, at any depth, X_L and X_R as `find_pairs` knows them, with X_GT, X_truth or X_sharp (the
      first of these) and perhaps X_C or X_combined beside them, marks in any capitals.

    In the first two, views and combined pictures belong together by name. So do the truths if all
    their names agree; if none does, as in DPDD, where the truth is another exposure with a number
    of its own, they are taken in sorted order, and there must be as many.

    Args:
        folder: the data set.
        split: which part of it, where it has parts.
        warn: gets a sentence about each folder inside that cannot be listed, which is left out;
            without it, that is an error. Also one if the truths' numbers do not go with the views'.

    Returns:
        The photographs in order of name.

    Raises:
        PairingError: there are none, or one is incomplete; it names what is missing.
        MissingFileError: a folder is missing.
        UnreadableFileError: a folder is a file, or cannot be listed.

    >>> Path("set").mkdir()
    >>> for mark in ("L", "R", "GT"):
    ...     Path(f"set/desk_{mark}.png").touch()
    >>> [pair.truth.name for pair in find_truth_pairs(Path("set"))]
    ['desk_GT.png']
    """
    if not is_folder(folder):
        raise UnreadableFileError(folder, "it is a file; give a folder")
    folders = _dpdd_folders(folder, split) or _copy_folders(folder, split)
    if folders is not None:
        return _match(folders, split, warn)
    others = sorted(path.parent.name.removesuffix("_l") for path in folder.glob("*_l/source"))
    if others:
        raise PairingError(
            folder, f"it has no split '{split}' (folders {split}_l, ...), only {_some(others)}"
        )
    return _side_by_side(folder, warn)


@dataclass(frozen=True)
class _Folders:
    left: Path
    right: Path
    truth: Path
    combined: Path


def _dpdd_folders(folder: Path, split: str) -> _Folders | None:
    left, right, combined = (folder / f"{split}_{side}" for side in "lrc")
    if not (_is_folder(left) or _is_folder(right)):
        return None
    targets = [tree / "target" for tree in (combined, left, right)]
    truth = next(filter(_is_folder, targets), targets[0])
    return _Folders(left / "source", right / "source", truth, combined / "source")


def _copy_folders(folder: Path, split: str) -> _Folders | None:
    for tree in (folder, folder / split):
        left, right = tree / "inputL", tree / "inputR"
        if _is_folder(left) or _is_folder(right):
            return _Folders(left, right, tree / "target", tree / "inputC")
    return None


def _is_folder(path: Path) -> bool:
    try:
        return is_folder(path)
    except MissingFileError:
        return False


def _match(folders: _Folders, split: str, warn: _Warn | None) -> list[TruthPair]:
    lefts, rights = _named(folders.left, _LEFT, warn), _named(folders.right, _RIGHT, warn)
    if not lefts:
        raise PairingError(folders.left, "it holds no picture")
    _check_same(folders.left, lefts, folders.right, rights)
    combined: Mapping[str, Path] = {}
    if _is_folder(folders.combined):
        combined = _named(folders.combined, _COMBINED, warn)
        _check_same(folders.left, lefts, folders.combined, combined)
    truths = _named(folders.truth, _TRUTH, warn)
    if lefts.keys() & truths.keys():
        _check_same(folders.left, lefts, folders.truth, truths)
    elif len(lefts) == len(truths):
        if warn is not None and not _follow(lefts, truths):
            warn(
                f"The numbers of the pictures in {folders.truth} do not follow those in "
                f"{folders.left} one by one; check that each view has its own truth."
            )
        truths = dict(zip(lefts, truths.values(), strict=True))
    else:
        raise PairingError(
            folders.truth,
            f"its {len(truths)} pictures have other names than the {len(lefts)} in "
            f"{folders.left}, and they can only be matched in order if the numbers are equal",
        )
    dpdd = split == "test" and len(lefts) == _DPDD_TEST_SCENES
    return [
        TruthPair(
            name,
            left,
            rights[name],
            truths[name],
            combined.get(name),
            ("indoor" if index in INDOOR else "outdoor") if dpdd else None,
        )
        for index, (name, left) in enumerate(lefts.items())
    ]


def _named(folder: Path, marks: Iterable[str], warn: _Warn | None) -> dict[str, Path]:
    """The pictures in order of path, by relative path without extension and one of `marks`."""
    named: dict[str, Path] = {}
    for path in list_pictures(folder, warn=warn):
        marked = _marked_name(path)
        counts = marked.mark in marks and len(marked.start) > 1
        stem = marked.start[:-1] if counts else path.stem
        name = (path.relative_to(folder).parent / stem).as_posix()
        if name in named:
            raise PairingError(folder, f"{named[name]} and {path} share one name; remove one")
        named[name] = path
    return named


def _follow(views: Iterable[str], truths: Iterable[str]) -> bool:
    """Whether the truths' numbers go with those of the views.

    They do if they are as far from them everywhere, or if each truth was taken after its views and
    before the next ones, as in DPDD. True where a name does not end in a number.
    """
    pairs = [tuple(map(_number, both)) for both in zip(views, truths, strict=True)]
    order = [number for both in pairs for number in both if number is not None]
    if len(order) < 2 * len(pairs):
        return True
    apart = {truth - view for view, truth in zip(order[::2], order[1::2], strict=True)}
    return len(apart) == 1 or all(one < other for one, other in pairwise(order))


def _number(name: str) -> int | None:
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits) if digits else None


def _check_same(
    here: Path, ours: Mapping[str, Path], there: Path, theirs: Mapping[str, Path]
) -> None:
    for names, lacking, others in ((ours, there, theirs), (theirs, here, ours)):
        missing = [name for name in names if name not in others]
        if missing:
            raise PairingError(
                lacking, f"it lacks {_some(missing)}; {names[missing[0]]} has no counterpart"
            )


def _side_by_side(folder: Path, warn: _Warn | None) -> list[TruthPair]:
    pictures = list_pictures(folder, warn=warn)
    try:
        pairing = pair_up(folder, pictures)
    except PairingError as error:
        # Not its advice: there is no list of pairs here.
        raise PairingError(folder, f"it has no views that belong together; {_ADVICE}") from error
    by_name: _ByName = {}
    for path in pictures:
        by_name.setdefault(_marked_name(path), []).append(path)
    found = []
    incomplete = [f"the view {path} has no partner" for path in pairing.orphans]
    for pair in pairing.pairs:
        truth = _companion(pair, by_name, _TRUTH)
        if truth is None:
            incomplete.append(f"{pair.left} has no sharp picture beside it")
        else:
            combined = _companion(pair, by_name, _COMBINED)
            found.append(TruthPair(pair.name, pair.left, pair.right, truth, combined))
    if not found:
        raise PairingError(
            folder,
            f"none of its {len(pairing.pairs)} pairs of views has a sharp picture beside it; "
            + _ADVICE,
        )
    known = {_marked_name(pair.left)[:2] for pair in pairing.pairs}
    for name, paths in by_name.items():
        # Not X_sharp, which may be a result of `fix` under a name of the user's own.
        if name.mark in {"gt", "truth"} and name[:2] not in known:
            incomplete.append(f"{paths[0]} has no views beside it")
    if incomplete:
        raise PairingError(folder, f"{_some(incomplete)}; complete or remove them")
    return found


class _MarkedName(NamedTuple):
    """The name of a picture in its folder: "X_GT" starts with "X_" and has the mark "gt"."""

    folder: Path
    start: str
    mark: str


def _marked_name(path: Path) -> _MarkedName:
    end = 1 + max(path.stem.rfind(separator) for separator in "-_.")
    return _MarkedName(path.parent, path.stem[:end], path.stem[end:].lower())


_ByName = dict[_MarkedName, list[Path]]


def _companion(pair: PairPaths, by_name: _ByName, marks: Iterable[str]) -> Path | None:
    """The picture beside the views that shares their name and has the first of `marks` in use."""
    if pair.left.parent != pair.right.parent:
        return None
    for mark in marks:
        paths = by_name.get(_marked_name(pair.left)._replace(mark=mark), [])
        if len(paths) > 1:
            raise PairingError(
                paths[0].parent, f"{paths[0]} and {paths[1]} share one name; remove one"
            )
        if paths:
            return paths[0]
    return None


def _some(items: list[str]) -> str:
    """The first few of many, so that a sentence stays one."""
    more = "" if len(items) <= 3 else f" and {len(items) - 3} more"
    return ", ".join(items[:3]) + more
