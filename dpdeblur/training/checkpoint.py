"""The state of a run in one file, from which it goes on as if it had never stopped."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.io.atomic import read_whole, write_whole
from dpdeblur.training.batches import PairSource
from dpdeblur.training.identity import Settings, difference, modernised


class Stateful(Protocol):
    """What can be saved and loaded: a network, an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """All that it has become."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Become that again."""


State = Mapping[str, Stateful]

_MARK = b"dpdeblur SHA-256 "
_COMMENT = len(_MARK) + 64
_DAMAGED = "it is damaged; delete it to start again"


def save_checkpoint(checkpoint: Path, state: State, settings: Settings, step: int) -> None:
    """Write what `resume` needs, whole or not at all, with a digest."""
    parts = {name: part.state_dict() for name, part in state.items()}
    buffer = io.BytesIO()
    torch.save(parts | {"step": step, "settings": settings}, buffer)
    write_whole(checkpoint, _with_digest(buffer.getvalue()))


def resume(
    checkpoint: Path,
    state: State,
    settings: Settings,
    pairs: PairSource,
    on_note: Callable[[str], object] = lambda _: None,
) -> int:
    """Load `state` if there is a checkpoint; the number of steps done.

    `on_note` gets a sentence if it has no digest, as those of earlier versions. Raises
    UnreadableFileError if it is damaged, OptionError naming how its run differs from the one of
    these `settings`, which trains on `pairs`.
    """
    if not checkpoint.exists():
        return 0
    # An empty one is damaged like any other that was cut.
    empty = checkpoint.is_file() and checkpoint.stat().st_size == 0
    data = b"" if empty else read_whole(checkpoint)
    if not _check_digest(checkpoint, data):
        on_note(f"{checkpoint} has no digest, so it is not known to be undamaged.")
    try:
        # To the CPU: a GPU that is full must not look like a damaged file.
        saved = modernised(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))
        step, theirs = int(saved["step"]), saved["settings"]
        parts = {name: saved[name] for name in state}
    except Exception as error:  # anything from EOFError to UnpicklingError
        raise UnreadableFileError(checkpoint, _DAMAGED) from error
    if words := difference(theirs, settings, pairs):
        reason = f"it belongs to a run {words}; choose another folder"
        raise OptionError(str(checkpoint), reason)
    for name, part in state.items():
        try:
            part.load_state_dict(parts[name])
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # what does not fit: KeyError, RuntimeError, ...
            raise UnreadableFileError(checkpoint, _DAMAGED) from error
    return step


def _with_digest(data: bytes) -> bytes:
    """The ZIP archive that PyTorch writes, with the digest of all before it as its comment."""
    content = data[:-2] + struct.pack("<H", _COMMENT)  # the length of its comment ends an archive
    return content + _MARK + hashlib.sha256(content).hexdigest().encode()


def _check_digest(checkpoint: Path, data: bytes) -> bool:
    """Whether there is a digest. Raises UnreadableFileError if it is another one."""
    content, mark = data[:-_COMMENT], data[-_COMMENT : -_COMMENT + len(_MARK)]
    if mark != _MARK:
        return False
    if data[-64:] != hashlib.sha256(content).hexdigest().encode():
        raise UnreadableFileError(checkpoint, _DAMAGED)
    return True
