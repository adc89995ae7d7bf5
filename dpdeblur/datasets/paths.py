"""What lies at a path and below it, with this package's errors in place of the system's."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path, PurePath

from dpdeblur.errors import MissingFileError, PairingError, UnreadableFileError
from dpdeblur.io import READABLE

# Folders in which macOS, Synology and Windows keep copies and thumbnails of the user's pictures.
_JUNK_FOLDERS = {"__macosx", "@eadir", "$recycle.bin"}


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder rather than a file.

    Raises MissingFileError if nothing is there, and UnreadableFileError if the system does not
    say: a name that is too long, a folder that may not be entered, a link to itself.
    """
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(path) from error
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    except ValueError as error:  # a name with a null byte
        raise UnreadableFileError(path, str(error)) from error


@dataclass(frozen=True)
class Sources:
    """Folders and files, and the folder that all of them share."""

    folder: Path
    paths: tuple[Path, ...]


def shared_sources(paths: Sequence[Path]) -> Sources:
    """Several folders and files with the folder that they share; one folder is its own.

    Raises what `is_folder` raises, and PairingError if they share none, as on two drives.
    """
    # Relative paths that go up share no folder by their names alone.
    if len(paths) > 1 and any(
        path.is_absolute() != paths[0].is_absolute() or ".." in path.parts for path in paths
    ):
        paths = [Path(os.path.realpath(path)) for path in paths]
    folders = [path if is_folder(path) else path.parent for path in paths]
    try:
        return Sources(Path(os.path.commonpath(folders)), tuple(paths))
    except ValueError as error:
        raise PairingError(paths[0], f"it shares no folder with {paths[-1]}") from error


def expanded(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The same with patterns (`*`, `?`, `[...]`, `**`) in place of what they match, in order.

    Shells but those of Windows have done that before. What is there, or matches nothing, stays.
    """
    found = list[Path]()
    for path in paths:
        # Path.glob takes no absolute patterns.
        there = os.path.lexists(path)
        matches = [] if there else sorted(glob(str(path), recursive=True))  # noqa: PTH207
        found += map(Path, matches) if matches else [path]
    return tuple(dict.fromkeys(found))


def inner_path(folder: Path, path: Path) -> PurePath | None:
    """The way from `folder` down to `path`, links followed, or None if that is not below it."""
    # Unlike Path.resolve, realpath takes a link to itself, too.
    outer, inner = (PurePath(os.path.realpath(each)) for each in (folder, path))
    return inner.relative_to(outer) if outer in inner.parents else None


def list_pictures(
    folder: Path,
    skip: Path | None = None,
    extensions: Sequence[str] = READABLE,
    *,
    warn: Callable[[str], object] | None = None,
) -> list[Path]:
    """All picture files below `folder`, by extension, in order of their relative path.

    Hidden and junk files and folders are left out, and so is the folder `skip` when it lies
    inside. Linked folders are not followed. Raises MissingFileError and UnreadableFileError; but
    where `warn` is given, it gets a sentence about each folder inside that cannot be listed.
    """
    if not is_folder(folder):
        raise UnreadableFileError(folder, "it is a file; give a folder")

    def unreadable(error: OSError) -> None:
        path, reason = Path(error.filename), error.strerror or "it cannot be listed"
        if warn is None or path == folder:
            raise UnreadableFileError(path, reason)
        warn(left_out(path, reason))

    inside = None if skip is None else inner_path(folder, skip)
    skipped = None if inside is None else folder / inside
    found = []
    for walked, folders, files in os.walk(folder, onerror=unreadable):
        here = Path(walked)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name.lower() not in _JUNK_FOLDERS
            and here / name != skipped
        ]
        found += [
            here / name
            for name in files
            if not name.startswith(".") and PurePath(name).suffix.lower() in extensions
        ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def left_out(folder: Path, reason: str) -> str:
    """A sentence on a folder that cannot be listed."""
    return f"The folder {folder} cannot be read and is left out: {reason}."
