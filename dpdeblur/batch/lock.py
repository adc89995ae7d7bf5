"""One batch at a time in an output folder: two would write one manifest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from dpdeblur.errors import UnwritableOutputError

LOCK_NAME = ".batch.lock"
_PATIENCE = 0.5  # seconds, for one that is just ending


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold an output folder, which is made if need be, against other batches on any machine.

    Where the file system knows no locks, it goes on without. Raises UnwritableOutputError if
    another batch is at work there.
    """
    path = folder / LOCK_NAME
    lock = FileLock(path, timeout=_PATIENCE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        reason = "another batch is at work there; wait for it or choose another output folder"
        raise UnwritableOutputError(folder, reason) from error
    except OSError:  # a folder that takes no files is told when the manifest is written
        pass
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # whoever waits for the lock sees that its file is gone
                path.unlink()
            lock.release()
