"""`dpdeblur export`: the network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output


class Format(_options.Choice):
    """Kinds of file."""

    onnx = "onnx"


@command
def export(
    printer: Output,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="File to write (.onnx).")
    ],
    weights: _options.Weights = None,
    format_: Annotated[Format, typer.Option("--format", help="Kind of file.")] = Format.onnx,
    check: Annotated[
        bool, typer.Option("--check", help="Run it by onnxruntime and compare before writing it.")
    ] = False,
    overwrite: _options.Overwrite = False,
) -> None:
    """Write the network as an ONNX graph, for other programs and languages.

    First install what it needs: pip install "dpdeblur\\[onnx]". The graph is one level of the
    network; the file says how many there are and what goes in. docs/export.md shows how to run it.

    [bold]Examples[/bold]

      dpdeblur export -o mccnet.onnx --check

      dpdeblur export --weights paper --format onnx -o paper.onnx
    """
    from dpdeblur.export import OPSET, check_packages
    from dpdeblur.io.atomic import check_writable
    from dpdeblur.models import find_weights

    path = find_weights(weights)
    check_packages()
    check_writable(output, overwrite=overwrite, inputs=[path], extensions=(".onnx",))
    from dpdeblur.export import export_onnx, metadata
    from dpdeblur.models import load_model

    model = load_model(path)
    with printer.progress() as bar:
        task = bar.add_task("Exporting, up to some minutes", total=None)
        difference = export_onnx(
            model,
            output,
            check=check,
            overwrite=overwrite,
            progress=lambda share: bar.update(task, completed=share, total=1),
        )
    compared = "" if difference is None else f", within {difference:.1e} of PyTorch"
    human = f"{output}  {model.name}, {format_.value}, opset {OPSET}{compared}"
    data = {"output": output, "format": format_.value, "opset": OPSET, "difference": difference}
    printer.result(human, data | {"metadata": metadata(model)})
