"""Errors speak of parameters; the command line turns these into its flags."""

from __future__ import annotations

import ast
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import dpdeblur
from dpdeblur.errors import OptionError, OutOfMemoryError, OutputExistsError
from support.authors_folder import authors_folder
from support.command import run
from support.pairs import write_pair

PACKAGE = Path(dpdeblur.__file__).parent
MODULES = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE / "cli"]


def failure(*arguments: object) -> str:
    """The sentence of a command that fails, the same for people and for machines."""
    result = run(*arguments)
    assert result.exit_code == 2
    said = result.stderr.removeprefix("Error: ").strip()
    assert json.loads(run(*arguments, "--json").stdout)["error"]["message"] == said
    return said


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    left, right = np.random.default_rng(0).random((2, 16, 24, 3)).astype(np.float32)
    return write_pair(tmp_path, "p", left, right)


def literals(module: Path) -> Iterator[str]:
    """The strings of a module that are no docstrings."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            yield node.value if isinstance(node.value, str) else ""


def test_the_library_knows_no_flags() -> None:
    assert len(MODULES) > 50
    # With the beginning of an f-string that a flag's name follows.
    flag = re.compile(r"--([A-Za-z]|$)")
    assert [(path, text) for path in MODULES for text in literals(path) if flag.search(text)] == []
    assert any(flag.search(text) for text in literals(PACKAGE / "cli" / "_options.py"))


def test_errors_say_which_parameter_they_are_about() -> None:
    for error in (OptionError("max_memory", "it is odd"), OutOfMemoryError(2**40, 2**30)):
        assert error.parameter == "max_memory"
        assert "max_memory" in str(error)
    exists = OutputExistsError(Path("a.png"))
    assert exists.parameter == "overwrite"
    assert str(exists) == "a.png already exists; pass overwrite=True or choose another name."


@pytest.mark.parametrize(
    ("size", "words"),
    [(1, "1 byte"), (1023, "1023 bytes"), (1536, "1.50 KiB"), (2**30 - 1, "1024.00 MiB")],
)
def test_sizes_have_the_unit_that_fits(size: int, words: str) -> None:
    assert f"only {words} may be used" in str(OutOfMemoryError(5 * 2**30, size))
    assert "needs about 5.00 GiB" in str(OutOfMemoryError(5 * 2**30, size))


def test_commands_name_their_flags(pair: tuple[Path, Path], tmp_path: Path) -> None:
    size = "--max-memory: 'two' is not a size; write it like 2GB or 1.5GiB."
    assert failure("fix", *pair, "--max-memory", "two") == size
    little = failure("fix", *pair, "--max-memory", "1kB", "--device", "cpu")
    assert little.endswith(
        "MiB of memory even in the smallest tiles, but only 1000 bytes may be used; "
        "raise --max-memory, free memory or give a smaller picture."
    )
    exists = f"{pair[0]} already exists; add --overwrite or choose another name."
    assert failure("calibrate", "pattern", "-o", pair[0]) == exists
    dot = failure("calibrate", "pattern", "-o", tmp_path / "dots.png", "--dot", 60)
    assert dot.startswith("--dot: 60 is not between 2 and half")


def test_pictures_that_fail_name_flags(pair: tuple[Path, Path], tmp_path: Path) -> None:
    options = ("--max-memory", "1kB", "--device", "cpu")
    result = run("batch", pair[0].parent, tmp_path / "out", *options)
    assert result.exit_code == 1
    assert "; raise --max-memory, free memory or" in result.stderr
    (record,) = json.loads((tmp_path / "out" / "batch.json").read_text())["pictures"]
    assert "; raise --max-memory, free memory or" in record["error"]
    pair[0].with_stem("p_GT").write_bytes(pair[0].read_bytes())
    result = run("eval", pair[0].parent, *options)
    assert result.exit_code == 1
    assert "; raise --max-memory, free memory or" in result.stderr


def test_advice_that_ends_with_a_flag(tmp_path: Path) -> None:
    none = failure("batch", tmp_path, tmp_path / "out")
    assert none.endswith("in one folder), or list the pairs in a CSV table (--pairs).")
    authors_folder(tmp_path / "theirs")
    target = tmp_path / "c.npz"
    black = failure("calibrate", "import", tmp_path / "theirs", "-o", target, "--black", 16000)
    assert black.endswith("so it is not a white sheet, or the black level is wrong (--black).")


def test_keys_of_a_recipe_are_no_flags(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('precision = "fp8"\n')
    assert failure("train", recipe).startswith("precision: 'fp8' is not one of")


def test_errors_survive_the_way_to_another_process() -> None:
    for error in (OutOfMemoryError(2**40, 2**30), OptionError("size", "it is too small")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
