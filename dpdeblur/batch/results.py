"""Results that are there already: whether each is the whole picture that was made."""

from __future__ import annotations

import hashlib
from enum import Enum
from pathlib import Path

from dpdeblur.batch.manifest import Record
from dpdeblur.errors import DPDeblurError, UnreadableFileError
from dpdeblur.io import READABLE, read_picture
from dpdeblur.io.formats import by_content

_HEAD = 16  # bytes, of which no format has only zeros


class State(Enum):
    """What a file in the place of a result is."""

    WHOLE = "whole"
    CHANGED = "changed"
    """A picture, but not the one that the manifest records; somebody may have edited it."""
    DAMAGED = "damaged"
    """Empty, or a result that is cut short or spoiled: nothing to keep."""
    STRANGE = "strange"
    """A picture that cannot be read; somebody may have saved it in a way of his own."""
    NONE = "none"
    """No picture of a known format, and perhaps none of ours."""


def fingerprint(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def state(output: Path, record: Record | None, *, ours: bool) -> State:
    """What the file `output` is, by its record if there is one, or else by reading it.

    `ours` says that the manifest knows it as a result. One that may not be opened passes as whole.
    """
    try:
        with output.open("rb") as file:
            head = file.read(_HEAD)
            if not any(head):  # as a power cut leaves files
                return State.DAMAGED
        if record and record.sha256 and fingerprint(output) == (record.size, record.sha256):
            return State.WHOLE
    except OSError:
        return State.WHOLE
    try:
        if output.suffix.lower() in READABLE:  # EXR is only written
            read_picture(output)
    except UnreadableFileError as error:
        kind = State.STRANGE if by_content(head) else State.NONE
        return State.DAMAGED if error.damaged and ours else kind
    except DPDeblurError:
        return State.STRANGE
    return State.CHANGED if record and record.sha256 else State.WHOLE
