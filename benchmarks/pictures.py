"""The pictures before and after: real samples of Sdirt (<https://github.com/LinYark/Sdirt>, MIT).

    python benchmarks/pictures.py DIR -o docs/images [--weights FILE]

DIR holds casual/orbbec/NNN/{l,r}.png. `before_after.jpg` shows the example pair at twice the size;
`full_size.jpg` shows strong and weak blur and what fails, at 100 %.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dpdeblur.engines import make_engine
from dpdeblur.pair import read_pair

GAP = 6  # white pixels between pictures


@dataclass(frozen=True)
class Crop:
    """A part of a sample, in its pixels from the left and from the top, and what it shows."""

    sample: str
    box: tuple[int, int, int, int]
    caption: str = "as the camera sees it"


BEFORE_AFTER = (Crop("004", (130, 44, 470, 284)), Crop("004", (420, 60, 760, 300)))
FULL_SIZE = (
    Crop("001", (10, 150, 450, 380), "strong blur"),
    Crop("006", (300, 290, 740, 490), "weak blur"),
    Crop("005", (100, 0, 540, 140), "fails: fine texture turns into small arcs"),
    Crop("002", (20, 0, 460, 190), "fails: slats are joined wrongly, a cable is doubled"),
)


def labelled(picture: NDArray[np.float32], crop: Crop, text: str, zoom: int) -> Image.Image:
    """The part of a picture, sRGB-encoded in [0, 1], enlarged and with a text on it."""
    whole = Image.fromarray((picture.clip(0, 1) * 255).round().astype(np.uint8))
    part = whole.crop(crop.box)
    part = part.resize((part.width * zoom, part.height * zoom), Image.Resampling.BICUBIC)
    ImageDraw.Draw(part).text(
        (8, 5),
        text,
        fill="white",
        font=ImageFont.load_default(size=15),
        stroke_width=2,
        stroke_fill="black",
    )
    return part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("samples", type=Path, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    engine = make_engine(weights=arguments.weights, device="cpu", precision="fp32")

    @cache
    def before_and_after(sample: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        folder = arguments.samples / "casual" / "orbbec" / sample
        pair = read_pair(folder / "l.png", folder / "r.png")
        return pair.combined(), engine.run(pair).image

    for name, crops, zoom in (("before_after", BEFORE_AFTER, 2), ("full_size", FULL_SIZE, 1)):
        rows = []
        for crop in crops:
            texts = (crop.caption, "dpdeblur")
            pictures = zip(before_and_after(crop.sample), texts, strict=True)
            rows.append([labelled(picture, crop, text, zoom) for picture, text in pictures])
        width = 2 * rows[0][0].width + GAP
        height = sum(before.height for before, _ in rows) + GAP * (len(rows) - 1)
        sheet = Image.new("RGB", (width, height), "white")
        top = 0
        for before, after in rows:
            sheet.paste(before, (0, top))
            sheet.paste(after, (before.width + GAP, top))
            top += before.height + GAP
        sheet.save(arguments.output / f"{name}.jpg", quality=90, subsampling=0)


if __name__ == "__main__":
    main()
