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
from typing import Any

from dpdeblur.batch.events import EventCallback, Finished, Progress
from dpdeblur.batch.lock import alone_in
from dpdeblur.batch.manifest import BatchReport, Manifest, Record, Status
from dpdeblur.batch.plan import Job, Plan
from dpdeblur.batch.results import fingerprint
from dpdeblur.datasets import RawPath
from dpdeblur.engines import Engine, Restored
from dpdeblur.errors import (
    DiskFullError,
    DPDeblurError,
    OutputExistsError,
    UnwritableOutputError,
)
from dpdeblur.io import PictureInfo, check_output, check_size, write_picture
from dpdeblur.pair import DualPixelPair, ViewOptions
from dpdeblur.raw import RawOptions, read_photo


def run_batch(
    engine: Engine,
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
    picture is Finished once it is on disk, which is during the next one's work. An interrupt
    (Ctrl-C) is raised again after the picture being written is whole and recorded, and so is
    whatever `on_event` raises. A result that has come meanwhile is left as it is: skipped.

    Args:
        engine: what restores.
        plan: what to do.
        on_event: called with Progress and Finished, always in the calling thread.
        bit_depth: 8 or 16; None is that of each left view.
        quality, linear, metadata: as `write_picture` has them.
        raw: how raw files are developed; None is at their full size.
        views: how pairs of views are changed; None is not at all.
        sentence: makes the text of an error of this package, in any thread.

    Returns:
        What became of each picture.

    Raises:
        UnreadableFileError: the output folder has a manifest that is not this package's.
        UnwritableOutputError: the manifest cannot be written, or another batch is at work in the
            output folder.
        DiskFullError: a picture finds no room; for all that is left.
    """
    began = time.perf_counter()
    raw, views = raw or RawOptions(), views or ViewOptions()
    writing: dict[str, Any] = {
        "bit_depth": bit_depth,
        "quality": quality,
        "linear": linear,
        "metadata": metadata,
        "overwrite": plan.overwrite,
    }
    header = {
        "engine": {"name": engine.name} | dict(engine.settings),
        "options": writing,
        "raw": asdict(raw),
        "views": asdict(views),
        "orphans": [path.as_posix() for path in plan.orphans],
    }
    write = partial(write_picture, **writing)
    planned = [job.output.relative_to(plan.output_dir).as_posix() for job in plan.todo]
    with (
        alone_in(plan.output_dir),
        Manifest(plan.output_dir, header, planned=planned) as manifest,
    ):
        run = _Run(
            plan, engine, manifest, on_event or (lambda _: None), write, raw, views, sentence
        )
        notes = run.skip_done()
        try:
            _work(run)
        finally:
            run.keep_rest()
    records = tuple(run.records[job.output] for job in plan.jobs)
    return BatchReport(records, time.perf_counter() - began, notes)


def _work(run: _Run) -> None:
    """Do what is not done, in this thread, its reader's and its writer's."""
    todo = run.plan.todo
    with ThreadPoolExecutor(1, "reader") as reader, ThreadPoolExecutor(1, "writer") as writer:
        # Its thread starts now: one that an interrupt finds starting would not be waited for.
        writer.submit(bool).result()
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
    views: ViewOptions
    sentence: Callable[[DPDeblurError], str]
    writing: Future[Record] | None = None
    records: dict[Path, Record] = field(default_factory=dict)
    written: list[Record] = field(default_factory=list)

    def skip_done(self) -> tuple[str, ...]:
        """Record what is done already; remarks on it."""
        done = [job for job in self.plan.jobs if job.done]
        skipped = [self._record(job, "skipped") for job in done]
        other = {"weights or settings": 0, "size, sides or balance": 0}
        for job, record in zip(done, skipped, strict=True):
            old = self.manifest.earlier(record.output)
            if old is not None and old.run is not None:
                other["weights or settings"] += old.run.digest != self.engine.digest
                made = {"raw": old.raw, "views": old.views}
                other["size, sides or balance"] += made != self._made(job)
        self.finish(*skipped)
        return tuple(
            f"{count} existing {'picture was' if count == 1 else 'pictures were'} made with other "
            f"{what}."
            for what, count in other.items()
            if count
        )

    def read(self, job: Job) -> _Loaded | Record:
        """The photograph's views, or the record of the failure. Runs in the reader's thread."""
        began = time.perf_counter()
        try:
            check_output(job.output, overwrite=self._overwrites(job))
            files = job.pair.files
            pair = read_photo(files[0], files[1] if len(files) == 2 else None, self.raw, self.views)
            check_size(job.output, *pair.shape)
        except OutputExistsError:
            return self._record(job, "skipped")
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
            overwrite = self._overwrites(job)
            warnings = self.write_file(job.output, upright, info, overwrite=overwrite)
            size, sha256 = fingerprint(job.output)
        except OutputExistsError:
            return self._record(job, "skipped")
        except DiskFullError:  # no other picture would fare better
            raise
        except Exception as error:
            return self.failed(job, error)
        record = self._record(
            job,
            "done",
            run=restored.run,
            **self._made(job),
            size=size,
            sha256=sha256,
            seconds=round(read_seconds + restored.run.seconds + time.perf_counter() - began, 3),
            notes=(*(info.warnings if info else ()), *warnings),
        )
        self.written.append(record)
        return record

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
            try:
                record = self.writing.result()  # an interrupt while waiting leaves it to be settled
            except DiskFullError as error:
                left = sum(job.output not in self.records for job in self.plan.todo)
                raise DiskFullError(error.path, left * error.needed, error.free, left) from error
            self.writing = None
            self.finish(record)

    def finish(self, *records: Record) -> None:
        """Keep records in the manifest and tell of them."""
        self.manifest.add(*records)
        for record in records:
            self.records[self.plan.output_dir / record.output] = record
            self.emit(Finished(record))

    def keep_rest(self) -> None:
        """Record what was written but not settled, as an interrupt may come before `writing` is."""
        rest = [r for r in self.written if self.plan.output_dir / r.output not in self.records]
        if rest:
            with suppress(UnwritableOutputError):  # what ended the batch is the thing to tell
                self.manifest.add(*rest)

    def failed(self, job: Job, error: Exception) -> Record:
        """The record of a failure; an error that is not this package's is given with its type."""
        kind = type(error).__name__
        text = f"Unexpected {kind}: {error}"
        if isinstance(error, DPDeblurError):
            text = self.sentence(error)
        return self._record(job, "failed", error=text, error_type=kind)

    def _overwrites(self, job: Job) -> bool:
        return self.plan.overwrite or job.replaces

    def _made(self, job: Job) -> dict[str, dict[str, Any] | None]:
        """How the job's views are made of a raw file, or changed: Record's `raw` and `views`."""
        if isinstance(job.pair, RawPath):
            return {"raw": asdict(self.raw), "views": None}
        changed = self.views != ViewOptions()
        return {"raw": None, "views": asdict(self.views) if changed else None}

    def _record(self, job: Job, status: Status, **details: Any) -> Record:
        left, *right = (file.as_posix() for file in job.pair.files)
        output = job.output.relative_to(self.plan.output_dir).as_posix()
        return Record(job.pair.name, status, left, right[0] if right else None, output, **details)
