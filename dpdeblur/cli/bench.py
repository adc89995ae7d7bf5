"""`dpdeblur bench`: how fast this machine is, and how near the network comes to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output

if TYPE_CHECKING:
    from rich.console import Group

    from dpdeblur.engines import Bench


@command
def bench(
    printer: Output,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Weights file, or the name of shipped weights; may be repeated.",
        ),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="WIDTHxHEIGHT", help="Picture; may be repeated; default: 1680x1120."),
    ] = None,
    device: _options.Device = "auto",
    precision: _options.PrecisionOption = _options.Precision.auto,
    repeats: Annotated[
        int, typer.Option(min=1, metavar="N", help="How often everything is measured.")
    ] = 3,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A first impression: measure once, on small matrices and a picture of 840x560 "
            "unless you give --size.",
        ),
    ] = False,
) -> None:
    """Time the network beside the machine's own speed.

    The ceilings are products of matrices and Fourier transforms of the network's size. The share
    says which part of the network's time these would take for its arithmetic. On the CPU it is of
    CPU time, so other work on the machine matters little. Medians count, after a warm-up.

    [bold]Examples[/bold]

      dpdeblur bench

      dpdeblur bench --weights paper --size 840x560 --size 1680x1120 --precision fp32 --json
    """
    from dpdeblur import engines
    from dpdeblur.models import find_weights
    from dpdeblur.names import check_names

    check_names(device, precision.value)
    names = [find_weights(name) for name in weights or ()] or [find_weights()]
    sizes = [engines.parse_size(text) for text in size or ()]
    with printer.progress() as bar:
        task = bar.add_task("Measuring", total=None)
        found = engines.bench(
            names,
            sizes,
            device=device,
            precision=precision.value,
            repeats=repeats,
            quick=quick,
            progress=lambda done, parts: bar.update(task, completed=done, total=parts),
        )
    printer.note(*found.notes)
    data = asdict(found)
    for forward, each in zip(found.forwards, data["forwards"], strict=True):
        each["share"] = forward.share
    printer.result(_tables(found), data)


def _tables(found: Bench) -> Group:
    from rich.console import Group
    from rich.table import Table

    threads = (
        f", {found.threads} thread{'s' * (found.threads > 1)}" if found.device == "cpu" else ""
    )
    ceilings = Table("Ceiling", "Precision", "Size", "GFLOP/s", title=f"{found.device}{threads}")
    for ceiling in found.ceilings:
        shape = "x".join(map(str, ceiling.shape))
        ceilings.add_row(ceiling.name, ceiling.precision, shape, f"{ceiling.rate / 1e9:.1f}")
    forwards = Table(
        *("Weights", "Picture", "GFLOP", "Fourier GFLOP", "s", "CPU s", "Predicted s", "Share"),
        "GiB more",
        title=f"Networks in {found.precision}",
        caption=f"Medians of {found.repeats} runs. Predicted: at the ceilings.",
    )
    for table in (ceilings, forwards):
        table.title_justify = "left"
    for column in (ceilings.columns[-1], *forwards.columns[2:]):
        column.justify = "right"
    for each in found.forwards:
        cpu, peak, before = each.measured.cpu, each.peak_memory, each.memory_before
        forwards.add_row(
            each.weights,
            f"{each.width}x{each.height}",
            f"{each.operations / 1e9:.1f}",
            f"{each.fft_operations / 1e9:.1f}",
            f"{each.measured.wall:.3g}",
            "-" if cpu is None else f"{cpu:.3g}",
            f"{each.predicted:.3g}",
            f"{each.share:.0%}",
            "-" if peak is None or before is None else f"{(peak - before) / 2**30:.2f}",
        )
    return Group(ceilings, forwards)
