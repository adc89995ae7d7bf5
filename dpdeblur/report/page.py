"""One HTML page that holds all it shows and asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from dpdeblur import __version__
from dpdeblur.errors import UnwritableOutputError
from dpdeblur.evaluation.report import Table
from dpdeblur.io.atomic import check_writable, write_whole
from dpdeblur.plots import LEGEND
from dpdeblur.report.gallery import Shown
from dpdeblur.text import escaped

PAGE_NAME = "report.html"
_TEMPLATES = Path(__file__).with_name("templates")
_OURS = b'<meta name="generator" content="dpdeblur'


@dataclass(frozen=True)
class Card:
    """One photograph: its pictures if there are any, sentences, and the error if it failed."""

    name: str
    shown: Shown | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    table: Table | None = None
    notes: Sequence[str] = ()
    error: str | None = None


@dataclass(frozen=True)
class Page:
    """A report: what it is of, settings and versions by name, tables, and the photographs."""

    title: str
    summary: str
    facts: Mapping[str, str]
    cards: Sequence[Card]
    tables: Sequence[Table] = ()
    sentences: Sequence[str] = ()


def check_page(folder: Path) -> None:
    """Find out before the long work whether a report could be written to `folder`.

    It replaces an earlier report, but nothing else. Raises UnwritableOutputError.
    """
    path = folder / PAGE_NAME
    check_writable(path, overwrite=True)
    try:
        with path.open("rb") as file:
            ours = _OURS in file.read(1000)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnwritableOutputError(path, error.strerror or str(error)) from error
    if not ours:
        raise UnwritableOutputError(
            path, "a page is there that is no report of dpdeblur; choose another folder"
        )


def write_page(folder: Path, page: Page) -> Path:
    """Write the page as report.html, whole or not at all; raises UnwritableOutputError."""
    path = folder / PAGE_NAME
    # File names may hold bytes that are no text.
    write_whole(path, render(page).encode("utf-8", "backslashreplace"))
    return path


def render(page: Page) -> str:
    """The page as HTML. What names hold is shown as text, escaped; only its own script runs."""
    return template("report.html").render(page=page, legend=LEGEND, version=__version__)


def template(name: str, folder: Path = _TEMPLATES) -> Template:
    """A template of a page, which may include the slider's files."""
    return _environment(folder).get_template(name)


def _shown(value: object) -> object:
    """A value as it is put into a page: control characters and direction marks written out."""
    return escaped(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def source(name: str) -> Markup:
        """A file of our own, as it is."""
        folders = (folder, _TEMPLATES)
        found = next(each / name for each in folders if (each / name).is_file())
        return Markup(found.read_text("utf-8"))

    def sha256(name: str) -> str:
        """What the page's own rules call a script or style that may run."""
        return base64.b64encode(hashlib.sha256(source(name).encode()).digest()).decode()

    environment.globals |= {"source": source, "sha256": sha256}
    return environment
