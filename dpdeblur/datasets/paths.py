"""What lies at a path, with this package's errors in place of the system's."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePath

from dpdeblur.errors import MissingFileError, UnreadableFileError


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


def inner_path(folder: Path, path: Path) -> PurePath | None:
    """The way from `folder` down to `path`, links followed, or None if that is not below it."""
    # Unlike Path.resolve, realpath takes a link to itself, too.
    outer, inner = (PurePath(os.path.realpath(each)) for each in (folder, path))
    return inner.relative_to(outer) if outer in inner.parents else None
