"""The state of a run in one file, from which it goes on as if it had never stopped."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.io.atomic import write_whole


class Stateful(Protocol):
    """What can be saved and loaded: a network, an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """All that it has become."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Become that again."""


State = Mapping[str, Stateful]


def save_checkpoint(checkpoint: Path, state: State, recipe: str, step: int) -> None:
    """Write what `resume` needs, whole or not at all."""
    parts = {name: part.state_dict() for name, part in state.items()}
    buffer = io.BytesIO()
    torch.save(parts | {"step": step, "recipe": recipe}, buffer)
    write_whole(checkpoint, buffer.getvalue())


def resume(checkpoint: Path, state: State, recipe: str) -> int:
    """Load `state` if there is a checkpoint; the number of steps done.

    Raises UnreadableFileError if it is damaged, OptionError if it belongs to another `recipe`.
    """
    if not checkpoint.exists():
        return 0
    try:
        # To the CPU: a GPU that is full must not look like a damaged file.
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        step, theirs = int(saved["step"]), saved["recipe"]
        parts = {name: saved[name] for name in state}
    except OSError as error:
        raise UnreadableFileError(checkpoint, error.strerror or str(error)) from error
    except Exception as error:  # anything from EOFError to UnpicklingError
        raise UnreadableFileError(checkpoint, "it is damaged; delete it to start anew") from error
    if theirs != recipe:
        raise OptionError(
            str(checkpoint),
            "it belongs to a run of another recipe, other photographs or another number of "
            "processes; choose another folder",
        )
    for name, part in state.items():
        part.load_state_dict(parts[name])
    return step
