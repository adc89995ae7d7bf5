"""`dpdeblur mean`: one network of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output


@command
def mean(
    printer: Output,
    weights: Annotated[
        list[str], typer.Argument(metavar="WEIGHTS...", help="Weights files, or shipped weights.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="File to write (.safetensors)."),
    ],
    shares: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,...",
            help="How much each counts; default: all the same.",
            show_default=False,
        ),
    ] = None,
    overwrite: _options.Overwrite = False,
) -> None:
    """Average weights of several training runs from the same start.

    The mean is often better than each of them. The shipped weights are such a mean.

    [bold]Example[/bold]

      dpdeblur mean one.safetensors two.safetensors --shares 0.35,0.65 -o both.safetensors
    """
    from dpdeblur.errors import OptionError
    from dpdeblur.io.atomic import check_writable
    from dpdeblur.models import find_weights

    try:
        counts = None if shares is None else [float(share) for share in shares.split(",")]
    except ValueError:
        raise OptionError("shares", "give numbers with commas between them, e.g. 1,1,2") from None
    paths = [find_weights(each) for each in weights]
    check_writable(output, overwrite=overwrite, inputs=paths, extensions=(".safetensors",))
    from dpdeblur.models import load_model, mean_of, save_model

    models = [load_model(path) for path in paths]
    network = mean_of([model.network for model in models], counts)
    counts = counts or [1.0] * len(models)
    parts = [
        {"name": model.name, "share": count / sum(counts), "sha256": model.sha256}
        for model, count in zip(models, counts, strict=True)
    ]
    made = "; ".join(f"{part['share']:.3g} {part['name']} {part['sha256']}" for part in parts)
    save_model(network, output, {"name": output.stem, "mean": made})
    digest = load_model(output).sha256
    printer.result(f"{output}", {"output": output, "parts": parts, "sha256": digest})
