"""`dpdeblur info`: what is installed, what the network costs, what a raw file holds."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpdeblur import __version__
from dpdeblur.cli import _options
from dpdeblur.cli._errors import open_output

if TYPE_CHECKING:
    from rich.table import Table

    from dpdeblur.device import DeviceInfo

LIBRARIES = ("torch", "numpy", "scikit-image", "pillow", "rawpy", "tifffile", "imagecodecs")
PAPER_COST = {"parameters": 5.52e6, "multiply_adds": 978.79e9}


def info(
    ctx: typer.Context,
    photo: Annotated[
        Path | None, typer.Argument(help="Canon raw file to describe.", metavar="PHOTO")
    ] = None,
    weights: _options.Weights = None,
    cost: Annotated[
        bool, typer.Option("--cost", help="Count parameters and multiply-adds at 1680x1120.")
    ] = False,
    json: _options.Json = False,
    quiet: _options.Quiet = False,
) -> None:
    """Show versions, devices and weights, or describe a raw file.

    With --cost, show how many parameters and multiply-adds the network needs.

    [bold]Examples[/bold]

      dpdeblur info

      dpdeblur info IMG_0001.CR2

      dpdeblur info --cost

      dpdeblur info --weights my.safetensors --json
    """
    printer = open_output(ctx, json=json, quiet=quiet)
    if photo is not None:
        from dpdeblur.cli._raw import raw_table
        from dpdeblur.errors import OptionError
        from dpdeblur.raw import describe, examine_raw

        for key, value in (("--cost", cost), ("--weights", weights)):
            if value:
                raise OptionError(
                    key,
                    "it is about the network, but you gave a raw file; leave one of the two out",
                )
        raw = examine_raw(photo)
        for warning in raw.warnings:
            printer.warn(warning)
        facts = describe(raw)
        printer.result(raw_table(facts), facts)
        return
    from rich.console import Group
    from rich.table import Table

    from dpdeblur.device import list_devices
    from dpdeblur.models import TABLE_2, MCCNetConfig, count_cost, load_model

    if cost:
        configurations = TABLE_2 | {"Compact MCCNet": MCCNetConfig()}
        if weights is not None:
            model = load_model(weights)
            configurations[f"Weights {model.name}"] = model.network.config
        costs = {name: count_cost(config) for name, config in configurations.items()}
        printer.result(
            _cost_table(costs),
            {
                "height": 1120,
                "width": 1680,
                "paper": PAPER_COST,
                "configurations": {
                    name: {
                        "parameters": c.parameters,
                        "convolution": c.convolution,
                        "paper_count": c.paper_count,
                        "attention": c.attention,
                        "transforms": c.transforms,
                        "total": c.total,
                    }
                    for name, c in costs.items()
                },
            },
        )
        return

    model = load_model(weights)
    devices = list_devices()
    versions = {"dpdeblur": __version__, "python": platform.python_version()}
    versions |= {library: version(library) for library in LIBRARIES}
    tables = []
    for title, rows in (
        ("Versions", versions),
        ("Devices", {device.name: _describe(device) for device in devices}),
        (f"Weights {model.name}", model.card),
    ):
        table = Table(title=title, title_justify="left", show_header=False)
        table.add_column()
        table.add_column(overflow="fold")
        for row in rows.items():
            table.add_row(*row)
        tables.append(table)
    data: dict[str, Any] = {
        "versions": versions,
        "devices": [vars(device) for device in devices],
        "weights": {"name": model.name, "sha256": model.sha256, "card": model.card},
    }
    printer.result(Group(*tables), data)


def _describe(device: DeviceInfo) -> str:
    free, total = (size / 2**30 for size in (device.free_memory, device.total_memory))
    return f"{device.label}; {free:.1f} of {total:.1f} GiB free; {device.precision} by default"


def _cost_table(costs: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(
        "1680x1120",
        "Parameters (M)",
        "Multiply-adds (G), the paper's way",
        "Attention on top (G)",
        "Fourier (G)",
        caption="The paper's way: convolutions and their biases, without the attention's products "
        "and the Fourier transforms of the inverse filters.",
    )
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row(
        "Paper, Table 1",
        f"{PAPER_COST['parameters'] / 1e6:.2f}",
        f"{PAPER_COST['multiply_adds'] / 1e9:.2f}",
        "-",
        "-",
    )
    for name, cost in costs.items():
        table.add_row(
            name,
            f"{cost.parameters / 1e6:.4f}",
            f"{cost.paper_count / 1e9:.2f}",
            f"{cost.attention / 1e9:.2f}",
            f"{cost.transforms / 1e9:.2f}",
        )
    return table
