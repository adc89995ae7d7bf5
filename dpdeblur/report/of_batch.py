"""The report of a batch: every photograph of the run, those that were done before too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dpdeblur.batch import BatchReport, Plan, Record
from dpdeblur.engines import Engine
from dpdeblur.engines.base import versions
from dpdeblur.errors import DPDeblurError, ShapeMismatchError
from dpdeblur.io import read_picture
from dpdeblur.raw import RawOptions, read_photo
from dpdeblur.report.gallery import Gallery, Shown
from dpdeblur.report.page import Card, Page

_MADE_BEFORE = "Made by an earlier run."


def batch_page(
    gallery: Gallery,
    engine: Engine,
    plan: Plan,
    report: BatchReport,
    raw: RawOptions | None = None,
) -> Page:
    """What a batch did, whose engine the gallery watched.

    Of what an earlier run made, the views and the result are read once more.
    """
    cards = [_card(gallery, plan.output_dir, record, raw) for record in report.records]
    counts = ", ".join(f"{number} {status}" for status, number in report.counts.items())
    return Page(
        title=f"dpdeblur batch: {plan.output_dir}",
        summary=f"{counts}, {report.seconds:.0f} s.",
        facts=settings_of(engine) | {"Versions": named(versions())},
        # Failures first: nobody shall have to look for them.
        cards=sorted(cards, key=lambda card: card.error is None),
        sentences=(*plan.warnings, *(f"{each} has no partner." for each in plan.orphans)),
    )


def settings_of(engine: Engine) -> dict[str, str]:
    """What an engine is set to, by name."""
    return {"Engine": engine.name} | {
        name.capitalize(): _text(value) for name, value in engine.settings.items()
    }


def named(values: Mapping[str, Any]) -> str:
    """Names and values in one line."""
    return ", ".join(f"{name} {_text(value)}" for name, value in values.items())


def _card(gallery: Gallery, output_dir: Path, record: Record, raw: RawOptions | None) -> Card:
    notes: Sequence[str] = record.notes
    shown = None if record.error is not None else gallery.shown.get(Path(record.left))
    if shown is None and record.status == "skipped":
        notes = (_MADE_BEFORE, *notes)
        try:
            shown = _read(gallery, output_dir, record, raw)
        except DPDeblurError as error:
            notes = (*notes, str(error))
    facts = {"Files": " and ".join(filter(None, (record.left, record.right)))}
    if record.error is None:
        facts["Result"] = record.output
    run = record.run
    if run is not None and record.error is None:
        facts["Run"] = f"{run.seconds:.1f} s, {run.device}, {run.precision}"
        notes = (*notes, *run.notes)
    return Card(record.name, shown, facts, notes=notes, error=record.error)


def _read(gallery: Gallery, output_dir: Path, record: Record, raw: RawOptions | None) -> Shown:
    """A result that is there, and its views, from their files."""
    right = None if record.right is None else Path(record.right)
    pair = read_photo(Path(record.left), right, raw)
    before = pair.upright(pair.combined())
    path = output_dir / record.output
    after = read_picture(path).srgb()
    if after.shape != before.shape:
        raise ShapeMismatchError(f"{path} and its views", after.shape, before.shape)
    icc = None if pair.info is None else pair.info.icc
    return gallery.compare(Path(record.left), "Restored", before, after, icc)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return named(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
