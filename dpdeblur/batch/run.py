"""Running a batch: an executor restores the pictures, and this keeps the record."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dpdeblur.batch.events import EventCallback, Finished, Progress
from dpdeblur.batch.executor import Executor, Identity
from dpdeblur.batch.lock import alone_in
from dpdeblur.batch.manifest import BatchReport, Manifest, Record
from dpdeblur.batch.plan import Plan
from dpdeblur.batch.side_by_side import SideBySide
from dpdeblur.batch.steps import Failed, Outcome, Steps
from dpdeblur.batch.threads import Threads
from dpdeblur.engines import Engine
from dpdeblur.errors import DiskFullError, DPDeblurError, UnwritableOutputError
from dpdeblur.io.atomic import remove_leftovers
from dpdeblur.pair import ViewOptions
from dpdeblur.raw import RawOptions

# Pictures for each of several engines, so that it hardly matters that some idle at the end.
_EACH = 8


def run_batch(
    engine: Engine | Executor,
    plan: Plan,
    on_event: EventCallback | None = None,
    *,
    bit_depth: int | None = None,
    quality: int | None = None,
    linear: bool = False,
    metadata: bool = True,
    raw: RawOptions | None = None,
    views: ViewOptions | None = None,
    sentence: Callable[[DPDeblurError], str] = str,
) -> BatchReport:
    """Carry out a plan and keep its manifest.

    Whatever goes wrong with one picture is recorded as its failure, and the others go on. A
    picture is Finished once it is on disk, which may be during a later one's work. An interrupt
    (Ctrl-C) is raised again after the pictures being written are whole and recorded, and so is
    whatever `on_event` raises. A result that has come meanwhile is left as it is: skipped.

    Args:
        engine: what restores, in this thread, or side by side with others like it where that is
            faster (see `Engine.side_by_side`); or an executor, such as `Cluster`.
        plan: what to do.
        on_event: called with Progress and Finished, always in the calling thread.
        bit_depth: 8 or 16; None is that of each left view.
        quality, linear, metadata: as `write_picture` has them.
        raw: how raw files are developed; None is at their full size.
        views: how pairs of views are changed; None is not at all.
        sentence: makes the text of an error of this package.

    Returns:
        What became of each picture.

    Raises:
        UnreadableFileError: the output folder has a manifest that is not this package's.
        UnwritableOutputError: the manifest cannot be written, or another batch is at work in the
            output folder.
        DiskFullError: a picture finds no room; for all that is left.
        ClusterError: no worker of a cluster is left.
    """
    began = time.perf_counter()
    executor = engine if isinstance(engine, Executor) else _here(engine, plan)
    writing: dict[str, Any] = {
        "bit_depth": bit_depth,
        "quality": quality,
        "linear": linear,
        "metadata": metadata,
    }
    steps = Steps(
        plan.output_dir, plan.overwrite, writing, raw or RawOptions(), views or ViewOptions()
    )
    header = {
        "engine": {"name": executor.identity.name} | dict(executor.identity.settings),
        "options": writing | {"overwrite": plan.overwrite},
        "raw": asdict(steps.raw),
        "views": asdict(steps.views),
        "orphans": [path.as_posix() for path in plan.orphans],
    }
    planned = [job.output.relative_to(plan.output_dir).as_posix() for job in plan.todo]
    with (
        alone_in(plan.output_dir),
        Manifest(plan.output_dir, header, planned=planned) as manifest,
    ):
        remove_leftovers({plan.output_dir, *(job.output.parent for job in plan.todo)})
        run = _Run(plan, steps, manifest, on_event or (lambda _: None), sentence)
        notes = run.skip_done(executor.identity)
        try:
            executor.run(steps, plan.todo, run)
        except DiskFullError as error:
            left = run.left()
            raise DiskFullError(error.path, left * error.needed, error.free, left) from error
        finally:
            run.keep_rest()
    records = tuple(run.records[job.output] for job in plan.jobs)
    return BatchReport(records, time.perf_counter() - began, notes)


def _here(engine: Engine, plan: Plan) -> Executor:
    """How this machine does a batch.

    Pictures that are done count, too, so that a batch that was stopped goes on with as many threads
    for a picture, to the same bits; unless memory is short now, or few pictures are left.
    """
    most = min(len(plan.jobs) // _EACH, len(plan.todo))
    engines = engine.side_by_side(most) if most > 1 else ()
    return SideBySide(engines) if len(engines) > 1 else Threads(engine)


@dataclass
class _Run:
    """What has become of the pictures so far: it watches the executor."""

    plan: Plan
    steps: Steps
    manifest: Manifest
    emit: EventCallback
    sentence: Callable[[DPDeblurError], str]
    records: dict[Path, Record] = field(default_factory=dict)
    kept: list[Record] = field(default_factory=list)

    def skip_done(self, engine: Identity) -> tuple[str, ...]:
        """Record what is done already; remarks on it."""
        done = [job for job in self.plan.jobs if job.done]
        skipped = [self.steps.record(job, "skipped") for job in done]
        other = {"weights or settings": 0, "size, sides or balance": 0}
        for job, record in zip(done, skipped, strict=True):
            old = self.manifest.earlier(record.output)
            if old is not None and old.run is not None:
                other["weights or settings"] += old.run.digest != engine.digest
                made = {"raw": old.raw, "views": old.views}
                other["size, sides or balance"] += made != self.steps.made(job)
        self._keep(*skipped)
        return tuple(
            f"{count} existing {'picture was' if count == 1 else 'pictures were'} made with other "
            f"{what}."
            for what, count in other.items()
            if count
        )

    def progress(self, progress: Progress) -> None:
        """An engine is at a picture."""
        self.emit(progress)

    def finish(self, outcome: Outcome) -> None:
        """Keep what became of a picture in the manifest and tell of it."""
        self._keep(self._recorded(outcome) if isinstance(outcome, Failed) else outcome)

    def written(self, outcome: Outcome) -> None:
        """Remember a picture on the disk, in any thread, until it is recorded."""
        if isinstance(outcome, Record) and outcome.status == "done":
            self.kept.append(outcome)

    def keep_rest(self) -> None:
        """Record what was written but not finished, as an interrupt may come in between."""
        rest = [r for r in self.kept if self.plan.output_dir / r.output not in self.records]
        if rest:
            with suppress(UnwritableOutputError):  # what ended the batch is the thing to tell
                self.manifest.add(*rest)

    def left(self) -> int:
        """How many pictures are still to be written."""
        there = {*self.records, *(self.plan.output_dir / record.output for record in self.kept)}
        return sum(job.output not in there for job in self.plan.todo)

    def _keep(self, *records: Record) -> None:
        self.manifest.add(*records)
        for record in records:
            self.records[self.plan.output_dir / record.output] = record
            self.emit(Finished(record))

    def _recorded(self, failed: Failed) -> Record:
        text = failed.text if failed.error is None else self.sentence(failed.error)
        return self.steps.record(failed.job, "failed", error=text, error_type=failed.kind)
