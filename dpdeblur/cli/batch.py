"""`dpdeblur batch`: a whole tree of photographs, overnight."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options, _wishes
from dpdeblur.cli._command import command
from dpdeblur.cli._errors import FAILED, sentence
from dpdeblur.cli._output import Output, describe_run

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.table import Table

    from dpdeblur.batch import BatchReport, Event, EventCallback, Executor, Plan, Record
    from dpdeblur.datasets import Marks
    from dpdeblur.engines import Engine

_UNRECOGNISED = (
    "If the pictures that were not recognised are views, give the endings of their names with "
    "--left-suffix and --right-suffix.",
)


class Format(_options.Choice):
    """Extensions of outputs."""

    png = "png"
    tif = "tif"
    tiff = "tiff"
    jpg = "jpg"
    webp = "webp"
    avif = "avif"
    jxl = "jxl"
    exr = "exr"
    same = "same"


@command
def batch(
    printer: Output,
    source: Annotated[
        list[Path],
        typer.Argument(help="Folders, files and patterns of what to restore.", metavar="IN"),
    ],
    destination: Annotated[Path, typer.Argument(help="Folder for the results.", metavar="OUT")],
    pairs: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Table of left,right[,name] to use instead of searching IN."
        ),
    ] = None,
    left_suffix: Annotated[
        str | None,
        typer.Option(metavar="END", help="What the names of left views end with, such as _main."),
    ] = None,
    right_suffix: Annotated[
        str | None, typer.Option(metavar="END", help="The same for right views.")
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Format of results; same: as the left view, TIFF for raw files; default: png.",
        ),
    ] = None,
    quality: _options.Quality = None,
    linear: _options.Linear = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done.")
    ] = False,
    report_dir: _options.ReportDir = None,
    *,
    engine: _options.EngineChoice,
    wishes: _wishes.WishChoice,
    raw: _options.RawChoice,
    overwrite: _options.Overwrite = False,
    no_metadata: _options.NoMetadata = False,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Share the work on a Ray cluster: auto, local, or its address (HOST:PORT).",
        ),
    ] = None,
    ray_cores: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="With --ray, cores of each worker without a GPU; default: all of its machine.",
        ),
    ] = None,
) -> None:
    """Restore all photographs below a folder. Run it again to resume a stopped run.

    It finds Canon raw files (CR2, CR3), pairs named X_L/X_R, X_l/X_r, X_left/X_right, l/r or
    left/right in one folder, and DPDD's X_l/source and X_r/source folders. Use --pairs to list the
    pairs yourself. OUT gets the same folder structure as IN, and batch.json, a record of everything
    done. One bad picture never stops the others; the exit code is 1 if any picture failed.

    [bold]Examples[/bold]

      dpdeblur batch photos/ sharp/

      dpdeblur batch DPDD/test/ results/ --device cuda

      dpdeblur batch . sharp/ --pairs list.csv --format tif

      dpdeblur batch photos/ sharp/ --report report/

      dpdeblur batch photos/ sharp/ --only near --strength 0.8

      dpdeblur batch day1/*.CR2 day2/ sharp/ --dry-run

      dpdeblur batch /shared/photos /shared/sharp --ray auto
    """
    from dpdeblur import report as report_page
    from dpdeblur.batch import Cluster, plan_jobs, run_batch
    from dpdeblur.datasets import RawPath, expanded

    if ray is None:
        _options.refuse("it is for a cluster; give --ray too, or leave it out", ray_cores=ray_cores)
    else:
        _options.refuse("it shows what is restored here; leave it or --ray out", report=report_dir)
    develop, views, request = raw.options(), raw.views(), wishes.request(engine)
    other = {Format.same: None, Format.tiff: ".tif"}
    chosen = format_ or Format.png
    extension = other.get(chosen, f".{chosen}")
    if extension is not None:
        _options.check_written(
            extension,
            "--format",
            chosen=format_ is not None,
            quality=quality,
            linear=linear,
        )
    elif linear:
        _options.refuse("choose --format tif or exr with it", linear=linear)
    plan = plan_jobs(
        expanded(source),
        destination,
        pairs=pairs,
        marks=_marks(left_suffix, right_suffix, pairs),
        extension=extension,
        overwrite=overwrite,
    )
    alone = (f"{orphan} has no partner and is left out." for orphan in plan.orphans)
    printer.warn(*alone, *plan.warnings)
    printer.note(*(_UNRECOGNISED if plan.others else ()))
    if raw.balance and not any(isinstance(job.pair, RawPath) for job in plan.jobs):
        printer.warn("There is no raw file, so --balance had no effect.")
    if dry_run:
        _show_plan(printer, plan)
        return
    if any(isinstance(job.pair, RawPath) for job in plan.todo):
        printer.note(*_options.statement(develop))
    if report_dir is not None:
        report_page.check_page(report_dir)
    gallery = report_page.Gallery(len(plan.jobs))
    workers: AbstractContextManager[Engine | Executor]
    if ray is None:
        runner = request.make()
        workers = nullcontext(runner if report_dir is None else gallery.watch(runner))
    else:
        workers = Cluster(request.make, ray, cores=ray_cores, gpus=engine.device != "cpu")
    with workers as executor, printer.progress() as bar:
        watch = _watcher(bar, printer, plan)
        report = run_batch(
            executor,
            plan,
            watch,
            quality=quality,
            linear=linear,
            metadata=not no_metadata,
            raw=develop,
            views=views,
            sentence=partial(sentence, printer),
        )
    notes = [
        f"{note.removesuffix('.')}; add --overwrite to restore them again." for note in report.notes
    ]
    printer.note(*notes)
    page = None
    if report_dir is not None:
        made = report_page.batch_page(gallery, runner, plan, report, develop, views)
        page = report_page.write_page(report_dir, made)
        printer.note(f"Report: {page}")

    data = {
        "output": destination,
        "seconds": report.seconds,
        **report.counts,
        "orphans": plan.orphans,
        "notes": notes,
        "pictures": [dataclasses.asdict(record) for record in report.records],
    } | ({} if page is None else {"report": page})
    printer.result(_summary(report), data)
    if report.counts["failed"]:
        raise typer.Exit(FAILED)


def _marks(left_suffix: str | None, right_suffix: str | None, pairs: Path | None) -> Marks:
    """How the names of views end."""
    from dpdeblur.datasets import USUAL, Marks

    if not (left_suffix or right_suffix):
        return USUAL
    if pairs is not None:
        reason = "it is for names, but --pairs lists the views"
        _options.refuse(reason, left_suffix=left_suffix, right_suffix=right_suffix)
    return Marks.suffixes(left_suffix or "", right_suffix or "")


def _show_plan(printer: Output, plan: Plan) -> None:
    from dpdeblur.cli._text import PlainTable
    from dpdeblur.text import escaped

    count = sum(not job.blocked for job in plan.todo)
    table = PlainTable(title=f"{count} of {len(plan.jobs)} to do", title_justify="left")
    for heading in ("Files", "Result", "Status"):
        table.add_column(heading, overflow="fold")
    pictures: list[dict[str, object]] = []
    for job in plan.jobs:
        status = "done" if job.done else "blocked" if job.blocked else "to do"
        files = "\n".join(escaped(str(file)) for file in job.pair.files)
        table.add_row(files, escaped(str(job.output)), status)
        sides = dict(zip(("left", "right"), job.pair.files, strict=False))
        names = {"name": job.pair.name, "right": None, **sides, "output": job.output}
        pictures.append({**names, "done": job.done, "blocked": job.blocked})
    printer.result(table, {"orphans": plan.orphans, "pictures": pictures})


def _watcher(bar: Bar, printer: Output, plan: Plan) -> EventCallback:
    """One bar over all pictures that moves with their parts; off a terminal, a line each."""
    from dpdeblur.batch import Progress

    total = len(plan.todo)
    task = bar.add_task("Starting", total=total)
    shares = {job.output: 0.0 for job in plan.todo}
    finished = 0

    def move(output: Path, share: float) -> None:
        if output in shares:  # those done before are not
            bar.advance(task, share - shares[output])
            shares[output] = share

    def watch(event: Event) -> None:
        nonlocal finished
        if isinstance(event, Progress):
            if event.share == 0:  # several may be in work: the name is that of the last begun
                bar.update(task, description=event.job.pair.name)
            move(event.job.output, event.share)
            return
        move(plan.output_dir / event.record.output, 1.0)
        if event.record.status != "skipped":
            finished += 1
            printer.kept |= event.record.status == "done"
            _tell(printer, event.record, f"{finished}/{total}")

    return watch


def _tell(printer: Output, record: Record, count: str) -> None:
    printer.warn(*(f"{record.name}: {note}" for note in record.notes))
    printer.note(*(f"{record.name}: {note}" for note in (record.run.notes if record.run else ())))
    if record.run is not None:
        printer.detail(f"{record.name}: {describe_run(record.run)}")
    if record.error is not None:
        printer.failure(f"{record.name} failed. {record.error}")
    elif not printer.interactive:
        printer.note(f"[{count}] {record.name} done in {record.seconds:.1f} s")


def _summary(report: BatchReport) -> Table:
    from dpdeblur.cli._text import PlainTable

    counts = ", ".join(f"{number} {status}" for status, number in report.counts.items())
    table = PlainTable(title=f"{counts}, {report.seconds:.0f} s", title_justify="left")
    for heading in ("Picture", "Status", "Seconds", "Result"):
        table.add_column(heading, overflow="fold")
    for record in report.records:
        seconds = "" if record.seconds is None else f"{record.seconds:.1f}"
        table.add_texts(record.name, record.status, seconds, record.error or record.output)
    return table
