"""Which prediction belongs to which truth: by relative name, never by sorted position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dpdeblur.datasets.paths import is_folder, list_pictures
from dpdeblur.errors import PairingError


@dataclass(frozen=True)
class ScoreFiles:
    """A prediction, its truth and, if asked for, the untouched input it was made from."""

    name: str
    prediction: Path
    truth: Path
    input: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All that are given."""
        always = self.prediction, self.truth
        return always if self.input is None else (*always, self.input)


@dataclass(frozen=True)
class FolderMatch:
    """The pictures to score, in order of name, and those whose counterpart is missing.

    `warnings` are sentences about folders that cannot be listed and are left out.
    """

    pictures: tuple[ScoreFiles, ...]
    unmatched_predictions: tuple[Path, ...] = ()
    unmatched_truths: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def pair_folders(prediction: Path, truth: Path, inputs: Path | None = None) -> FolderMatch:
    """Match the pictures of two or three folders by relative path without extension.

    Two or three files match as they are. A picture without a counterpart is listed, not dropped
    in silence; a missing input is an error. Raises MissingFileError, UnreadableFileError, and
    PairingError if nothing matches, two files share a name, or files and folders are mixed.
    """
    given = [path for path in (prediction, truth, inputs) if path is not None]
    files = [path for path in given if not is_folder(path)]
    if files == given:
        return FolderMatch((ScoreFiles(prediction.stem, prediction, truth, inputs),))
    if files:
        raise PairingError(files[0], "it is a file; give files only or folders only")
    unread: list[str] = []
    predictions, truths = (_by_name(each, unread.append) for each in (prediction, truth))
    both = sorted(predictions.keys() & truths.keys())
    if not both:
        raise PairingError(
            prediction,
            f"none of its {len(predictions)} pictures has the same name as one of the "
            f"{len(truths)} in {truth}; give them the same names, folder by folder",
        )
    originals = {} if inputs is None else _by_name(inputs, unread.append)
    for name in both:
        if inputs is not None and name not in originals:
            raise PairingError(inputs, f"it has no picture named '{name}'")
    return FolderMatch(
        tuple(ScoreFiles(n, predictions[n], truths[n], originals.get(n)) for n in both),
        tuple(path for name, path in predictions.items() if name not in truths),
        tuple(path for name, path in truths.items() if name not in predictions),
        tuple(dict.fromkeys(unread)),
    )


def _by_name(folder: Path, warn: Callable[[str], object]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in list_pictures(folder, warn=warn):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in named:
            raise PairingError(folder, f"{named[name]} and {path} share one name; remove one")
        named[name] = path
    return named
