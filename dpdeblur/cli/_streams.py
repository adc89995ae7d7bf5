"""Standard streams that never stop the work: closed, broken by the reader, or on a full disk."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

# A reader that has gone wants no more.
_GONE = {errno.EPIPE, errno.ESHUTDOWN}
# How a log begins: the time, or nothing yet.
_LOGGED = re.compile(rb"\d{4}(-\d\d){2} \d\d(:\d\d){2},\d{3} [A-Z]+ |$")
_PREFIX = 40


class _Tolerant(io.RawIOBase):
    """Passes on what is written to a file, and after the first failure drops it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream  # which would close its file if nobody held it
        self._number = stream.fileno()
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def fileno(self) -> int:
        return self._number

    def write(self, data: Any) -> int:
        if self.failure is None:
            try:
                return os.write(self._number, data)
            except OSError as error:
                self.failure = error
        return memoryview(data).nbytes


class LogFile(logging.FileHandler):
    """A file that messages are appended to until that fails; `on_loss` is told why, once.

    Raises OSError where it cannot be opened, for a pipe, which may never have a reader, and for a
    file that begins otherwise than such a log: it is something else and must not be spoiled.
    """

    def __init__(self, path: Path, on_loss: Callable[[str], object]) -> None:
        if path.is_fifo():
            raise OSError(errno.EINVAL, "it is a pipe")
        if path.is_file() and not _LOGGED.match(_first(path)):
            raise OSError(errno.EEXIST, "it is there, and is no log of this program")
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._on_loss = on_loss

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Give up the file after the error that is being handled."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif self.level <= logging.CRITICAL:
            self.setLevel(logging.CRITICAL + 1)
            self._on_loss(error.strerror or str(error))

    def close(self) -> None:
        """Close the file; what does not fit any more is lost."""
        with suppress(OSError):
            super().close()


def make_tolerant() -> None:
    """Replace the standard streams of this process; where one is closed, by one to nowhere."""
    if sys.stdin is None:
        sys.stdin = _to_nowhere(0)
    sys.stdout = _tolerant(sys.stdout or _to_nowhere(1))
    sys.stderr = _tolerant(sys.stderr or _to_nowhere(2))


def lost_output() -> str | None:
    """Why results did not reach standard output; None if they did, or nobody wanted them."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = getattr(raw, "failure", None)
    if failure is None or failure.errno in _GONE:
        return None
    return failure.strerror or str(failure)


def _first(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_PREFIX)


def _to_nowhere(number: int) -> TextIO:
    """A stream with that number, which the next file opened would get otherwise."""
    handle = os.open(os.devnull, os.O_RDWR)
    if handle != number:
        os.dup2(handle, number)
        os.close(handle)
    kind = io.BufferedReader if number == 0 else io.BufferedWriter
    file = io.FileIO(number, "r" if number == 0 else "w", closefd=False)
    return io.TextIOWrapper(kind(file), encoding="utf-8")


def _tolerant(stream: TextIO) -> TextIO:
    try:
        raw = _Tolerant(stream)
    except (OSError, ValueError):  # no file: somebody has put something else in its place
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        # A name that the terminal cannot show shall not fail a picture that is written.
        errors="backslashreplace",
        line_buffering=True,
    )
