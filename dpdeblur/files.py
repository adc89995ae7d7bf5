"""Writing files whole or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path

from dpdeblur.errors import OutputExistsError, UnwritableOutputError


def write_whole(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` beside `path` and rename, so that no half of a file is ever to be seen.

    Parent folders are made; whatever happens, a file that was there stays until the new one is
    complete, and nothing else is left behind. Raises OutputExistsError if `path` is there and
    not `overwrite`, and UnwritableOutputError.
    """
    temporary = path.absolute().parent / f".dpdeblur-{uuid.uuid4().hex}.part"
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            if path.exists() and not overwrite:  # it may have come while the work was going on
                raise OutputExistsError(path)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableOutputError(path, error.strerror or str(error)) from error
