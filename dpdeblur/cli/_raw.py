"""What the commands say of raw files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpdeblur.cli._output import Output, fact_table

if TYPE_CHECKING:
    from rich.table import Table


def show(printer: Output, path: Path) -> None:
    """Print what a raw file holds; raises what `raw.examine_raw` does."""
    from dpdeblur.raw import describe, examine_raw

    raw = examine_raw(path)
    printer.warn(*raw.warnings)
    facts = describe(raw)
    printer.result(raw_table(facts), facts)


def raw_table(facts: Mapping[str, Any]) -> Table:
    """What `info` shows people of `raw.describe`."""
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
