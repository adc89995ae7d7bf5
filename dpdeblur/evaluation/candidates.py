"""Engines that are compared on a data set: their names, and the files of their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dpdeblur.datasets import TruthPair
from dpdeblur.errors import OptionError
from dpdeblur.evaluation.dataset import KeepCallback
from dpdeblur.io import check_output, read_picture, write_picture
from dpdeblur.io.atomic import FileSet, check_writable

if TYPE_CHECKING:
    from dpdeblur.engines import Engine, EngineRequest


@dataclass(frozen=True)
class Candidate:
    """An engine by the name that tables give it; `folder` is for its results, if any."""

    label: str
    make: Callable[[], Engine]
    file: Path | None = None
    """Of the network's weights."""
    folder: Path | None = None

    @cached_property
    def engine(self) -> Engine:
        """What `make` makes, once, when it is first asked for: that takes seconds."""
        return self.make()

    def output(self, name: str) -> Path | None:
        """The file of the result called `name`, if it is to be written."""
        # Not with_suffix: the name may have a dot of its own.
        return None if self.folder is None else self.folder / f"{name}.png"


def network_candidates(
    request: Callable[[Path], EngineRequest],
    weights: Sequence[str | Path] = (),
    folder: Path | None = None,
) -> tuple[Candidate, ...]:
    """The networks of several weights, by file or shipped name (the default ones if none).

    `request` asks for the engine of a file. Names are those of the files without extension, after
    as many folders as it takes to tell them apart. Results of one go to `folder`, those of several
    to a folder for each in there. Raises WeightsError, what `request` raises, and OptionError for
    weights that are given twice.
    """
    from dpdeblur.models import find_weights

    files = [find_weights(each) for each in weights] or [find_weights()]
    labels = _labels(files)
    several = len(files) > 1
    return tuple(
        Candidate(
            label, request(file).make, file, folder and (folder / label if several else folder)
        )
        for label, file in zip(labels, files, strict=True)
    )


def check_outputs(
    candidates: Sequence[Candidate],
    pairs: Sequence[TruthPair],
    table: Path | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Find out before the long work whether all results, and a table, could be written.

    Raises what `check_output` raises, also where one would replace an input.
    """
    weights = [each.file for each in candidates if each.file]
    inputs = FileSet([*weights, *(path for pair in pairs for path in pair.files)])
    if table is not None:
        check_writable(table, overwrite=overwrite, inputs=inputs)
    for pair in pairs:
        for candidate in candidates:
            output = candidate.output(pair.name)
            if output is not None:
                check_output(output, overwrite=overwrite, inputs=inputs)


def save_results(candidates: Sequence[Candidate], *, overwrite: bool = False) -> KeepCallback:
    """For `evaluate`: writes what the candidates make, in that order, as 16-bit PNG.

    Of what the left view carried, they have its colour profile.
    """

    def keep(pair: TruthPair, number: int, pixels: NDArray[np.float32]) -> None:
        output = candidates[number].output(pair.name)
        if output is not None:
            like = replace(read_picture(pair.left).info, gray=False, alpha=None)
            write_picture(output, pixels, like, bit_depth=16, metadata=False, overwrite=overwrite)

    return keep


def _labels(files: Sequence[Path]) -> list[str]:
    names = [file.resolve().with_suffix("").parts[1:] for file in files]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise OptionError("weights", f"{files[index]} is given twice; give it once")
    count = 1
    while len({name[-count:] for name in names}) < len(names):
        count += 1
    return ["/".join(name[-count:]) for name in names]
