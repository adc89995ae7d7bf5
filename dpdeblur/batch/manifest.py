"""`batch.json`: what was made of which views, kept beside the results and across runs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args, get_type_hints

from dpdeblur import __version__
from dpdeblur.errors import UnreadableFileError, UnwritableOutputError
from dpdeblur.io.atomic import write_whole

MANIFEST_NAME = "batch.json"
SCHEMA = 1
Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Record:
    """What became of one picture.

    A raw file holds both views: it is `left`, and `right` is None. `output` is relative to the
    output folder, POSIX. `weights` is the SHA-256 of the weights used, `raw` how a raw file was
    developed; of a failed picture both are those of an earlier result that is still there.
    `seconds` counts reading, network and writing; `peak_memory` is in bytes. What was not reached
    is None. `error` is a sentence, `error_type` the name of the exception's class.
    """

    name: str
    status: Status
    left: str
    right: str | None
    output: str
    weights: str | None = None
    raw: dict[str, Any] | None = None
    seconds: float | None = None
    device: str | None = None
    precision: str | None = None
    strip_height: int | None = None
    strips: int | None = None
    peak_memory: int | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None


class Manifest:
    """The manifest of an output folder: earlier records are read, new ones replace them.

    `header` is what the file says of this run (weights, options, ...); it must be valid JSON.
    Opening it makes the folder and writes the file; that is repeated `interval` seconds after the
    last time at the earliest, and when the `with` block ends, however it does. Raises
    UnreadableFileError if a `batch.json` is there that is not this package's: it is not ours to
    replace; and UnwritableOutputError.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any], *, interval: float = 1.0) -> None:
        self.path = folder / MANIFEST_NAME
        self._header = dict(header)
        self._interval = interval
        self._records = {record.output: record for record in read_records(folder)}
        self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
            made_with = earlier.weights if earlier else None
            if record.status == "skipped" and made_with:
                continue
            if record.status == "failed":  # the result of an earlier run is still there, and ours
                record = replace(record, weights=made_with, raw=earlier.raw if earlier else None)
            self._records[record.output] = record
        self._unwritten = True
        if time.monotonic() >= self._due:
            self._write()

    def _write(self) -> None:
        content = {
            "schema": SCHEMA,
            "dpdeblur": __version__,
            **self._header,
            "pictures": [asdict(record) for record in self.records],
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        # File names that are no valid text become JSON's own escapes and survive.
        write_whole(self.path, text.encode("utf-8", "backslashreplace"))
        self._unwritten = False
        self._due = time.monotonic() + self._interval


def read_records(folder: Path) -> list[Record]:
    """The records of an output folder's manifest; none if there is no manifest.

    Raises UnreadableFileError for a `batch.json` that is not this package's.
    """
    path = folder / MANIFEST_NAME
    try:
        content = json.loads(path.read_bytes())
        schema = content["schema"]
        if schema == SCHEMA:
            return [_record(row) for row in content["pictures"]]
    except (FileNotFoundError, NotADirectoryError):
        return []
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


_TYPES = get_type_hints(Record)


def _record(row: Mapping[str, Any]) -> Record:
    """A record as read back, without fields of later versions; ValueError if one is no value."""
    known = {name: value for name, value in row.items() if name in _TYPES}
    for name, value in known.items():
        if not _fits(name, value):
            raise ValueError(name)
    return Record(**known | {"notes": tuple(known.get("notes", ()))})


def _fits(name: str, value: object) -> bool:
    if name == "status":
        return value in get_args(Status)
    if name == "notes":
        return isinstance(value, list) and all(isinstance(note, str) for note in value)
    if name == "raw":
        return value is None or isinstance(value, dict)
    if name == "seconds" and isinstance(value, int | float):
        return math.isfinite(value)
    return isinstance(value, _TYPES[name])
