"""`dpdeblur info`: what is installed, what the network costs, what a raw file holds."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpdeblur import __version__
from dpdeblur.cli import _options
from dpdeblur.cli._command import command
from dpdeblur.cli._output import Output, fact_table

if TYPE_CHECKING:
    from rich.table import Table

    from dpdeblur.cli._config import Config
    from dpdeblur.device import DeviceInfo

LIBRARIES = (
    "torch",
    "numpy",
    "scikit-image",
    "pillow",
    "rawpy",
    "imageio",
    "tifffile",
    "simplejpeg",
    "imagecodecs",
)
ONLY_IN = {
    "compact": (
        "levels use_bank use_volume use_selection contrast radii widths blocks view_widths bands"
    ),
    "paper": "use_msf use_msfe stem_width encoder_widths fusion_widths decoder_widths tail_width",
}
"""Keys of a network's configuration that mean something to one kind of body only."""


@command
def info(
    printer: Output,
    photo: Annotated[
        Path | None, typer.Argument(help="Canon raw file to describe.", metavar="PHOTO")
    ] = None,
    weights: _options.Weights = None,
    cost: Annotated[
        bool, typer.Option("--cost", help="Count parameters and multiply-adds at 1680x1120.")
    ] = False,
) -> None:
    """Show versions, devices and weights, or describe a raw file.

    With --cost, show how many parameters and multiply-adds the network needs.

    [bold]Examples[/bold]

      dpdeblur info

      dpdeblur info IMG_0001.CR2

      dpdeblur info --cost

      dpdeblur info --weights my.safetensors --json
    """
    if photo is not None:
        reason = "it is about the network, but you gave a file to describe; leave one of them out"
        _options.refuse(reason, cost=cost, weights=weights)
        _show_photo(printer, photo)
    elif cost:
        _show_costs(printer, weights)
    else:
        _show_installation(printer, weights)


def _show_photo(printer: Output, path: Path) -> None:
    from dpdeblur.raw import describe, examine_raw

    raw = examine_raw(path)
    printer.warn(*raw.warnings)
    facts = describe(raw)
    printer.result(photo_table(facts), facts)


def photo_table(facts: Mapping[str, Any]) -> Table:
    """What people are shown of `raw.describe`."""
    picture, sensor, visible = (
        "{}x{}".format(*facts[f"{name}_size"]) for name in ("picture", "raw", "visible")
    )
    rows = {
        "Camera": f"{facts['make']}, {facts['model']}",
        "Frames": "3 or more" if facts["frames"] > 2 else str(facts["frames"]),
        "Picture": f"{picture} (sensor {sensor}, visible {visible})",
        "Orientation": f"tag {facts['orientation']}",
    }
    if facts["black_levels"]:
        rows["Black levels"] = "; ".join(
            f"frame {number}: {', '.join(map(str, levels))}"
            for number, levels in enumerate(facts["black_levels"])
        )
        rows["White level"] = (
            f"{facts['white_level']}, frame 0 assumed to be clipped at {facts['clip_level']}"
        )
    if facts["light_share"] is not None:
        rows["A/(A+B)"] = f"{facts['light_share']:.1%} of the light of frame 0 is in frame 1"
    if facts["usable"]:
        rows["Imbalance"] = f"{facts['imbalance']:.1%} at most between the sides"
    rows["Dual Pixel RAW"] = (
        "yes, it gives two views" if facts["usable"] else f"no. {facts['problem']}"
    )
    return fact_table(rows, str(facts["file"]))


def _show_installation(printer: Output, weights: str | None) -> None:
    from rich.console import Group

    from dpdeblur.models import find_weights

    find_weights(weights)  # whose error shall not wait for PyTorch
    from dpdeblur.device import list_devices
    from dpdeblur.models import load_model

    model = load_model(weights)
    devices = list_devices()
    versions = {"dpdeblur": __version__, "python": platform.python_version()}
    versions |= {library: version(library) for library in LIBRARIES}
    config = printer.config
    tables = (
        fact_table(versions, "Versions"),
        *((fact_table(_settings(config), "Configuration"),) if config else ()),
        fact_table({device.name: _device(device) for device in devices}, "Devices"),
        fact_table(_shown(model.card), f"Weights {model.name}"),
    )
    data = {
        "versions": versions,
        "devices": [vars(device) for device in devices],
        "config": config and {"path": config.path, "settings": config.settings},
        "weights": {"name": model.name, "sha256": model.sha256, "card": model.card},
    }
    printer.result(Group(*tables), data)


def _settings(config: Config) -> dict[str, str]:
    """The configuration file and what it says."""
    there = "" if config.there else " (not there; make it to have defaults of your own)"
    said = {key: json.dumps(value, default=str) for key, value in config.settings.items()}
    return {"File": f"{config.path}{there}", **said}


def _shown(card: Mapping[str, str]) -> dict[str, str]:
    """A card without what means nothing to weights of its kind."""
    config = json.loads(card["config"])
    for body, keys in ONLY_IN.items():
        if body != config["body"]:
            config = {key: value for key, value in config.items() if key not in keys.split()}
    return {**card, "config": json.dumps(config)}


def _device(device: DeviceInfo) -> str:
    free, total = (size / 2**30 for size in (device.free_memory, device.total_memory))
    return f"{device.label}; {free:.1f} of {total:.1f} GiB free; {device.precision} by default"


def _show_costs(printer: Output, weights: str | None) -> None:
    from rich.table import Table

    from dpdeblur.models import DEFAULT_WEIGHTS, PAPER_COUNTS, TABLE_2, count_costs

    costs = count_costs(weights or DEFAULT_WEIGHTS)
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
    parameters, multiply_adds = PAPER_COUNTS.values()
    table.add_row(
        "Paper, Table 1", f"{parameters / 1e6:.2f}", f"{multiply_adds / 1e9:.2f}", "-", "-"
    )
    further = list(TABLE_2)[2:]  # rows that each remove one more
    for name, cost in costs.items():
        operations = (cost.paper_count, cost.attention, cost.transforms)
        billions = (f"{number / 1e9:.2f}" for number in operations)
        name = name.replace("No", "and no") if name in further else name
        table.add_row(name, f"{cost.parameters / 1e6:.4f}", *billions)
    configurations = {name: cost.as_dict() for name, cost in costs.items()}
    size = {"height": 1120, "width": 1680}
    printer.result(table, size | {"paper": PAPER_COUNTS, "configurations": configurations})
