"""What is done with one picture: read, restored, written, recorded. In any thread or process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dpdeblur.batch.manifest import Record, Status
from dpdeblur.batch.plan import Job
from dpdeblur.batch.results import fingerprint
from dpdeblur.datasets import RawPath
from dpdeblur.engines import Restored
from dpdeblur.errors import (
    DiskFullError,
    DPDeblurError,
    OutputExistsError,
    UnwritableOutputError,
)
from dpdeblur.io import PictureInfo, check_output, check_size, write_picture
from dpdeblur.memory import is_out_of_memory
from dpdeblur.pair import DualPixelPair, ViewOptions
from dpdeblur.raw import RawOptions, read_photo


@dataclass(frozen=True)
class Loaded:
    """The views of one photograph, and the seconds that reading took."""

    pair: DualPixelPair
    seconds: float


@dataclass(frozen=True)
class Failed:
    """What went wrong with one picture: the class's name, a text, and an error of this package."""

    job: Job
    kind: str
    text: str
    error: DPDeblurError | None = None

    @classmethod
    def by(cls, job: Job, error: Exception) -> Failed:
        """An error that is not this package's is given with its type."""
        kind = type(error).__name__
        if isinstance(error, DPDeblurError):
            return cls(job, kind, str(error), error)
        if is_out_of_memory(error):
            return cls(job, kind, "Memory ran out; free some or give a smaller picture.")
        return cls(job, kind, f"Unexpected {kind}: {error}")


Outcome = Record | Failed


@dataclass(frozen=True)
class Steps:
    """The steps of every picture of a batch; no state, and it can be sent to other processes.

    `writing` are keyword arguments of `write_picture` but for `overwrite`.
    """

    output_dir: Path
    overwrite: bool
    writing: Mapping[str, Any]
    raw: RawOptions
    views: ViewOptions

    def read(self, job: Job) -> Loaded | Outcome:
        """The photograph's views, or what became of it."""
        began = time.perf_counter()
        try:
            if job.blocked:
                reason = "the file there is not a picture; delete it or move it away"
                raise UnwritableOutputError(job.output, reason)
            check_output(job.output, overwrite=self._overwrites(job))
            files = job.pair.files
            pair = read_photo(files[0], files[1] if len(files) == 2 else None, self.raw, self.views)
            check_size(job.output, *pair.shape)
        except OutputExistsError:
            return self.record(job, "skipped")
        except Exception as error:
            return Failed.by(job, error)
        return Loaded(pair, time.perf_counter() - began)

    def write(
        self, job: Job, restored: Restored, info: PictureInfo | None, read_seconds: float
    ) -> Outcome:
        """Write one result; raises DiskFullError, as no other picture would fare better."""
        began = time.perf_counter()
        try:
            samples = restored.samples
            upright = samples if info is None else info.upright(samples)
            overwrite = self._overwrites(job)
            warnings = write_picture(job.output, upright, info, overwrite=overwrite, **self.writing)
            size, sha256 = fingerprint(job.output)
        except OutputExistsError:
            return self.record(job, "skipped")
        except DiskFullError:
            raise
        except Exception as error:
            return Failed.by(job, error)
        return self.record(
            job,
            "done",
            run=restored.run,
            **self.made(job),
            size=size,
            sha256=sha256,
            seconds=round(read_seconds + restored.run.seconds + time.perf_counter() - began, 3),
            notes=(*(info.warnings if info else ()), *warnings),
        )

    def made(self, job: Job) -> dict[str, dict[str, Any] | None]:
        """How the job's views are made of a raw file, or changed: Record's `raw` and `views`."""
        if isinstance(job.pair, RawPath):
            return {"raw": asdict(self.raw), "views": None}
        changed = self.views != ViewOptions()
        return {"raw": None, "views": asdict(self.views) if changed else None}

    def record(self, job: Job, status: Status, **details: Any) -> Record:
        """The record of a job's picture."""
        left, *right = (file.as_posix() for file in job.pair.files)
        output = job.output.relative_to(self.output_dir).as_posix()
        return Record(job.pair.name, status, left, right[0] if right else None, output, **details)

    def _overwrites(self, job: Job) -> bool:
        return self.overwrite or job.replaces
