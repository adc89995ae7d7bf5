"""Pages to look at: each picture before and after, with its map, scores and settings."""

from __future__ import annotations

from dpdeblur.report.gallery import Gallery, Shown
from dpdeblur.report.of_batch import batch_page
from dpdeblur.report.of_evaluation import evaluation_page
from dpdeblur.report.page import Card, Page, check_page, render, template, write_page
from dpdeblur.report.web_pictures import colour_map, most_changed, reduced, side_by_side, webp

__all__ = [
    "Card",
    "Gallery",
    "Page",
    "Shown",
    "batch_page",
    "check_page",
    "colour_map",
    "evaluation_page",
    "most_changed",
    "reduced",
    "render",
    "side_by_side",
    "template",
    "webp",
    "write_page",
]
