"""Text that is safe to show: names of files may hold anything, also what a terminal obeys."""

from __future__ import annotations

import unicodedata

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
