"""What a batch has to do: which photographs there are, where each goes, what is done already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dpdeblur.batch.manifest import MANIFEST_NAME, Known, read_known
from dpdeblur.batch.results import State, state
from dpdeblur.datasets import (
    USUAL,
    Marks,
    PhotoPaths,
    find_photos,
    inner_path,
    is_folder,
    read_pair_list,
    shared_sources,
)
from dpdeblur.errors import UnsupportedFormatError, UnwritableOutputError
from dpdeblur.io import WRITABLE
from dpdeblur.io.atomic import FileSet, check_writable

_EXAMPLES = 3  # to name of many


@dataclass(frozen=True)
class Job:
    """A pair or raw file and the picture to make of it; `done` if that is there and is to stay.

    `replaces` if what is there is damaged and is to be replaced, whatever the plan says; `blocked`
    if it is not a picture and perhaps none of ours, so that it stays and the job fails.
    """

    pair: PhotoPaths
    output: Path
    done: bool = False
    replaces: bool = False
    blocked: bool = False


@dataclass(frozen=True)
class Plan:
    """A batch: its jobs in order of name, and the views that have no partner.

    `warnings` are sentences about what else was found and is left out; `others` are the pictures
    among these that are not recognised as views.
    """

    output_dir: Path
    jobs: tuple[Job, ...]
    orphans: tuple[Path, ...] = ()
    overwrite: bool = False
    warnings: tuple[str, ...] = ()
    others: tuple[Path, ...] = ()

    @property
    def todo(self) -> tuple[Job, ...]:
        """The jobs that are not done."""
        return tuple(job for job in self.jobs if not job.done)


def plan_jobs(
    source: Path | Sequence[Path],
    output_dir: Path,
    *,
    pairs: Path | None = None,
    marks: Marks = USUAL,
    extension: str | None = ".png",
    overwrite: bool = False,
) -> Plan:
    """Plan a batch of the photographs below `source`, or of the pairs in the table `pairs`.

    An output that exists counts as done, unless it is damaged: it must be the file that the
    manifest records, or at least a picture that can be read. Touches nothing.

    Args:
        source: the folder of photographs, or several folders and files; relative paths in a table
            start in the folder that they share.
        output_dir: the folder for the results, which keep the tree of `source`.
        pairs: a CSV table of the pairs; None is to search `source`.
        marks: how the names of views say their side.
        extension: of the outputs; None is that of each left view, and TIFF for files of a kind that
            is not written, such as raw files.
        overwrite: make all outputs anew.

    Returns:
        The jobs in order of name.

    Raises:
        PairingError, MissingFileError, UnreadableFileError: as `find_photos` or `read_pair_list`
            does; the last also for a manifest that is not this package's.
        UnsupportedFormatError: pictures cannot be written with this extension.
        UnwritableOutputError: the output folder takes no files, or an output would replace one of
            the inputs or another picture in `source`: one that the manifest does not know.

    >>> [job.output.as_posix() for job in plan_jobs(Path("examples"), Path("out")).jobs]
    ['out/canon_r6ii.png']
    """
    if extension is not None and extension.lower() not in WRITABLE:
        raise UnsupportedFormatError(Path(f"*{extension}"), WRITABLE)
    # They must be there, though a list may name pictures elsewhere.
    sources = shared_sources([source] if isinstance(source, Path) else source)
    check_writable(output_dir / MANIFEST_NAME, overwrite=True)
    # Results of an earlier run, when they lie inside the source, are no views.
    found = (
        read_pair_list(pairs, sources.folder)
        if pairs
        else find_photos(sources.paths, skip=output_dir, marks=marks)
    )
    views = FileSet(file for pair in found.photos for file in pair.files)
    jobs = []
    for pair in found.photos:
        own = pair.files[0].suffix.lower()
        ending = extension or (own if own in WRITABLE else ".tif")
        # Not with_suffix: the name may have a dot of its own.
        output = output_dir / f"{pair.name}{ending}"
        if output in views:
            raise UnwritableOutputError(
                output,
                f"the result of {pair.files[0]} would replace this view; choose another output "
                "folder",
            )
        jobs.append(Job(pair, output, done=_is_file(output)))
    there = [job.output for job in jobs if job.done]
    known = read_known(output_dir) if there else Known()
    _check_ours(sources.paths, output_dir, there, known)
    warnings = (*found.warnings, *_unrecognised(found.others))
    if overwrite:
        jobs = [Job(job.pair, job.output) for job in jobs]
    else:
        jobs, remarks = _judged(output_dir, jobs, known)
        warnings += remarks
    return Plan(output_dir, tuple(jobs), found.orphans, overwrite, warnings, found.others)


def _is_file(output: Path) -> bool:
    try:
        return output.is_file()
    except OSError:  # a name that is too long, say, is to be this one picture's failure
        return False


def _unrecognised(others: Sequence[Path]) -> tuple[str, ...]:
    """A sentence on the pictures that are not recognised as views."""
    if not others:
        return ()
    some = ", ".join(map(str, others[:_EXAMPLES]))
    if len(others) == 1:
        return (f"1 other picture was not recognised as a view: {some}.",)
    begin = ", for example " if len(others) > _EXAMPLES else ": "
    return (f"{len(others)} other pictures were not recognised as views{begin}{some}.",)


def _judged(
    output_dir: Path, jobs: Sequence[Job], known: Known
) -> tuple[list[Job], tuple[str, ...]]:
    """The jobs, as what is there allows; and sentences on results that are not as they were."""
    judged, found, ours = [], {kind: list[Path]() for kind in State}, known.ours
    for job in jobs:
        if job.done:
            name = job.output.relative_to(output_dir).as_posix()
            kind = state(job.output, known.records.get(name), ours=name in ours)
            found[kind].append(job.output)
            if kind is State.DAMAGED:
                job = Job(job.pair, job.output, replaces=True)
            elif kind is State.NONE:
                job = Job(job.pair, job.output, blocked=True)
        judged.append(job)
    sentences = tuple(
        f"{what}, {len(found[kind])} in all (the first is {found[kind][0]})."
        for kind, what in (
            (State.DAMAGED, "To be made again: damaged results"),
            (State.CHANGED, "Left as they are: results changed since they were made"),
            (State.STRANGE, "Left as they are: results that cannot be read"),
            (State.NONE, "In the way of results: files that are not pictures"),
        )
        if found[kind]
    )
    return judged, sentences


def _check_ours(
    sources: Sequence[Path], output_dir: Path, there: Sequence[Path], known: Known
) -> None:
    """Raise UnwritableOutputError if a picture that is there may be the user's own photograph."""
    folders = {path if is_folder(path) else path.parent for path in sources}
    inside = [
        output
        for output in there
        if any(inner_path(folder, output) is not None for folder in folders)
    ]
    ours = known.ours
    for output in inside:
        if output.relative_to(output_dir).as_posix() not in ours:
            raise UnwritableOutputError(
                output,
                f"it already exists among the pictures to restore, and {MANIFEST_NAME} does "
                "not list it as a result; choose another output folder or move it away",
            )
