"""`dpdeblur refocus`: focus and aperture of a dual-pixel photograph, chosen after the shot."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dpdeblur.cli import _options, _wishes
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output, describe_run


@command
def refocus(
    printer: Output,
    left: _options.PhotoOrLeft,
    right: _options.Right = None,
    output: _options.OutputFile = None,
    *,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y",
            help="Point to focus on: column and row in pixels of the upright picture; default: the "
            "focus stays.",
        ),
    ] = None,
    aperture: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Diameter of the opening as a share of what it was, 0 to 4. 0.5: two stops down.",
        ),
    ] = 1.0,
    engine: _options.EngineChoice,
    raw: _options.RawChoice,
    quality: _options.Quality = None,
    linear: _options.Linear = False,
    overwrite: _options.Overwrite = False,
    no_metadata: _options.NoMetadata = False,
) -> None:
    """Focus on another point after the shot, or open and close the aperture.

    Give one raw file (PHOTO), or the LEFT and the RIGHT view. The picture is restored everywhere,
    its depth is found as by dpdeblur map, and it is blurred again as the lens would have done.
    It is written as <name>_refocused.png. Give --calibration for your lens's true blur; otherwise
    a generic lens is assumed.

    [bold]Examples[/bold]

      dpdeblur refocus IMG_0001.CR2 --at 812,440

      dpdeblur refocus IMG_1_L.png IMG_1_R.png --at 812,440 --aperture 0.5 -o face.tif
    """
    from dpdeblur.datasets import common_stem
    from dpdeblur.io import check_outputs, check_size, write_picture
    from dpdeblur.raw import check_photo, read_photo
    from dpdeblur.steer import Refocus, parse_point

    wish = Refocus(None if at is None else parse_point(at, "at"), aperture)
    check_photo(left, right, instead="give the files of one photograph")
    develop = raw.options_for(right)
    stem = left.stem if right is None else common_stem(left, right)
    chosen = output is not None
    output = output or left.with_name(f"{stem}_refocused.png")
    _options.check_written(output.suffix, "-o", chosen=chosen, quality=quality, linear=linear)
    inputs = [path for path in (left, right, engine.calibration) if path is not None]
    check_outputs([output], overwrite=overwrite, inputs=inputs)
    request = _wishes.steered(engine, wish)
    pair = read_photo(left, right, develop, raw.views())
    _wishes.check_wish(request, pair)
    check_size(output, *pair.upright_shape)
    printer.warn(*pair.warnings)

    # Not before: PyTorch takes seconds, and errors shall not wait for it.
    runner = request.make()
    pair = runner.read(pair)
    restored = printer.restore(runner, pair, output.name)
    pixels = pair.upright(restored.image)
    printer.note(*_options.statement(develop), *raw.remarks(pair), *restored.run.notes)
    how = {"metadata": not no_metadata, "overwrite": overwrite}
    printer.warn(*write_picture(output, pixels, pair.info, quality=quality, linear=linear, **how))
    height, width = pixels.shape[:2]
    data = {"output": output, "width": width, "height": height, "run": asdict(restored.run)}
    if develop is not None:
        data |= {"frame_1": develop.side_of_frame_1}
    printer.result(f"{output}  {width}x{height}, {describe_run(restored.run)}", data)
