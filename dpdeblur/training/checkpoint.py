"""The state of a run in one file, from which it goes on as if it had never stopped."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.io.atomic import write_whole
from dpdeblur.training.batches import PairSource
from dpdeblur.training.identity import Settings, difference, modernised


class Stateful(Protocol):
    """What can be saved and loaded: a network, an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """All that it has become."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Become that again."""


State = Mapping[str, Stateful]


def save_checkpoint(checkpoint: Path, state: State, settings: Settings, step: int) -> None:
    """Write what `resume` needs, whole or not at all."""
    parts = {name: part.state_dict() for name, part in state.items()}
    buffer = io.BytesIO()
    torch.save(parts | {"step": step, "settings": settings}, buffer)
    write_whole(checkpoint, buffer.getvalue())


def resume(checkpoint: Path, state: State, settings: Settings, pairs: PairSource) -> int:
    """Load `state` if there is a checkpoint; the number of steps done.

    Raises UnreadableFileError if it is damaged, OptionError naming how its run differs from the
    one of these `settings`, which trains on `pairs`.
    """
    if not checkpoint.exists():
        return 0
    try:
        # To the CPU: a GPU that is full must not look like a damaged file.
        saved = modernised(torch.load(checkpoint, map_location="cpu", weights_only=True))
        step, theirs = int(saved["step"]), saved["settings"]
        parts = {name: saved[name] for name in state}
    except OSError as error:
        raise UnreadableFileError(checkpoint, error.strerror or str(error)) from error
    except Exception as error:  # anything from EOFError to UnpicklingError
        raise UnreadableFileError(checkpoint, "it is damaged; delete it to start again") from error
    if words := difference(theirs, settings, pairs):
        reason = f"it belongs to a run {words}; choose another folder"
        raise OptionError(str(checkpoint), reason)
    for name, part in state.items():
        part.load_state_dict(parts[name])
    return step
