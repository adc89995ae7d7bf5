"""Finding pictures and pairs of views below a folder.

Views are matched by name only, never by their position in a sorted list: one missing file would
shift every pair after it without anyone noticing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePath

from dpdeblur.datasets.names import (
    USUAL,
    Finding,
    Marks,
    PairPaths,
    PhotoPaths,
    RawPath,
    base,
    common_stem,
    distinct,
    is_companion,
    output_name,
    side,
    swapped,
)
from dpdeblur.datasets.paths import is_folder, left_out, list_pictures, shared_sources
from dpdeblur.errors import PairingError, UnreadableFileError
from dpdeblur.io import READABLE

RAW_EXTENSIONS = (".cr2", ".cr3")
_CONVERTED = ".dng"
# Which are not read, so that nobody takes them for restored.
_OTHER_PICTURES = (".jp2", ".bmp", ".gif", ".exr")


def find_pairs(folder: Path, skip: Path | None = None) -> Finding:
    """Find every pair of views below a folder.

    Partners lie in one folder and differ in their mark only (see `names`), or lie in a DPDD tree:
    `X_l/source/A.png` or `A_L.png`, with `X_r/source/A.png` or `A_R.png`, named "X/source/A".
    Names keep the tree. Where two pairs would have one name (IMG_L.png and IMG_L.tif), each takes
    its left file's whole name.

    Args:
        folder: where to search, with all its subfolders.
        skip: a folder that is not searched, such as the one for the output.

    Returns:
        The pairs, and the views whose partner is missing.

    Raises:
        PairingError: there is no pair, or a DPDD tree's names do not agree.
        MissingFileError: there is no such folder.
        UnreadableFileError: it is a file, or cannot be listed.

    >>> [pair.name for pair in find_pairs(Path("examples")).pairs]
    ['canon_r6ii']
    """
    return pair_up(folder, list_pictures(folder, skip))


def pair_up(folder: Path, files: Sequence[Path]) -> Finding:
    """What `find_pairs` finds where `files` are the pictures below `folder`, in order."""
    pairs, orphans = _search(folder, files)
    if not pairs:
        raise PairingError(folder, _nothing_found(orphans), "pairs")
    return Finding(distinct(pairs, _whole_names(folder, pairs), folder), orphans)


def find_photos(
    source: Path | Sequence[Path], skip: Path | None = None, marks: Marks = USUAL
) -> Finding:
    """Find every pair of views and every Canon raw file below a folder.

    Of several folders and files, names keep the tree below the folder that all of them share.

    A raw file is named as it is without its extension. A pair of the same name beside it is assumed
    to be its views, as `split` writes them, and left out. Folders inside that cannot be listed are
    left out, too.

    Args:
        source: where to search, with all subfolders; or several folders and files.
        skip: a folder that is not searched, such as the one for the output.
        marks: how names say the side.

    Returns:
        The pairs and raw files, the views whose partner is missing, warnings, and other pictures.

    Raises:
        PairingError: there is neither a pair nor a raw file, or a DPDD tree's names do not agree.
        MissingFileError: there is no such folder.
        UnreadableFileError: a folder cannot be listed.

    >>> [photo.name for photo in find_photos(Path("examples")).photos]
    ['canon_r6ii']
    """
    unread: list[str] = []
    extensions = (*READABLE, *RAW_EXTENSIONS, _CONVERTED, *_OTHER_PICTURES)
    folder, files = _gathered(source, skip, extensions, unread.append)
    pairs, orphans = _search(folder, _ending(files, READABLE), marks)
    converted = _ending(files, (_CONVERTED,))
    raws = [
        RawPath(path.relative_to(folder).with_suffix("").as_posix(), path)
        for path in _ending(files, RAW_EXTENSIONS)
    ]
    raw_names = {(raw.path.parent, raw.name) for raw in raws}
    views = {pair.left for pair in pairs if (pair.left.parent, pair.name) in raw_names}
    photos: list[PhotoPaths] = [*(pair for pair in pairs if pair.left not in views), *raws]
    if not photos:
        no_raw = "no Canon raw file (CR2, CR3) is there"
        if converted:
            no_raw += f" but {len(converted)} DNG (the first is {converted[0]}), which is none"
        raise PairingError(folder, f"{no_raw}, and {_nothing_found(orphans, marks)}", "pairs")
    warnings = (
        f"Left out: {what}, {len(paths)} in all (the first is {paths[0]})."
        for what, paths in (
            ("pairs of views beside the raw file of the same name", sorted(views)),
            ("DNG files; use the camera's own CR2 or CR3 instead", converted),
        )
        if paths
    )
    used = {*orphans, *(path for pair in pairs for path in pair.files)}
    restored: list[PhotoPaths] = [*pairs, *raws]
    beside = {folder / photo.name for photo in restored}  # results, the camera's own JPEG
    pictures = _ending(files, (*READABLE, *_OTHER_PICTURES))
    others = [
        path
        for path in pictures
        if path not in used
        and path.parent / path.stem not in beside
        and not is_companion(path.relative_to(folder))
    ]
    named = distinct(photos, _whole_names(folder, photos), folder)
    return Finding(named, orphans, (*unread, *warnings), tuple(others))


def _gathered(
    source: Path | Sequence[Path],
    skip: Path | None,
    extensions: Sequence[str],
    warn: Callable[[str], object],
) -> tuple[Path, list[Path]]:
    """The folder that all sources share, and their files, as `list_pictures` lists them."""
    sources = shared_sources([source] if isinstance(source, Path) else source)
    found, failures = set[Path](), list[UnreadableFileError]()
    for each in sources.paths:
        try:
            inside = list_pictures(each, skip, extensions, warn=warn) if is_folder(each) else [each]
        except UnreadableFileError as error:
            failures.append(error)
            continue
        found.update(_ending(inside, extensions))
    if len(failures) == len(sources.paths):
        raise failures[0]
    for failure in failures:
        warn(left_out(failure.path, failure.reason))
    return sources.folder, sorted(
        found, key=lambda path: path.relative_to(sources.folder).as_posix()
    )


def _whole_names(folder: Path, photos: Sequence[PhotoPaths]) -> list[str]:
    return [photo.files[0].relative_to(folder).as_posix() for photo in photos]


def _ending(files: Sequence[Path], extensions: Sequence[str]) -> list[Path]:
    return [path for path in files if path.suffix.lower() in extensions]


def _search(
    folder: Path, files: Sequence[Path], marks: Marks = USUAL
) -> tuple[list[PairPaths], tuple[Path, ...]]:
    """The pairs among the pictures below `folder`, and the views without a partner."""
    # First of equals: A.PNG and A.png have one key, and the second stays without a partner.
    by_key = {_key(path): path for path in reversed(files)}
    pairs = _pairs_in_one_folder(folder, files, by_key, marks)
    paired = {path for pair in pairs for path in (pair.left, pair.right)}
    rest = [path for path in files if path not in paired]
    pairs += _pairs_in_trees(folder, rest, by_key)
    paired = {path for pair in pairs for path in (pair.left, pair.right)}
    orphans = tuple(
        path
        for path in rest
        if path not in paired
        and (marks.base(path.stem) != path.stem or _tree(path.relative_to(folder)))
    )
    return pairs, orphans


_Key = tuple[Path, str, str]


def _key(path: Path) -> _Key:
    """A file's folder, stem and extension, the last in lower case: .JPG and .jpg are partners."""
    return path.parent, path.stem, path.suffix.lower()


def _pairs_in_one_folder(
    folder: Path, files: Sequence[Path], by_key: Mapping[_Key, Path], marks: Marks
) -> list[PairPaths]:
    pairs = {}
    for left in files:
        right = by_key.get(_key(left.with_stem(marks.swapped(left.stem))))
        if marks.side(left.stem) == "left" and right is not None and right not in pairs:
            name = output_name(left.relative_to(folder), left, right, marks)
            pairs[right] = PairPaths(name.as_posix(), left, right)
    return list(pairs.values())


def _pairs_in_trees(
    folder: Path, files: Sequence[Path], by_key: Mapping[_Key, Path]
) -> list[PairPaths]:
    pairs: dict[Path, PairPaths] = {}
    matches: Counter[tuple[Path, Path]] = Counter()
    for left in files:
        tree = _tree(left.relative_to(folder))
        if tree is None or tree[0] != "left" or side(left.stem) == "right":
            continue
        _, other, merged = tree
        right = by_key.get(_key(folder / other / f"{swapped(left.stem)}{left.suffix}"))
        matches[left.parent, folder / other] += right is not None
        if right is not None and right not in pairs:
            name = merged / common_stem(left, right)
            pairs[right] = PairPaths(name.as_posix(), left, right)
    for (ours, theirs), count in matches.items():
        if count == 0 and any(path.parent == theirs for path in files):
            raise PairingError(
                ours,
                f"no file name there agrees with one in {theirs}; name the partners alike, "
                "or say what belongs together in a CSV table",
                "pairs",
            )
    return list(pairs.values())


def _tree(path: PurePath) -> tuple[str, PurePath, PurePath] | None:
    """For a file in a DPDD tree: its side, its partner's folder, its folder without the mark."""
    folders = path.parent.parts
    for index, (part, below) in enumerate(pairwise(folders)):
        which = side(part)
        if which is not None and base(part) and below.lower() == "source":
            before, after = folders[:index], folders[index + 1 :]
            other, merged = (*before, swapped(part), *after), (*before, base(part), *after)
            return which, PurePath(*other), PurePath(*merged)
    return None


def _nothing_found(orphans: Sequence[Path], marks: Marks = USUAL) -> str:
    if orphans:
        return (
            f"no view there has its partner ({len(orphans)} found, the first is {orphans[0]}); "
            "give the folder that holds both sides, or list the pairs in a CSV table"
        )
    named = "X_L and X_R (or l and r in one folder)" if marks is USUAL else "with these suffixes"
    return f"no view was found there; name the views {named}, or list the pairs in a CSV table"
