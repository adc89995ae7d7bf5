"""What a batch tells whoever watches it; always in the thread that called `run_batch`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dpdeblur.batch.manifest import Record
from dpdeblur.batch.plan import Job


@dataclass(frozen=True)
class Started:
    """The network's turn for a picture: `number` (from 1) of the `total` not done yet."""

    job: Job
    number: int
    total: int


@dataclass(frozen=True)
class Progress:
    """`rows_done` of the picture's `rows` have passed the network."""

    job: Job
    rows_done: int
    rows: int


@dataclass(frozen=True)
class Finished:
    """A picture is on disk, was skipped, or failed."""

    record: Record


Event = Started | Progress | Finished
EventCallback = Callable[[Event], None]
