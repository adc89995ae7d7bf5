"""What the commands say of raw files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from dpdeblur.raw import RawPhoto


def describe(photo: RawPhoto) -> tuple[Table, dict[str, Any]]:
    """What `info` shows of a raw file, for people and for machines."""
    from rich.table import Table

    from dpdeblur.raw import imbalance

    usable = photo.problem is None
    data: dict[str, Any] = {
        "file": photo.path,
        "make": photo.header.make,
        "model": photo.header.model,
        "frames": photo.frame_count,
        "raw_size": photo.raw_size[::-1],
        "visible_size": (photo.visible.width, photo.visible.height),
        "picture_size": (photo.crop.width, photo.crop.height),
        "orientation": photo.header.orientation,
        "black_levels": [frame.black.ravel().tolist() for frame in photo.frames],
        "white_level": photo.white,
        "clip_level": photo.clip,
        "light_share": photo.agreement and photo.agreement.share,
        "imbalance": imbalance(photo) if usable else None,
        "usable": usable,
        "problem": None if usable else str(photo.problem),
        "problem_type": None if usable else type(photo.problem).__name__,
    }
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
        "Dual Pixel RAW": "yes, it gives two views" if usable else f"no. {photo.problem}",
    }
    if not photo.frames:
        del rows["Black levels"], rows["White level"]
    if data["light_share"] is None:
        del rows["A/(A+B)"]
    if not usable:
        del rows["Imbalance"]
    table = Table(title=str(photo.path), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for row in rows.items():
        table.add_row(*row)
    return table, data


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
