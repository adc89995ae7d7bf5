"""What a batch has to do: which pairs there are, where each goes, what is done already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dpdeblur.errors import MissingFileError, PairingError, UnsupportedFormatError
from dpdeblur.imaging import WRITABLE
from dpdeblur.views import PairPaths, find_pairs, read_pair_list


@dataclass(frozen=True)
class Job:
    """One pair and the picture to make of it; `done` if that is there and is to stay."""

    pair: PairPaths
    output: Path
    done: bool = False


@dataclass(frozen=True)
class Plan:
    """A batch: its jobs in order of name, and the views that have no partner."""

    output_dir: Path
    jobs: tuple[Job, ...]
    orphans: tuple[Path, ...] = ()
    overwrite: bool = False

    @property
    def todo(self) -> tuple[Job, ...]:
        """The jobs that are not done."""
        return tuple(job for job in self.jobs if not job.done)


def plan_jobs(
    source: Path,
    output_dir: Path,
    *,
    pairs: Path | None = None,
    extension: str | None = ".png",
    overwrite: bool = False,
) -> Plan:
    """Plan a batch of the pairs below `source`, found by search or listed in the table `pairs`.

    Outputs are `output_dir / name` with `extension`, None meaning that of each left view. One
    that exists counts as done, since outputs are written whole or not at all, unless `overwrite`.
    Touches nothing. Raises the errors of `find_pairs` or `read_pair_list`, UnsupportedFormatError
    for the extension, and PairingError if an output would replace one of the views.
    """
    if extension is not None and extension.lower() not in WRITABLE:
        raise UnsupportedFormatError(Path(f"*{extension}"), WRITABLE)
    if not source.exists():
        raise MissingFileError(source)
    # Results of an earlier run, when they lie inside the source, are no views.
    pairing = (
        find_pairs(source, skip=output_dir) if pairs is None else read_pair_list(pairs, source)
    )
    views = {view.resolve() for pair in pairing.pairs for view in (pair.left, pair.right)}
    jobs = []
    for pair in pairing.pairs:
        ending = pair.left.suffix.lower() if extension is None else extension
        # Not with_suffix: the name may have a dot of its own.
        output = output_dir / f"{pair.name}{ending}"
        if output.resolve() in views:
            raise PairingError(
                output_dir,
                f"the result of {pair.left} would replace the view {output}; "
                "choose another output folder",
            )
        jobs.append(Job(pair, output, done=output.is_file() and not overwrite))
    return Plan(output_dir, tuple(jobs), pairing.orphans, overwrite)
