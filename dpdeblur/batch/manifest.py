"""`batch.json`: what was made of which views, kept beside the results and across runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import TypeAdapter

from dpdeblur import __version__
from dpdeblur.engines import RunInfo
from dpdeblur.errors import UnreadableFileError, UnwritableOutputError
from dpdeblur.io.atomic import write_whole

MANIFEST_NAME = "batch.json"
SCHEMA = 2
Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Record:
    """What became of one picture.

    A raw file holds both views: it is `left`, and `right` is None. `output` is relative to the
    output folder, POSIX. `run` is how the engine made the result, `raw` how a raw file was
    developed, `views` how two views were changed, if they were, `size` and `sha256` are those of
    its file; of a failed picture all these are of an earlier result that is still there.
    `seconds` counts reading, engine and writing. `notes` are sentences, beside those of `run`.
    What was not reached is None. `error` is a sentence, `error_type` the name of the exception's
    class.
    """

    name: str
    status: Status
    left: str
    right: str | None
    output: str
    run: RunInfo | None = None
    raw: dict[str, Any] | None = None
    views: dict[str, Any] | None = None
    size: int | None = None
    sha256: str | None = None
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None


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


@dataclass(frozen=True)
class Known:
    """What a manifest says: its records by output, and the outputs that were `planned`.

    These may be there without a record if a batch was killed before it could write that.
    """

    records: dict[str, Record] = field(default_factory=dict)
    planned: frozenset[str] = frozenset()

    @property
    def ours(self) -> frozenset[str]:
        """The outputs that are results if there is a file."""
        # A record may also say that something was there already.
        return self.planned | {record.output for record in self.records.values() if record.run}


class Manifest:
    """The manifest of an output folder: earlier records are read, new ones replace them.

    `header` is what the file says of this run (engine, options, ...); it must be valid JSON.
    `planned` are the outputs that this run may make: they are known as ours before they are there.
    Opening it makes the folder and writes the file; that is repeated `interval` seconds after the
    last time at the earliest, and when the `with` block ends, however it does. Raises
    UnreadableFileError if a `batch.json` is there that is not this package's: it is not ours to
    replace; and UnwritableOutputError.
    """

    def __init__(
        self,
        folder: Path,
        header: Mapping[str, Any],
        *,
        planned: Iterable[str] = (),
        interval: float = 1.0,
    ) -> None:
        self.path = folder / MANIFEST_NAME
        self._header = dict(header)
        self._interval = interval
        known = read_known(folder)
        self._records, self._planned = known.records, {*known.planned, *planned}
        self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if not self._unwritten:
            return
        try:
            self._write()
        except UnwritableOutputError:
            if error is None:  # else what ended the block is the thing to tell
                raise

    @property
    def records(self) -> tuple[Record, ...]:
        """All records, earlier runs' too, in order of their output."""
        return tuple(self._records[output] for output in sorted(self._records))

    def earlier(self, output: str) -> Record | None:
        """The record of an output, if there is one."""
        return self._records.get(output)

    def add(self, *records: Record) -> None:
        """Keep records in place of their outputs' earlier ones; write the file if it is time.

        A skipped picture keeps its earlier record if that says how it came about.
        """
        for record in records:
            earlier = self._records.get(record.output)
            if record.status == "skipped" and earlier and earlier.run:
                continue
            if record.status == "failed" and earlier:  # an earlier result is still there, and ours
                names = ("run", "raw", "views", "size", "sha256")
                record = replace(record, **{name: getattr(earlier, name) for name in names})
            if record.status != "skipped":
                self._planned.discard(record.output)
            self._records[record.output] = record
        self._unwritten = True
        if time.monotonic() >= self._due:
            self._write()

    def _write(self) -> None:
        content = {
            "schema": SCHEMA,
            "dpdeblur": __version__,
            **self._header,
            "planned": sorted(self._planned),
            "pictures": [asdict(record) for record in self.records],
        }
        # JSON's own escapes keep file names that are no valid text, and what a terminal would obey.
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        write_whole(self.path, text.encode())
        self._unwritten = False
        self._due = time.monotonic() + self._interval


def read_known(folder: Path) -> Known:
    """What an output folder's manifest says; nothing if there is no manifest.

    Raises UnreadableFileError for a `batch.json` that is not this package's.
    """
    path = folder / MANIFEST_NAME
    try:
        content = json.loads(path.read_bytes())
        json.dumps(content, allow_nan=False)  # what is not finite could not be written again
        schema = content["schema"]
        if schema in {1, SCHEMA}:
            rows = content["pictures"]
            rows = _RECORDS.validate_python(rows if schema > 1 else [_nested(r) for r in rows])
            planned = _PLANNED.validate_python(content.get("planned", []))
            return Known({record.output: record for record in rows}, planned)
    except (FileNotFoundError, NotADirectoryError):
        return Known()
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableFileError(
            path, "it is not a manifest of dpdeblur; move it or choose another output folder"
        ) from error
    raise UnreadableFileError(
        path,
        f"its schema is {schema}, but this version reads only {SCHEMA}; move it away or update",
    )


_RECORDS = TypeAdapter(list[Record])  # it leaves out the fields of later versions
_PLANNED = TypeAdapter(frozenset[str])


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    """A record of schema 1, whose run was not an object of its own."""
    weights = row.get("weights")
    if weights is None:
        return row | {"run": None}
    kept = {"strips": "tiles", "peak_memory": "peak_memory"}
    run = {new: row[key] for key, new in kept.items() if row.get(key) is not None}
    run |= {key: row.get(key) or "" for key in ("device", "precision")}
    settings = {"weights": {"sha256": weights}}
    run |= {"engine": "mccnet", "settings": settings, "digest": weights, "versions": {}}
    return row | {"run": run | {"seconds": row.get("seconds") or 0.0}}
