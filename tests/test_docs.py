"""The documents keep their word: snippets run, and commands and options exist."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from dpdeblur.cli import app

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPETS = [ROOT / "docs" / "api.md", ROOT / "README.md"]
COMMANDS = typer.main.get_command(app)
DOCTESTED = [
    "dpdeblur.api",
    "dpdeblur.batch.plan",
    "dpdeblur.datasets.folders",
    "dpdeblur.datasets.tables",
    "dpdeblur.datasets.truth",
    "dpdeblur.engines.make",
    "dpdeblur.engines.optimiser.solve",
    "dpdeblur.engines.plan",
    "dpdeblur.evaluation.measures",
    "dpdeblur.evaluation.protocols",
    "dpdeblur.evaluation.report",
    "dpdeblur.io.maps",
    "dpdeblur.io.read",
    "dpdeblur.io.write",
    "dpdeblur.memory",
    "dpdeblur.models.cost",
    "dpdeblur.models.mean",
    "dpdeblur.models.weights",
    "dpdeblur.optics.blur",
    "dpdeblur.optics.calibration_file",
    "dpdeblur.optics.inverse",
    "dpdeblur.optics.photograph",
    "dpdeblur.optics.tone",
    "dpdeblur.pair",
    "dpdeblur.training.loop",
    "dpdeblur.training.recipe",
    "dpdeblur.training.synth",
]
"""Modules with examples in their docstrings."""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the cloned one to a snippet: the example pair is in it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("document", SNIPPETS, ids=lambda path: path.name)
def test_python_snippets_run_in_their_order(document: Path) -> None:
    names: dict[str, object] = {"__name__": "snippets"}
    blocks = _blocks(document, "python")
    assert blocks
    for first_line, text in blocks:
        # Blank lines before it, so that a traceback has the line of the document.
        code = compile("\n" * (first_line - 1) + text, str(document), "exec")
        exec(code, names)


@pytest.mark.parametrize("document", GUIDES, ids=lambda path: path.name)
def test_commands_and_their_options_exist(document: Path) -> None:
    for line, words in _calls(document):
        complaint = _unknown(words)
        assert complaint is None, f"{document.name}:{line}: {complaint}"


def test_commands_are_found_in_documents() -> None:
    """The test above would pass if it looked at nothing."""
    found = {document.name: [words for _, words in _calls(document)] for document in GUIDES}
    assert ["fix", "IMG_1_L.png", "IMG_1_R.png"] in found["README.md"]
    assert sum(map(len, found.values())) > 30


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("fix a.png b.png -o c.png --overwrite", None),
        ("calibrate pattern -o grid.png --size 3840x2160", None),
        ("mend a.png", "no command 'mend'"),
        ("fix a.png --sharpen", "no option '--sharpen' of 'fix'"),
        ("calibrate pattern --grid 6x8", "no option '--grid' of 'calibrate pattern'"),
    ],
)
def test_unknown_commands_and_options_are_noticed(line: str, complaint: str | None) -> None:
    assert _unknown(shlex.split(line)) == complaint


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("name", DOCTESTED)
@pytest.mark.slow
def test_examples_in_docstrings_run(name: str) -> None:
    module: ModuleType = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried
    assert not failed


def _blocks(document: Path, *languages: str) -> list[tuple[int, str]]:
    """Fenced blocks in one of these languages: the number of the first line, and the text."""
    text = document.read_text("utf-8")
    fenced = re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [
        (text.count("\n", 0, block.start(3)) + 1, block[3])
        for block in fenced
        if block[2] in languages
    ]


def _calls(document: Path) -> list[tuple[int, list[str]]]:
    """The words after `dpdeblur` of each call in a shell block or in `code` in the text."""
    found = []
    for first_line, text in _blocks(document, "sh"):
        joined = text.replace("\\\n", "  ")
        for line, command in enumerate(joined.splitlines(), first_line):
            for part in re.split(r"&&|\||;", command):
                words = shlex.split(part, comments=True)
                if "dpdeblur" in words:
                    found.append((line, words[words.index("dpdeblur") + 1 :]))
    text = document.read_text("utf-8")
    for code in re.finditer(r"(?<!`)`dpdeblur ([^`\n]+(?:\n[^`\n]+)?)`(?!`)", text):
        words = code[1].split()
        if words[0].islower():  # `dpdeblur COMMAND --help` names no command
            found.append((text.count("\n", 0, code.start()) + 1, words))
    return found


def _unknown(words: list[str]) -> str | None:
    """What is no command or option of the program in these words, in a sentence; else None."""
    command: Any = COMMANDS
    path: list[str] = []
    for word in words:
        if word.startswith("-"):
            option = word.split("=")[0]
            if option not in _options(command) and not re.fullmatch(r"-[\d.,]+", option):
                return f"no option '{option}' of '{' '.join(path)}'"
        elif commands := getattr(command, "commands", None):
            if word not in commands:
                return f"no command '{word}'"
            command = commands[word]
            path.append(word)
    return None


def _options(command: Any) -> set[str]:
    names = {name for parameter in command.params for name in parameter.opts}
    return names | {"-h", "--help"}
