"""A real browser without a window, where one is installed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def page(origin: str) -> Iterator[Any]:
    """A page of Chromium; fails if it logs an error or asks anything beyond `origin`."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    wrong: list[str] = []

    def watch(request: Any) -> None:
        if not request.url.startswith((origin, "data:")):
            wrong.append(f"asked for {request.url}")

    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1200, "height": 900})
        opened.set_default_timeout(300_000)  # machines may be busy
        opened.on("console", lambda said: said.type == "error" and wrong.append(said.text))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("dialog", lambda dialog: wrong.append(dialog.message))
        opened.on("request", watch)
        try:
            yield opened
        finally:
            browser.close()
    assert wrong == []


def until(condition: Callable[[], object], seconds: float = 300) -> None:
    """Wait for it; pages that forbid `eval` cannot be asked by Playwright itself."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
