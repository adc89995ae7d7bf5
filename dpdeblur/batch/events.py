"""What a batch tells whoever watches it; always in the thread that called `run_batch`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dpdeblur.batch.manifest import Record
from dpdeblur.batch.plan import Job


@dataclass(frozen=True)
class Progress:
    """An engine is at a picture, the `number`th (from 1) of the `total` not done before.

    `share` of its work, 0 to 1, is done. Where several engines work, so may their events mix.
    """

    job: Job
    number: int
    total: int
    share: float


@dataclass(frozen=True)
class Finished:
    """A picture is on disk, was skipped, or failed."""

    record: Record


Event = Progress | Finished
EventCallback = Callable[[Event], None]
