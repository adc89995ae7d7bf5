"""Running a batch: the next pair is read and the last picture written while the engine works.

The engine stays in the calling thread; one thread reads and one writes, each with one picture in
hand. So memory holds three pictures at most: one ahead, one in work, one behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, get_args

from dpdeblur.batch.events import EventCallback, Finished, Progress
from dpdeblur.batch.manifest import Manifest, Record, Status
from dpdeblur.batch.plan import Job, Plan
from dpdeblur.datasets import RawPath
from dpdeblur.engines import Engine, Restored
from dpdeblur.errors import DPDeblurError
from dpdeblur.io import PictureInfo, check_output, write_picture
from dpdeblur.pair import DualPixelPair, read_pair
from dpdeblur.raw import RawOptions, read_raw_pair


@dataclass(frozen=True)
class BatchReport:
    """This run's records in the plan's order, its duration, and `notes`.

    These are sentences about results that were there already and would be others if made now, as
    they are with `overwrite` in the plan.
    """

    records: tuple[Record, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures are "done", "skipped" and "failed"."""
        return {status: self.count(status) for status in get_args(Status)}

    def count(self, status: Status) -> int:
        """How many pictures are "done", "skipped" or "failed"."""
        return sum(record.status == status for record in self.records)


def run_batch(
    engine: Engine,
    plan: Plan,
    on_event: EventCallback | None = None,
    *,
    bit_depth: int | None = None,
    metadata: bool = True,
    raw: RawOptions | None = None,
    sentence: Callable[[DPDeblurError], str] = str,
) -> BatchReport:
    """Carry out a plan and keep its manifest; `bit_depth` and `metadata` are `write_picture`'s.

    `raw` says how raw files are developed, by default at their full size; `sentence` what records
    say of an error of this package, from any thread.

    Whatever goes wrong with one picture is recorded as its failure, and the others go on. A
    picture is Finished once it is on disk, which is during the next one's work. An interrupt
    (Ctrl-C) is raised again after the picture being written is whole and recorded, and so is
    whatever `on_event` raises. Raises UnreadableFileError and UnwritableOutputError, for the
    manifest only.
    """
    began = time.perf_counter()
    raw = raw or RawOptions()
    writing = {"bit_depth": bit_depth, "metadata": metadata, "overwrite": plan.overwrite}
    header = {
        "engine": {"name": engine.name} | dict(engine.settings),
        "options": writing,
        "raw": asdict(raw),
        "orphans": [path.as_posix() for path in plan.orphans],
    }
    write = partial(write_picture, bit_depth=bit_depth, metadata=metadata, overwrite=plan.overwrite)
    with Manifest(plan.output_dir, header) as manifest:
        run = _Run(plan, engine, manifest, on_event or (lambda _: None), write, raw, sentence)
        notes = run.skip_done()
        _work(run)
    records = tuple(run.records[job.output] for job in plan.jobs)
    return BatchReport(records, time.perf_counter() - began, notes)


def _work(run: _Run) -> None:
    """Do what is not done, in this thread, its reader's and its writer's."""
    todo = run.plan.todo
    with ThreadPoolExecutor(1, "reader") as reader, ThreadPoolExecutor(1, "writer") as writer:
        ahead = [reader.submit(run.read, job) for job in todo[:1]]
        try:
            for number, job in enumerate(todo, start=1):
                # Taken before the next is asked for: that lets go of the views before last.
                read = ahead.pop().result()
                ahead += [reader.submit(run.read, later) for later in todo[number : number + 1]]
                if isinstance(read, Record):
                    run.finish(read)
                    continue
                progress = partial(run.progress, job, number)
                run.emit(Progress(job, number, len(todo), 0.0))
                try:
                    restored = run.engine.run(read.pair, progress)
                except _BatchStopped as stop:
                    raise stop.error from stop.error.__cause__
                except Exception as error:
                    run.finish(run.failed(job, error))
                    continue
                run.settle()
                # The writer is given what the file carried but not the views, so that they can go.
                run.writing = writer.submit(run.write, job, restored, read.pair.info, read.seconds)
            run.settle()
        except BaseException:
            with suppress(Exception):  # what came first is the thing to tell
                run.settle()
            raise
        finally:
            reader.shutdown(wait=False, cancel_futures=True)


class _BatchStopped(BaseException):
    """Takes an error of the manifest or a callback past those who handle a picture's errors."""

    def __init__(self, error: Exception) -> None:
        self.error = error


@dataclass(frozen=True)
class _Loaded:
    pair: DualPixelPair
    seconds: float


@dataclass
class _Run:
    """The steps of a batch and what has become of its pictures so far."""

    plan: Plan
    engine: Engine
    manifest: Manifest
    emit: EventCallback
    write_file: Callable[..., tuple[str, ...]]
    raw: RawOptions
    sentence: Callable[[DPDeblurError], str]
    writing: Future[Record] | None = None
    records: dict[Path, Record] = field(default_factory=dict)

    def skip_done(self) -> tuple[str, ...]:
        """Record what is done already; remarks on it."""
        done = [job for job in self.plan.jobs if job.done]
        skipped = [self._record(job, "skipped") for job in done]
        other = {"weights or settings": 0, "options for raw files": 0}
        for job, record in zip(done, skipped, strict=True):
            old = self.manifest.earlier(record.output)
            if old is not None and old.run is not None:
                other["weights or settings"] += old.run.digest != self.engine.digest
                other["options for raw files"] += old.raw != self._developed(job)
        self.finish(*skipped)
        return tuple(
            f"{count} existing {_pictures_were(count)} made with other {what}."
            for what, count in other.items()
            if count
        )

    def read(self, job: Job) -> _Loaded | Record:
        """The photograph's views, or the record of the failure. Runs in the reader's thread."""
        began = time.perf_counter()
        try:
            check_output(job.output, overwrite=self.plan.overwrite)
            if isinstance(job.pair, RawPath):
                pair = read_raw_pair(job.pair.path, self.raw)
            else:
                pair = read_pair(job.pair.left, job.pair.right)
        except Exception as error:
            return self.failed(job, error)
        return _Loaded(pair, time.perf_counter() - began)

    def write(
        self, job: Job, restored: Restored, info: PictureInfo | None, read_seconds: float
    ) -> Record:
        """Write one result and record it. Runs in the writer's thread."""
        began = time.perf_counter()
        try:
            samples = restored.samples
            upright = samples if info is None else info.upright(samples)
            warnings = self.write_file(job.output, upright, info)
        except Exception as error:
            return self.failed(job, error)
        return self._record(
            job,
            "done",
            run=restored.run,
            raw=self._developed(job),
            seconds=round(read_seconds + restored.run.seconds + time.perf_counter() - began, 3),
            notes=(*(info.warnings if info else ()), *warnings),
        )

    def progress(self, job: Job, number: int, done: int, parts: int) -> None:
        """Tell of the engine's progress, and of the last picture if it is written by now."""
        try:
            self.emit(Progress(job, number, len(self.plan.todo), done / parts))
            if self.writing is not None and self.writing.done():
                self.settle()
        except Exception as error:  # no fault of the picture that the engine is at
            raise _BatchStopped(error) from None

    def settle(self) -> None:
        """Wait for the picture being written, if any, and record it."""
        if self.writing is not None:
            record = self.writing.result()  # an interrupt while waiting leaves it to be settled
            self.writing = None
            self.finish(record)

    def finish(self, *records: Record) -> None:
        """Keep records in the manifest and tell of them."""
        self.manifest.add(*records)
        for record in records:
            self.records[self.plan.output_dir / record.output] = record
            self.emit(Finished(record))

    def failed(self, job: Job, error: Exception) -> Record:
        """The record of a failure; an error that is not this package's is given with its type."""
        kind = type(error).__name__
        text = f"Unexpected {kind}: {error}"
        if isinstance(error, DPDeblurError):
            text = self.sentence(error)
        return self._record(job, "failed", error=text, error_type=kind)

    def _developed(self, job: Job) -> dict[str, Any] | None:
        """How the job's views are made of a raw file; None for a pair."""
        return asdict(self.raw) if isinstance(job.pair, RawPath) else None

    def _record(self, job: Job, status: Status, **details: Any) -> Record:
        files = [file.as_posix() for file in job.pair.files]
        right = files[1] if len(files) > 1 else None
        output = job.output.relative_to(self.plan.output_dir).as_posix()
        return Record(job.pair.name, status, files[0], right, output, **details)


def _pictures_were(count: int) -> str:
    return "picture was" if count == 1 else "pictures were"
