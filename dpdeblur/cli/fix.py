"""`dpdeblur fix`: one dual-pixel photograph in, one all-in-focus picture out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpdeblur.cli import _options, _wishes
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output, describe_run, rendered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dpdeblur.engines import Crop, Restored, Window
    from dpdeblur.evaluation.report import Table
    from dpdeblur.io import Picture, PictureInfo
    from dpdeblur.pair import DualPixelPair


@command
def fix(
    printer: Output,
    left: _options.PhotoOrLeft,
    right: _options.Right = None,
    output: _options.OutputFile = None,
    *,
    engine: _options.EngineChoice,
    wishes: _wishes.WishChoice,
    raw: _options.RawChoice,
    save_views: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write the views of a raw file to this folder."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="GT", help="Sharp picture to score the result against.")
    ] = None,
    protocol: _options.ProtocolOption = None,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H", help="Restore and write only this part of the upright picture."
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write the untouched picture and the result side by side."
        ),
    ] = None,
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

      dpdeblur fix IMG_0001.CR2 --crop 1200,800,640,480 --compare before_after.png

      dpdeblur fix l.png r.png --truth sharp_f22.png --json

      dpdeblur fix left.png right.png --engine mpi --calibration pixel4.npz

      dpdeblur fix IMG_0001.CR2 --focus-at 812,440
    """
    from dpdeblur.datasets import common_stem
    from dpdeblur.engines import parse_crop
    from dpdeblur.io import check_outputs, write_picture
    from dpdeblur.pair import read_beside
    from dpdeblur.raw import check_photo, read_photo

    check_photo(left, right, instead="use dpdeblur batch for folders")
    if truth is None:
        _options.refuse("it is for scores; give --truth too, or leave it out", protocol=protocol)
    stem = left.stem if right is None else common_stem(left, right)
    part = None if crop is None else parse_crop(crop)
    chosen = output is not None
    output = output or left.with_name(f"{stem}_{'sharp' if part is None else 'crop'}.png")
    _options.check_written(output.suffix, "-o", chosen=chosen, quality=quality, linear=linear)
    develop = raw.options_for(right, save_views)
    sides = ("left", "right") if save_views else ()
    saved = {side: (save_views or Path()) / f"{stem}_{side}.tif" for side in sides}
    inputs = [path for path in (left, right, truth, engine.calibration, *wishes.files) if path]
    outputs = [output, *saved.values(), *([compare] if compare else [])]
    check_outputs(outputs, overwrite=overwrite, inputs=inputs)
    request = wishes.request(engine)
    pair = read_photo(left, right, develop, raw.views())
    _wishes.check_wish(request, pair)
    shown, window = _window(part, pair)
    _check_sizes(output, compare, shown)
    sharp = None if truth is None else read_beside(truth, pair)
    printer.warn(*pair.warnings, *(sharp.info.warnings if sharp else ()))

    # Not before: PyTorch takes seconds, and errors shall not wait for it.
    runner = request.make()
    pair = runner.read(pair)
    restored = printer.restore(runner, pair, output.name, window)
    pixels, info = pair.upright(restored.samples), _info(pair, shown)
    printer.note(*_options.statement(develop), *raw.remarks(pair), *restored.run.notes)
    how = {"metadata": not no_metadata, "overwrite": overwrite}
    # The views of a large picture take as much memory as encoding it does.
    views = pair if saved or compare else None
    score = None if sharp is None else partial(_scored, protocol, pair, sharp, window, restored)
    del pair
    printer.warn(*write_picture(output, pixels, info, quality=quality, linear=linear, **how))
    if views is not None:
        others = _others(views, saved, compare, window, restored)
        for path, (picture, like) in others.items():
            printer.warn(*write_picture(path, picture, like, **how))

    height, width = pixels.shape[:2]
    line = f"{output}  {width}x{height}, {describe_run(restored.run)}"
    data = {"output": output, "width": width, "height": height, "run": asdict(restored.run)}
    data |= {"crop": astuple(part)} if part else {}
    data |= {"compare": compare} if compare else {}
    data |= {"frame_1": develop.side_of_frame_1, "views": saved} if develop else {}
    if score is None:
        printer.result(line, data)
        return
    table, scores = score()
    printer.result(rendered(line, table), data | scores)


def _check_sizes(output: Path, compare: Path | None, shown: Window) -> None:
    from dpdeblur.io import check_size

    check_size(output, *shown.shape)
    if compare is not None:
        from dpdeblur.report import beside_shape

        check_size(compare, *beside_shape(*shown.shape))


def _others(
    views: DualPixelPair,
    saved: Mapping[str, Path],
    compare: Path | None,
    window: Window,
    restored: Restored,
) -> dict[Path, tuple[NDArray[np.float32], PictureInfo | None]]:
    """The pictures to write beside the result, and what their files are to carry."""
    found = {
        path: (views.upright(getattr(views, side)), views.info) for side, path in saved.items()
    }
    if compare is not None:
        info = views.info and replace(views.info, alpha=None)
        found[compare] = _beside(views, window, restored), info
    return found


def _info(pair: DualPixelPair, shown: Window) -> PictureInfo | None:
    if pair.info is None or pair.info.alpha is None:
        return pair.info
    return replace(pair.info, alpha=pair.info.alpha[shown])


def _untouched(pair: DualPixelPair, window: Window) -> NDArray[np.float32]:
    from dpdeblur.colour import combine

    return combine(*pair.window(*window))


def _beside(pair: DualPixelPair, window: Window, restored: Restored) -> NDArray[np.float32]:
    """The upright picture before and after."""
    from dpdeblur.report import side_by_side

    before, after = _untouched(pair, window), restored.image
    return side_by_side(pair.upright(before), pair.upright(after))


def _scored(
    protocol: str | None,
    views: DualPixelPair,
    sharp: Picture,
    window: Window,
    restored: Restored,
) -> tuple[Table, dict[str, Any]]:
    """The scores before and after, for people and for machines."""
    from dpdeblur.evaluation import DEFAULT_PROTOCOL, Rules, picture_scoring  # 70 MB

    rules, truth = Rules(protocol or DEFAULT_PROTOCOL), sharp.srgb()[window]
    shown = {"input": _untouched(views, window), "result": restored.image}
    rows = {name: rules.score(pixels, truth) for name, pixels in shown.items()}
    scoring = picture_scoring(rules)
    documents = {name: scores.as_dict() for name, scores in rows.items()}
    return scoring.table(scoring.title, rows.items()), {"protocol": rules.protocol} | documents


def _window(part: Crop | None, pair: DualPixelPair) -> tuple[Window, Window]:
    """What is shown of the upright picture, and the same in the sensor's rows.

    Raises OptionError for a part that is not inside.
    """
    from dpdeblur.engines import Window

    shape = pair.upright_shape
    shown = Window.whole(shape) if part is None else part.of(shape)
    return shown, shown.in_rows(shape, 1 if pair.info is None else pair.info.orientation)
