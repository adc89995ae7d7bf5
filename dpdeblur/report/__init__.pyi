from .gallery import Gallery, Shown
from .of_batch import batch_page
from .of_evaluation import evaluation_page
from .page import Card, Page, check_page, render, template, write_page
from .web_pictures import (
    beside_shape,
    colour_map,
    most_changed,
    reduced,
    side_by_side,
    webp,
)

__all__ = [
    "Card",
    "Gallery",
    "Page",
    "Shown",
    "batch_page",
    "beside_shape",
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
