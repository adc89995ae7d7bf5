"""`dpdeblur fix`: one dual-pixel photograph in, one all-in-focus picture out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output
from dpdeblur.cli._output import metric_table

if TYPE_CHECKING:
    from collections.abc import Collection

    from dpdeblur.cli._output import Output
    from dpdeblur.imaging import FileViews, Picture
    from dpdeblur.raw import RawOptions


def fix(
    ctx: typer.Context,
    left: Annotated[
        Path,
        typer.Argument(help="Canon raw file, or left view: PNG, TIFF, JPEG.", metavar="PHOTO|LEFT"),
    ],
    right: Annotated[
        Path | None, typer.Argument(help="Right view of the same frame.", metavar="RIGHT")
    ] = None,
    output: _options.OutputFile = None,
    weights: _options.Weights = None,
    device: _options.Device = "auto",
    precision: _options.PrecisionOption = _options.Precision.auto,
    max_memory: _options.MaxMemory = None,
    strip_height: _options.StripHeight = None,
    ensemble: _options.Ensemble = False,
    size: _options.Size = None,
    balance: _options.BalanceOption = None,
    swap_views: _options.SwapViews = False,
    save_views: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the views of a raw file to this folder, too."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="GT", help="Sharp picture to score the result against.")
    ] = None,
    protocol: _options.ProtocolOption = _options.ProtocolName.dpdd,
    overwrite: _options.Overwrite = False,
    no_metadata: _options.NoMetadata = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Remove defocus blur from one dual-pixel photograph: a Canon Dual Pixel RAW, or two views.

    The result is written beside PHOTO as <name>_sharp.png in 16 bits, or beside the left view as
    <common stem>_sharp.png in its bit depth, and keeps the metadata; the extension given with -o
    chooses the format.

    [bold]Examples[/bold]

      dpdeblur fix IMG_0001.CR2

      dpdeblur fix IMG_0001.CR3 -o sharp.tif --size full --max-memory 2GB

      dpdeblur fix IMG_1_L.png IMG_1_R.png

      dpdeblur fix l.png r.png --truth sharp_f22.png --json
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    from rich.console import Group

    from dpdeblur.cli._raw import statement
    from dpdeblur.imaging import write_picture
    from dpdeblur.metrics import score
    from dpdeblur.models import load_model
    from dpdeblur.restore import restore
    from dpdeblur.views import common_stem

    inputs = _check_inputs(left, right, truth)
    stem = left.stem if right is None else common_stem(left, right)
    output = output or left.with_name(f"{stem}_sharp.png")
    raw = _raw_options(right, size, balance, swap_views, save_views)
    saved = {} if save_views is None else _view_paths(save_views, stem)
    _check_places(output, saved.values(), inputs, overwrite=overwrite)
    options = _options.restore_options(device, precision, max_memory, strip_height, ensemble)
    views = _read(printer, left, right, raw)
    source = views.source
    shape = source.upright(views.left[..., :0]).shape  # of no channel, so that nothing is copied
    sharp = None if truth is None else _read_truth(truth, shape[:2])
    for warning in (*source.warnings, *(sharp.info.warnings if sharp else ())):
        printer.warn(warning)

    with printer.progress() as bar:
        task = bar.add_task("Loading", total=None)
        model = load_model(weights)
        bar.update(task, description=output.name)

        def on_progress(done: int, rows: int) -> None:
            if done:  # before that nothing is known, and the bar only shows that work goes on
                bar.update(task, completed=done, total=rows)

        restored = restore(model, views, options, on_progress)
    pixels = source.upright(restored.pixels)
    for note in (*([statement(raw)] if raw else ()), *restored.notes):
        printer.note(note)
    for place, picture in (
        (output, pixels),
        *((path, source.upright(getattr(views, side))) for side, path in saved.items()),
    ):
        for warning in write_picture(
            place, picture, source, metadata=not no_metadata, overwrite=overwrite
        ):
            printer.warn(warning)

    height, width = pixels.shape[:2]
    strips = "1 strip" if restored.strips == 1 else f"{restored.strips} strips"
    peak = restored.peak_memory
    memory = "" if peak is None else f", {peak / 2**30:.1f} GiB at most"
    human = (
        f"{output}  {width}x{height}, {restored.seconds:.1f} s{memory} "
        f"({restored.device}, {restored.precision}, {strips})"
    )
    data = {
        "output": output,
        "width": width,
        "height": height,
        "weights": {"name": model.name, "sha256": model.sha256},
        "device": restored.device,
        "precision": restored.precision,
        "strip_height": restored.strip_height,
        "strips": restored.strips,
        "seconds": restored.seconds,
        "peak_memory": restored.peak_memory,
        "notes": restored.notes,
    }
    if raw is not None:
        data |= {"frame_1": raw.side_of_frame_1, "views": saved}
    if sharp is None:
        printer.result(human, data)
        return
    rows = {
        "input": score(source.upright(views.combined()), sharp.pixels, protocol.value),
        "result": score(pixels, sharp.pixels, protocol.value),
    }
    data |= {"protocol": protocol.value}
    data |= {name: dataclasses.asdict(scores) for name, scores in rows.items()}
    table = metric_table(rows.items(), f"Protocol {protocol.value}")
    printer.result(Group(human, table), data)


def _check_inputs(left: Path, right: Path | None, truth: Path | None) -> list[Path]:
    """The files given, none of which is a folder, or a raw file where it should be a picture."""
    from dpdeblur.errors import UnreadableFileError
    from dpdeblur.views import RAW_EXTENSIONS, is_folder

    inputs = [path for path in (left, right, truth) if path is not None]
    for path in inputs:
        if is_folder(path):
            raise UnreadableFileError(path, "it is a folder; use dpdeblur batch for folders")
        if path.suffix.lower() in RAW_EXTENSIONS and (right or path is truth):
            alone = "which holds both views; give it alone"
            finished = "and the truth is a finished picture; give PNG, TIFF or JPEG"
            what = finished if path is truth else alone
            raise UnreadableFileError(path, f"it is a raw file, {what}")
    return inputs


def _check_places(
    output: Path, saved: Collection[Path], inputs: list[Path], *, overwrite: bool
) -> None:
    """Find out before the long work whether all can be written, each to a place of its own."""
    from dpdeblur.errors import UnwritableOutputError
    from dpdeblur.files import same_file
    from dpdeblur.imaging import check_output

    for place in (output, *saved):
        check_output(place, overwrite=overwrite, inputs=inputs)
    for place in saved:
        if same_file(output, place) or same_file(output, place.parent):
            raise UnwritableOutputError(place, "the result is to go there; choose another name")


def _raw_options(
    right: Path | None,
    size: str | None,
    balance: _options.BalanceChoice | None,
    swap_views: bool,
    save_views: Path | None,
) -> RawOptions | None:
    """How to develop the raw file; None for two views, which take none of these options."""
    from dpdeblur.errors import OptionError

    if right is None:
        return _options.raw_options(size, balance, swap_views=swap_views)
    given = _options.given_for_raws(size, balance, swap_views=swap_views)
    if given or save_views:
        key = given[0] if given else "--save-views"
        raise OptionError(key, "it is for raw files, and two views were given")
    return None


def _read_truth(truth: Path, shape: tuple[int, ...]) -> Picture:
    from dpdeblur.errors import ShapeMismatchError
    from dpdeblur.imaging import read_picture

    sharp = read_picture(truth)
    if sharp.pixels.shape[:2] != shape:
        raise ShapeMismatchError("The truth and the views", sharp.pixels.shape, shape)
    return sharp


def _view_paths(folder: Path, stem: str) -> dict[str, Path]:
    return {side: folder / f"{stem}_{side}.tif" for side in ("left", "right")}


def _read(printer: Output, left: Path, right: Path | None, raw: RawOptions | None) -> FileViews:
    from dpdeblur.imaging import read_views
    from dpdeblur.views import names_say_swapped

    if right is None:
        from dpdeblur.raw import read_raw_views

        return read_raw_views(left, raw)
    if names_say_swapped(left, right):
        printer.warn("By their names, the right view is given first and the left one second.")
    return read_views(left, right)
