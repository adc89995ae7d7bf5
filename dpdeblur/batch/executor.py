"""Where the pictures of a batch are restored: in threads of this process, or on a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dpdeblur.batch.events import Progress
from dpdeblur.batch.plan import Job
from dpdeblur.batch.steps import Outcome, Steps


@dataclass(frozen=True)
class Identity:
    """An engine's `name`, `settings` and `digest`, wherever it runs."""

    name: str
    settings: Mapping[str, Any]
    digest: str


class Watch(Protocol):
    """Keeps what becomes of the pictures; to be called in the thread that runs the batch."""

    def progress(self, progress: Progress) -> None:
        """An engine is at a picture."""

    def finish(self, outcome: Outcome) -> None:
        """A picture is on the disk, was skipped, or failed."""

    def written(self, outcome: Outcome) -> None:
        """The same in any thread, and before: it is kept even if `finish` does not follow."""


class Executor(ABC):
    """Carries out the jobs of a batch."""

    identity: Identity
    """The engine's."""

    @abstractmethod
    def run(self, steps: Steps, todo: Sequence[Job], watch: Watch) -> None:
        """Do all jobs, each once.

        Where it cannot, because of an interrupt, a full disk or an exception of `watch`, it first
        waits until the pictures being written are whole and known to `watch`.
        """
