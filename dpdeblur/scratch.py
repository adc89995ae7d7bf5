"""Large arrays in temporary files: on Linux they take memory only where they are in use.

So memory does not grow with the picture. The system keeps parts of the files in its cache, which it
can drop where memory is short.
"""

from __future__ import annotations

import functools
import math
import mmap
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakSet

import numpy as np
import psutil
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

LARGE = 2**25
"""Bytes from which on an array gets a file: a view of 24 megapixels, but none of DPDD's."""
# Bytes to leave free on the disk, for results and whatever else is written.
_SPARE = 2**30
# Bytes that `keep` copies at once.
_BAND = 2**24
# On a disk even where the usual folder for temporary files is in memory.
_DISK = Path("/var/tmp")
_VARIABLES = ("TMPDIR", "TEMP", "TMP")

_mapped: WeakSet[mmap.mmap] = WeakSet()
_lock = Lock()


def empty(shape: tuple[int, ...], dtype: type[Any] | np.dtype[Any]) -> NDArray[Any]:
    """An array to be filled, in a file if it is large and the disk has room, else in memory.

    The file goes with the array. It lies where TMPDIR, TEMP or TMP says, else in /var/tmp.
    """
    found = _in_file(shape, np.dtype(dtype))
    return np.empty(shape, dtype) if found is None else found


def keep(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """A copy of an array in a file, or where `empty` would not make one, the array itself."""
    copy = _in_file(array.shape, array.dtype)
    if copy is None:
        return array
    step = max(1, _BAND * len(array) // array.nbytes)
    for top in range(0, len(array), step):
        copy[top : top + step] = array[top : top + step]
        rest()
    return copy


def rest() -> None:
    """Give back the memory of what was read or written; it comes from the files when needed."""
    if sys.platform != "linux":  # elsewhere this advice may lose what was written
        return
    with _lock, suppress(OSError):
        for each in _mapped:
            each.madvise(mmap.MADV_DONTNEED)


def taken(array: NDArray[Any]) -> int:
    """Bytes of memory that an array takes: none if it lies in a file."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    base = base.obj if isinstance(base, memoryview) else base
    return 0 if isinstance(base, mmap.mmap) and base in _mapped else array.nbytes


def to_be_taken(sizes: Sequence[int]) -> list[int]:
    """What new arrays of so many bytes would take: large ones none, if the disk holds them all."""
    fit = _fits(sum(size for size in sizes if size >= LARGE))
    return [0 if fit and size >= LARGE else size for size in sizes]


def _in_file(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE or not _fits(size):
        return None
    try:
        found = _reserved(size)
    except (OSError, ValueError):  # the disk filled meanwhile, or no more maps
        return None
    with _lock:
        _mapped.add(found)
    return np.frombuffer(found, dtype).reshape(shape)


def _fits(size: int) -> bool:
    try:
        folder = _folder()
        return not _in_memory(folder) and shutil.disk_usage(folder).free >= size + _SPARE
    except OSError:
        return False


def _reserved(size: int) -> mmap.mmap:
    """A map of a new file. Its bytes are on the disk already, as a write that fails would kill."""
    with tempfile.TemporaryFile(dir=_folder()) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            for start in range(0, size, _BAND):
                file.write(bytes(min(_BAND, size - start)))
            file.flush()
        return mmap.mmap(file.fileno(), size)


def _folder() -> str:
    chosen = any(os.environ.get(name) for name in _VARIABLES)
    if not chosen and os.access(_DISK, os.W_OK):
        return str(_DISK)
    return tempfile.gettempdir()


@functools.cache
def _in_memory(folder: str) -> bool:
    """Whether files in it take memory."""
    path, found = Path(folder).resolve(), ""
    for part in sorted(psutil.disk_partitions(all=True), key=lambda part: len(part.mountpoint)):
        if path.is_relative_to(part.mountpoint):
            found = part.fstype
    return found in {"tmpfs", "ramfs"}
