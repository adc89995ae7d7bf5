"""`dpdeblur fix`: one dual-pixel photograph in, one all-in-focus picture out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output, describe_run, rendered


@command
def fix(
    printer: Output,
    left: _options.PhotoOrLeft,
    right: _options.Right = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Picture to write.")
    ] = None,
    *,
    engine: _options.EngineChoice,
    raw: _options.RawChoice,
    save_views: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write the views of a raw file to this folder."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="GT", help="Sharp picture to score the result against.")
    ] = None,
    protocol: _options.ProtocolOption = None,
    quality: _options.Quality = None,
    linear: _options.Linear = False,
    overwrite: _options.Overwrite = False,
    no_metadata: _options.NoMetadata = False,
) -> None:
    """Remove defocus blur from one dual-pixel photograph: a Canon Dual Pixel RAW, or two views.

    Give one raw file (PHOTO), or the LEFT and the RIGHT view. The result keeps the metadata. It is
    written next to PHOTO as <name>_sharp.png with 16 bits, or next to the left view as
    <common stem>_sharp.png with its bit depth. Choose another file with -o; its extension sets the
    format.

    [bold]Examples[/bold]

      dpdeblur fix IMG_0001.CR2

      dpdeblur fix IMG_0001.CR3 -o sharp.tif --size full --max-memory 2GB

      dpdeblur fix IMG_1_L.png IMG_1_R.png

      dpdeblur fix l.png r.png --truth sharp_f22.png --json

      dpdeblur fix left.png right.png --engine mpi --calibration pixel4.npz
    """
    from dpdeblur.datasets import common_stem
    from dpdeblur.evaluation import DEFAULT_PROTOCOL, Rules, picture_scoring
    from dpdeblur.io import check_outputs, write_picture
    from dpdeblur.pair import read_beside
    from dpdeblur.raw import check_photo, read_photo

    check_photo(left, right, instead="use dpdeblur batch for folders")
    if truth is None:
        _options.refuse("it is for scores; give --truth too, or leave it out", protocol=protocol)
    stem = left.stem if right is None else common_stem(left, right)
    output = output or left.with_name(f"{stem}_sharp.png")
    develop = raw.options_for(right, save_views)
    sides = ("left", "right") if save_views else ()
    saved = {side: (save_views or Path()) / f"{stem}_{side}.tif" for side in sides}
    inputs = [path for path in (left, right, truth, engine.calibration) if path is not None]
    _options.check_written(output.suffix, quality=quality, linear=linear)
    check_outputs([output, *saved.values()], overwrite=overwrite, inputs=inputs)
    runner = engine.make()
    pair = runner.read(read_photo(left, right, develop, raw.views()))
    sharp = None if truth is None else read_beside(truth, pair)
    printer.warn(*pair.warnings, *(sharp.info.warnings if sharp else ()))

    restored = printer.restore(runner, pair, output.name)
    pixels = pair.upright(restored.image)
    printer.note(*_options.statement(develop), *restored.run.notes)
    how = {"metadata": not no_metadata, "overwrite": overwrite}
    printer.warn(*write_picture(output, pixels, pair.info, quality=quality, linear=linear, **how))
    for side, path in saved.items():
        printer.warn(*write_picture(path, pair.upright(getattr(pair, side)), pair.info, **how))

    height, width = pixels.shape[:2]
    human = f"{output}  {width}x{height}, {describe_run(restored.run)}"
    data = {"output": output, "width": width, "height": height, "run": asdict(restored.run)}
    if develop is not None:
        data |= {"frame_1": develop.side_of_frame_1, "views": saved}
    if sharp is None:
        printer.result(human, data)
        return
    truth_pixels = sharp.srgb()
    rules = Rules(protocol or DEFAULT_PROTOCOL)
    rows = {
        "input": rules.score(pair.combined(), truth_pixels),
        "result": rules.score(restored.image, truth_pixels),
    }
    data |= {"protocol": rules.protocol}
    data |= {name: scores.as_dict() for name, scores in rows.items()}
    scoring = picture_scoring(rules)
    table = scoring.table(scoring.title, rows.items())
    printer.result(rendered(human, table), data)
