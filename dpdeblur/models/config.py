"""What an MCCNet is built from, and what it asks of whoever runs it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dpdeblur.checked import Count, Whole, checked, within
from dpdeblur.errors import OptionError

ARCHITECTURE = "MCCNet"
MULTIPLE_OF = 8
LARGEST_RADIUS = 24.0
"""As far as the inverses' filters reach, in pixels."""
# Far beyond what can be trained: no file is to make a network grow without end.
Width = Annotated[Count, Field(le=4096)]
Scales = Annotated[Count, Field(le=16)]
Blocks = Annotated[Whole, Field(le=64)]
Band = Annotated[Count, Field(le=64)]
Radius = Annotated[float, within(-LARGEST_RADIUS, LARGEST_RADIUS)]
RADII = (-8.0, -4.5, -2.5, -1.3, 1.3, 2.5, 4.2, 6.3, 9.0, 12.0)


@checked
class MCCNetConfig:
    """Widths and switches of MCCNet. The defaults are the compact network; PAPER is the paper's.

    `body` is "compact" or "paper". Both compare the views by cross-correlation at two scales
    (`use_cc`); `residual` adds the output to the combined view.

    Compact: the picture is restored at `levels` scales, coarse to fine, with the same weights. At
    each, `use_bank` gives the network the views restored by the inverse for each signed radius of
    `radii` (pixels, positive behind focus), `use_volume` how badly each radius explains the views,
    and `use_selection` lets it choose between these pictures pixel by pixel. `contrast` is the
    strength of the S-curve that the front end takes off the views before it undoes blur. `widths`
    and `blocks` are the channels and residual blocks at 1/2, 1/4 and 1/8 of the size; `view_widths`
    the channels of each view's own features at 1/2 and 1/4, which are correlated in a band of
    `bands` pixels to either side.

    Paper: widths it states (Section 3.1): 16 channels after the first convolution, then 32, 64,
    64, 128 after the encoder blocks. It leaves the Multi-scale Fusion, decoder and tail widths
    open; these were chosen so that parameters (5.52 M) and multiply-adds meet Table 1.

    The switches `use_msf`, `use_cc`, `use_msfe` are the rows of Table 2. Section 6 says that
    modules are removed "individually", yet tells the rows as each removing one more ("when ... is
    also removed"), and the numbers fall that way: `cost.TABLE_2` is cumulative, while the switches
    are free. The slope of LeakyReLU is not stated; 0.1 is that of the code of its reference [14].
    The paper does not mention a global residual; on top of its He initialisation, the last layer is
    zero and the first one blind to brightness.

    Raises OptionError naming what cannot be used.
    """

    body: Literal["compact", "paper"] = "compact"
    use_cc: bool = True
    residual: bool = True
    negative_slope: Annotated[float, within(0, 1)] = 0.1

    levels: Scales = 3
    use_bank: bool = True
    use_volume: bool = True
    use_selection: bool = True
    contrast: Annotated[float, within(0, 0.95)] = 0.0
    radii: Annotated[tuple[Radius, ...], Field(min_length=1, max_length=64)] = RADII
    widths: tuple[Width, Width, Width] = (32, 64, 96)
    blocks: tuple[Blocks, Blocks, Blocks] = (2, 2, 3)
    view_widths: tuple[Width, Width] = (16, 32)
    bands: tuple[Band, Band] = (4, 3)

    use_msf: bool = True
    use_msfe: bool = True
    stem_width: Width = 16
    encoder_widths: tuple[Width, Width, Width, Width] = (32, 64, 64, 128)
    fusion_widths: tuple[Width, Width, Width] = (8, 16, 32)
    decoder_widths: tuple[Width, Width, Width] = (128, 64, 32)
    tail_width: Width = 16

    def __post_init__(self) -> None:
        """Raise OptionError for switches that contradict each other."""
        if self.body == "compact" and self.use_selection and not self.residual:
            raise OptionError("residual", "it may be off only where use_selection is off, too")

    @property
    def choices(self) -> int:
        """Pictures besides the combined one that a level of the compact network is given."""
        return len(self.radii) * self.use_bank + (self.levels > 1)


PAPER = MCCNetConfig(body="paper", levels=1)


@dataclass(frozen=True)
class ModelDescriptor:
    """What a network eats and how it may be tiled.

    `channels` are per view. Height and width must be multiples of `multiple_of` at each level of
    the pyramid. `tiling` "rows" means tiles as wide as the picture only (the attention runs along
    rows); "tiles" that both directions are local. A tile that starts at multiples of `multiple_of`
    and carries `halo` more rows (and columns) around gives the same inner pixels as the whole
    picture but for rounding, given the same coarser result. `levels` is how many scales are used
    for pictures of `levels_width` pixels across, as it was trained; 1 if there is no pyramid.
    `memory` is what it takes per pixel relative to the shipped network of its body.
    """

    architecture: str = ARCHITECTURE
    channels: int = 3
    multiple_of: int = MULTIPLE_OF
    halo: int = 112
    tiling: Literal["rows", "tiles"] = "rows"
    levels: int = 1
    levels_width: int = 1680
    memory: float = 1.0

    def levels_for(self, height: int, width: int) -> int:
        """Scales to use for a picture: one more for each doubling of the width it was trained for.

        Blur grows with the pixels across; so does the reach. At the coarsest scale at least
        16 pixels remain.
        """
        if self.levels == 1:
            return 1
        across = max(height, width)
        more = max(0, round(math.log2(across / self.levels_width)))
        most = 1 + max(0, int(math.log2(min(height, width) / 16)))
        return min(self.levels + more, most)


def describe(config: MCCNetConfig) -> ModelDescriptor:
    """The descriptor of a network of this configuration."""
    if config.body == "paper":
        return ModelDescriptor()
    # Before the body there are the filters, with the windows of the mismatch, or the views' own
    # features and their bands, whichever reach farther.
    # Trimmed features end abruptly; views are continued by their edge, which shows less.
    body = body_reaches(config, deviations=4)[0]
    radius = math.ceil(max(map(abs, config.radii))) + 1
    filters = max(LARGEST_RADIUS * config.use_bank, (radius + 5) * config.use_volume)
    if config.use_cc:  # joins after the stem, and after the first encoder
        near, far = config.bands
        filters = max(filters, 2 * (2 + near) - 2, 4 + 4 * (1 + far) - 2 - 4 * config.blocks[0])
    reach = body + max(filters, 4)
    # Each picture to choose from is held at full size, features at half of it; the correlation's,
    # too, and not by bands.
    features = 188 * config.widths[0] / 32 + 150 * config.use_cc * config.view_widths[0] / 16
    memory = (160 + features + 12 * config.choices) / 480
    return ModelDescriptor(
        halo=math.ceil(reach / 8) * 8, tiling="tiles", levels=config.levels, memory=memory
    )


def body_reaches(config: MCCNetConfig, deviations: int = 5) -> tuple[float, float, float]:
    """How far the compact body's result looks, in pixels: at its input, and before its last blocks.

    These are its decoder's, at 1/4 and at 1/2. Blocks are two 3x3 convolutions; stem and head are
    one each, at 1/2. What comes from farther is less than the rounding: influence spreads as a
    random walk does, and so many of its standard `deviations` count.
    """
    half, quarter, eighth = config.blocks
    last = (2, 2 * half + 1)
    decoder = ((4, 2 * quarter), last)

    def reach(*layers: tuple[int, int]) -> float:
        """Of 3x3 convolutions, given by the size of their pixels and their number."""
        farthest = sum(scale * count for scale, count in layers)
        # Each convolution adds two thirds of a pixel squared to the variance.
        spread = math.sqrt(sum(scale**2 * count * 2 / 3 for scale, count in layers))
        return min(farthest, deviations * spread)

    return reach(*decoder, *decoder, (8, 2 * eighth)), reach(*decoder), reach(last)
