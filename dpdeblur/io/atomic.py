"""Reading files whole; writing them whole or not at all, and never over what must not be lost."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISREG

from dpdeblur.errors import (
    DiskFullError,
    MissingFileError,
    OutputExistsError,
    UnreadableFileError,
    UnsupportedFormatError,
    UnwritableOutputError,
)

_PREFIX, _SUFFIX = ".dpdeblur-", ".part"  # of files being written
_WRITING = 60  # seconds that a file being written is left alone


def read_whole(
    path: Path,
    extensions: Sequence[str] = (),
    look: Callable[[bytes, int], None] = lambda _first, _size: None,
) -> bytes:
    """The bytes of an ordinary file, whose name must end in one of `extensions` if any are given.

    Before more is read, `look` is given its first 16 bytes and its size, to raise its own errors.
    Raises MissingFileError, UnsupportedFormatError, and UnreadableFileError for a
    folder, a pipe or device, an empty file and whatever the system refuses.
    """
    try:
        kind = path.stat().st_mode
        if S_ISDIR(kind):
            raise UnreadableFileError(path, "it is a folder")
        if not S_ISREG(kind):  # reading a pipe or device may never end
            raise UnreadableFileError(path, "it is not an ordinary file")
        if extensions and path.suffix.lower() not in extensions:
            raise UnsupportedFormatError(path, extensions)
        with path.open("rb") as file:
            first = file.read(16)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(path) from error
    except ValueError as error:  # a name with a null byte
        raise UnreadableFileError(path, str(error)) from error
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    if not first:
        raise UnreadableFileError(path, "it is empty")
    look(first, path.stat().st_size)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error


def read_at_most(path: Path, most: int) -> bytes:
    """The bytes of a file or pipe that is no picture; it may be endless.

    Raises MissingFileError, and UnreadableFileError for a folder, for more than `most` bytes and
    whatever the system refuses.
    """
    try:
        with path.open("rb") as file:
            too_long = os.fstat(file.fileno()).st_size > most  # known before it takes memory
            data = b"" if too_long else file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(path) from error
    except ValueError as error:  # a name with a null byte
        raise UnreadableFileError(path, str(error)) from error
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    if too_long or len(data) > most:
        raise UnreadableFileError(path, f"it is larger than {most >> 20} MiB")
    return data


class FileSet:
    """Files that are told apart by what they are, not by their names: links, other capitals.

    Raises ValueError for a name with a null byte.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._known = {_identity(path) for path in paths}

    def __contains__(self, path: Path) -> bool:
        return _identity(path) in self._known


def check_writable(
    path: Path,
    *,
    overwrite: bool,
    inputs: Iterable[Path] | FileSet = (),
    extensions: Sequence[str] = (),
) -> None:
    """Find out before the long work whether a file could be written at `path`; writes nothing.

    Raises UnsupportedFormatError for a name that ends in none of `extensions`, if any are given
    (UnwritableOutputError if it is a folder's),
    OutputExistsError for a file that is there unless `overwrite`, and
    UnwritableOutputError where `path` is one of `inputs`, which are never replaced, or no ordinary
    file, or the folder it would go to (or the first of its parents that exists) takes no files. For
    many outputs give one FileSet of the inputs.
    """
    try:
        if extensions and path.suffix.lower() not in extensions:
            if path.is_dir():
                raise UnwritableOutputError(path, "it is a folder; give the name of a file in it")
            raise UnsupportedFormatError(path, extensions)
        _mode(path)
        # A link to nowhere is there, too, though nothing can be put into it.
        folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
        if not folder.is_dir():
            raise UnwritableOutputError(path, f"{folder} is not a folder")
        if path in (inputs if isinstance(inputs, FileSet) else FileSet(inputs)):
            raise UnwritableOutputError(path, "it is one of the inputs; choose another name")
        if path.exists() and not overwrite:
            raise OutputExistsError(path)
    except OSError as error:
        raise UnwritableOutputError(path, error.strerror or str(error)) from error
    except (RuntimeError, ValueError) as error:  # links in a circle, a null byte
        raise UnwritableOutputError(path, str(error)) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UnwritableOutputError(path, f"you have no permission to write to {folder}")


def write_whole(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` beside `path` and rename, so that no half of a file is ever to be seen.

    Parent folders are made; whatever happens, even a power cut, a file that was there stays until
    the new one is complete and on the disk, and nothing else is left behind. The new one has the
    old one's permissions. Raises OutputExistsError if `path` is there and not `overwrite`,
    DiskFullError, and UnwritableOutputError, also where `path` is a folder, a pipe or a device.
    """
    temporary = path.absolute().parent / f"{_PREFIX}{uuid.uuid4().hex}{_SUFFIX}"
    try:
        mode = _mode(path)
        try:
            _make_folder(temporary.parent)
            if mode is not None:  # nobody who may not read the old file sees the new one either
                temporary.touch(0o600)
            temporary.write_bytes(data)
            _flush(temporary)
            if mode is not None:
                temporary.chmod(mode)
            if path.exists() and not overwrite:  # it may have come while the work was going on
                raise OutputExistsError(path)
            temporary.replace(path)
            _flush_folder(temporary.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            free = _free(temporary.parent) if error.errno == ENOSPC else None  # not of a quota
            raise DiskFullError(path, len(data), free) from error
        raise UnwritableOutputError(path, error.strerror or str(error)) from error


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove from folders what `write_whole` left there when its process was killed.

    Files of the last minute stay, as another process may be writing them.
    """
    latest = time.time() - _WRITING
    for folder in folders:
        with suppress(OSError):
            for file in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
                if file.stat().st_mtime < latest:
                    file.unlink()


def _mode(path: Path) -> int | None:
    """The permissions of an ordinary file; None where nothing is. Raises UnwritableOutputError."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if S_ISREG(mode):
        return S_IMODE(mode)
    reason = "it is a folder" if S_ISDIR(mode) else "it is a pipe or device, not an ordinary file"
    raise UnwritableOutputError(path, reason)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each known to the disk."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        _flush_folder(each.parent)


def _flush(path: Path, flags: int = os.O_RDWR) -> None:
    """Wait until what was written is on the disk: else a power cut may leave an empty file."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):  # not every system can; and the file itself is whole by now
        _flush(folder, os.O_RDONLY)


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _identity(path: Path) -> tuple[int, int] | str:
    """The device and number of a file that is there; else where it would be, links followed."""
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino
