"""Tables and bars that show names of files safely."""

from __future__ import annotations

from rich.progress import Task, TextColumn
from rich.table import Table
from rich.text import Text

from dpdeblur.text import escaped


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
