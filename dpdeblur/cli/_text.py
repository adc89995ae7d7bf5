"""Text that is safe to show: names of files may hold anything, also what a terminal obeys."""

from __future__ import annotations

import unicodedata

from rich.progress import Task, TextColumn
from rich.table import Table
from rich.text import Text

_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, C1, bidi and other formats, line separators
_JOINERS = "\u200c\u200d"  # within words of some scripts, and within emoji


def escaped(text: str) -> str:
    r"""The text with what a terminal would obey instead of show written out, such as \x1b."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(letter: str) -> str:
    if letter in _JOINERS or unicodedata.category(letter) not in _OBEYED:
        return letter
    return letter.encode("unicode_escape").decode()


class PlainTable(Table):
    """A table of texts that are escaped."""

    def add_texts(self, *texts: str) -> None:
        """Append a row."""
        self.add_row(*map(escaped, texts))


class Description(TextColumn):
    """The descriptions of bars, escaped; their fields are no markup."""

    def __init__(self) -> None:
        super().__init__("{task.description}", markup=False)

    def render(self, task: Task) -> Text:
        """What the bar of a task is called."""
        return Text(escaped(task.description))
