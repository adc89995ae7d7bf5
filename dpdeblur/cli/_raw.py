"""What the commands say of raw files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpdeblur.cli._output import Output
    from dpdeblur.raw import RawOptions


def statement(options: RawOptions) -> str:
    """Which side frame 1 is assumed to show, said whenever it matters."""
    if options.swap_views:
        return "Frame 1 is used as the right view, because of --swap-views."
    return "Frame 1 is assumed to be the left view; add --swap-views if it is the right one."


def show(printer: Output, path: Path) -> None:
    """Print what a raw file holds; raises what `raw.examine_raw` does."""
    from dpdeblur.cli._output import fact_table
    from dpdeblur.raw import describe_raw, examine_raw

    photo = examine_raw(path)
    for warning in photo.warnings:
        printer.warn(warning)
    data = describe_raw(photo)
    sizes = [
        f"{what} {data[key][0]}x{data[key][1]}"
        for what, key in (("sensor", "raw_size"), ("visible", "visible_size"))
    ]
    rows = {
        "Camera": f"{photo.header.make}, {photo.header.model}",
        "Frames": "3 or more" if photo.frame_count > 2 else str(photo.frame_count),
        "Picture": f"{photo.crop.width}x{photo.crop.height} ({', '.join(sizes)})",
        "Orientation": f"tag {photo.header.orientation}",
        "Black levels": "; ".join(
            f"frame {number}: {', '.join(map(str, levels))}"
            for number, levels in enumerate(data["black_levels"])
        ),
        "White level": f"{photo.white}, frame 0 taken to be clipped at {photo.clip}",
        "A/(A+B)": _percent(data["light_share"]) + " of the light of frame 0 is in frame 1",
        "Imbalance": _percent(data["imbalance"]) + " at most between the sides",
        "Dual Pixel RAW": "yes, it gives two views" if data["usable"] else f"no. {data['problem']}",
    }
    if not photo.frames:
        del rows["Black levels"], rows["White level"]
    if data["light_share"] is None:
        del rows["A/(A+B)"]
    if not data["usable"]:
        del rows["Imbalance"]
    printer.result(fact_table(rows, str(path)), data)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
