"""`dpdeblur fix`: one pair of views in, one all-in-focus picture out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output
from dpdeblur.cli._output import metric_table


def fix(
    ctx: typer.Context,
    left: Annotated[Path, typer.Argument(help="Left view: PNG, TIFF or JPEG.", metavar="LEFT")],
    right: Annotated[Path, typer.Argument(help="Right view of the same frame.", metavar="RIGHT")],
    output: _options.OutputFile = None,
    weights: _options.Weights = None,
    device: _options.Device = "auto",
    precision: _options.PrecisionOption = _options.Precision.auto,
    max_memory: _options.MaxMemory = None,
    strip_height: _options.StripHeight = None,
    ensemble: _options.Ensemble = False,
    truth: Annotated[
        Path | None, typer.Option(metavar="GT", help="Sharp picture to score the result against.")
    ] = None,
    protocol: _options.ProtocolOption = _options.ProtocolName.dpdd,
    overwrite: _options.Overwrite = False,
    no_metadata: _options.NoMetadata = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Remove defocus blur from one dual-pixel pair.

    The result is written beside the left view as <common stem>_sharp.png, in the left view's
    bit depth and with its metadata; the extension given with -o chooses the format.

    [bold]Examples[/bold]

      dpdeblur fix IMG_1_L.png IMG_1_R.png

      dpdeblur fix l.tif r.tif -o sharp.tif --max-memory 2GB

      dpdeblur fix l.png r.png --truth sharp_f22.png --json
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    from rich.console import Group

    from dpdeblur.errors import ShapeMismatchError, UnreadableFileError
    from dpdeblur.imaging import check_output, read_picture, read_views, write_picture
    from dpdeblur.metrics import score
    from dpdeblur.models import load_model
    from dpdeblur.restore import restore
    from dpdeblur.views import common_stem, is_folder, names_say_swapped

    inputs = [left, right] if truth is None else [left, right, truth]
    for path in inputs:
        if is_folder(path):
            raise UnreadableFileError(path, "it is a folder; use dpdeblur batch for folders")
    output = output or left.with_name(f"{common_stem(left, right)}_sharp.png")
    check_output(output, overwrite=overwrite, inputs=inputs)
    options = _options.restore_options(device, precision, max_memory, strip_height, ensemble)
    if names_say_swapped(left, right):
        printer.warn("By their names, the right view is given first and the left one second.")
    views = read_views(left, right)
    source = views.source
    combined = source.upright(views.combined())
    sharp = None if truth is None else read_picture(truth)
    if sharp is not None and sharp.pixels.shape != combined.shape:
        sizes = sharp.pixels.shape[:2], combined.shape[:2]
        raise ShapeMismatchError("The truth and the views", *sizes)
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
    for note in restored.notes:
        printer.note(note)
    writing = {"metadata": not no_metadata, "overwrite": overwrite}
    for warning in write_picture(output, pixels, source, **writing):
        printer.warn(warning)

    height, width = pixels.shape[:2]
    strips = "1 strip" if restored.strips == 1 else f"{restored.strips} strips"
    human = (
        f"{output}  {width}x{height}, {restored.seconds:.1f} s "
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
    if sharp is None:
        printer.result(human, data)
        return
    rows = {
        "input": score(combined, sharp.pixels, protocol.value),
        "result": score(pixels, sharp.pixels, protocol.value),
    }
    data |= {"protocol": protocol.value}
    data |= {name: dataclasses.asdict(scores) for name, scores in rows.items()}
    table = metric_table(rows.items(), f"Protocol {protocol.value}")
    printer.result(Group(human, table), data)
