"""The report of an evaluation: scores, and every photograph beside its truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from dpdeblur.engines.base import versions
from dpdeblur.errors import DPDeblurError
from dpdeblur.evaluation import Candidate, Evaluated, Rules, picture_scoring
from dpdeblur.evaluation.report import Report
from dpdeblur.io import read_picture
from dpdeblur.report.gallery import Gallery
from dpdeblur.report.of_batch import named, settings_of
from dpdeblur.report.page import Card, Page

_TRUTH = "Truth"


def evaluation_page(
    gallery: Gallery,
    title: str,
    rules: Rules,
    candidates: Sequence[Candidate],
    pictures: Sequence[Evaluated],
    report: Report,
    sentence: Callable[[DPDeblurError], str] = str,
) -> Page:
    """What `evaluate` found, whose engines the gallery watched by their labels.

    `report` is that of the same pictures; `sentence` makes the text of an error.
    """
    cards = [_card(gallery, rules, candidates, each, sentence) for each in pictures]
    failed = sum(card.error is not None for card in cards)
    devices = {f"{each.run.device}, {each.run.precision}" for p in pictures for each in p.results}
    facts = {each.label: named(settings_of(each.engine)) for each in candidates}
    facts |= {"Run on": "; ".join(sorted(devices))} if devices else {}
    # Of several candidates the last tables compare the means, and each card has its own scores.
    return Page(
        title=f"dpdeblur eval: {title}",
        summary=f"{len(cards) - failed} scored, {failed} failed.",
        facts=facts | {"Versions": named(versions())},
        cards=sorted(cards, key=lambda card: card.error is None),
        tables=report.tables,
        sentences=report.sentences,
    )


def _card(
    gallery: Gallery,
    rules: Rules,
    candidates: Sequence[Candidate],
    picture: Evaluated,
    sentence: Callable[[DPDeblurError], str],
) -> Card:
    pair = picture.pair
    files = {"Files": f"{pair.left} and {pair.right}", "Truth": str(pair.truth)}
    if picture.error is not None:
        return Card(pair.name, facts=files, notes=picture.warnings, error=sentence(picture.error))
    shown = gallery.shown.get(pair.left)
    if shown is not None:
        with suppress(DPDeblurError):  # the truth was read before, when it was scored
            shown.add(_TRUTH, read_picture(pair.truth).srgb())
    labels = ("input", *(each.label for each in candidates))
    table = picture_scoring(rules).table("Scores", zip(labels, picture.scores, strict=True))
    notes = dict.fromkeys(note for each in picture.results for note in each.run.notes)
    return Card(pair.name, shown, files, table, (*picture.warnings, *notes))
