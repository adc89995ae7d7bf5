"""`batch.json`: what was made of which views, kept beside the results and across runs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from dpdeblur import __version__
from dpdeblur.errors import UnreadableFileError, UnwritableOutputError

MANIFEST_NAME = "batch.json"
SCHEMA = 1
Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Record:
    """What became of one picture.

    `output` is relative to the output folder, POSIX. `seconds` counts reading, network and
    writing; `peak_memory` is in bytes; `weights` is the SHA-256 of the weights used. What was not
    reached is None. `error` is a sentence, `error_type` the name of the exception's class.
    """

    name: str
    status: Status
    left: str
    right: str
    output: str
    weights: str | None = None
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
    Opening it makes the folder. Raises UnreadableFileError if a `batch.json` is there that is not
    this package's: it is not ours to replace; and UnwritableOutputError.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.path = folder / MANIFEST_NAME
        self._header = dict(header)
        self._records = {record.output: record for record in _read(self.path)}
        self._write()

    @property
    def records(self) -> tuple[Record, ...]:
        """All records, earlier runs' too, in order of their output."""
        return tuple(self._records[output] for output in sorted(self._records))

    def earlier(self, output: str) -> Record | None:
        """The record of an output, if there is one."""
        return self._records.get(output)

    def add(self, *records: Record) -> None:
        """Keep records in place of their outputs' earlier ones and write the file.

        A skipped picture keeps an earlier "done", which says how it came about.
        """
        for record in records:
            earlier = self._records.get(record.output)
            if record.status != "skipped" or earlier is None or earlier.status != "done":
                self._records[record.output] = record
        self._write()

    def _write(self) -> None:
        content = {
            "schema": SCHEMA,
            "dpdeblur": __version__,
            **self._header,
            "pictures": [asdict(record) for record in self.records],
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        temporary = self.path.with_name(f".dpdeblur-{uuid.uuid4().hex}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                # File names that are no valid text become JSON's own escapes and survive.
                temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise UnwritableOutputError(self.path, error.strerror or str(error)) from error


def _read(path: Path) -> list[Record]:
    if not path.exists():
        return []
    known = {field.name for field in fields(Record)}
    try:
        content = json.loads(path.read_bytes())
        schema = content["schema"]
        if schema == SCHEMA:
            rows = [{k: v for k, v in row.items() if k in known} for row in content["pictures"]]
            return [Record(**row | {"notes": tuple(row.get("notes", ()))}) for row in rows]
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableFileError(
            path, "it is not a manifest of dpdeblur; move it or choose another output folder"
        ) from error
    raise UnreadableFileError(
        path, f"its schema is {schema} and this version knows {SCHEMA}; move it away or update"
    )
