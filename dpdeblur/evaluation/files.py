"""Scoring files: pictures or maps, and perhaps untouched inputs, against their truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dpdeblur.datasets import ScoreFiles
from dpdeblur.errors import InvalidMapError, ShapeMismatchError
from dpdeblur.evaluation.defocus import MapScores, score_map
from dpdeblur.evaluation.protocols import DEFAULT_RULES, Rules, Scores
from dpdeblur.io import Picture, read_map, read_picture


def score_pictures(
    files: ScoreFiles,
    rules: Rules = DEFAULT_RULES,
    warn: Callable[[str], object] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Scores]:
    """The scores of the "result" and, if there is one, of the "input".

    `warn` is called with each sentence about the files, `progress` with the share of the work
    done, up to 1. Raises ShapeMismatchError, and what
    `read_picture` and `score` raise.
    """

    def read(path: Path) -> Picture:
        picture = read_picture(path)
        for warning in picture.info.warnings:
            warn(warning)
        return picture

    sharp = read(files.truth)
    truth, found = sharp.srgb(), {}
    for kind, path, tell in _predictions(files, progress):
        picture = read(path)
        sizes = picture.samples.shape[:2], sharp.samples.shape[:2]
        if sizes[0] != sizes[1]:
            raise ShapeMismatchError(f"{path} and {files.truth}", *sizes)
        found[kind] = rules.score(picture.srgb(), truth, tell)
    return found


def score_maps(
    files: ScoreFiles,
    warn: Callable[[str], object] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, MapScores]:
    """The same for maps of defocus; raises what `read_map` and `score_map` raise, with the file."""
    truth, found = read_map(files.truth, warn=warn), {}
    for kind, path, tell in _predictions(files, progress):
        # 0 is a defocus like any other in a map that was made; only a truth has gaps.
        made = read_map(path, zero_is_unknown=False, warn=warn)
        try:
            found[kind] = score_map(made, truth, progress=tell)
        except ShapeMismatchError as error:
            names = f"{path} and {files.truth}"
            raise ShapeMismatchError(names, error.first, error.second) from error
        except InvalidMapError as error:
            blamed = path if "predicted" in error.what else files.truth
            raise InvalidMapError(str(blamed), error.reason) from error
    return found


def _predictions(
    files: ScoreFiles, progress: Callable[[float], None]
) -> Iterator[tuple[str, Path, Callable[[float], None]]]:
    """Kind and file of each prediction, and what to tell of the progress with it."""
    given = {"result": files.prediction, "input": files.input}
    paths = {kind: path for kind, path in given.items() if path is not None}
    for number, (kind, path) in enumerate(paths.items()):

        def tell(share: float, number: int = number) -> None:
            progress((number + share) / len(paths))

        yield kind, path, tell
