"""What an MCCNet is built from, and what it asks of whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MCCNetConfig:
    """Widths and switches of MCCNet; the defaults are the shipped network.

    Widths the paper states (Section 3.1): 16 channels after the first convolution, then 32, 64,
    64, 128 after the encoder blocks. It leaves the Multi-scale Fusion, decoder and tail widths
    open; these were chosen so that parameters (5.52 M) and multiply-adds meet Table 1.

    The three `use_*` switches are the rows of Table 2. Section 6 says that modules are removed
    "individually", yet tells the rows as each removing one more ("when ... is also removed"), and
    the numbers fall that way: `cost.TABLE_2` is cumulative, while the switches are free.
    The slope of LeakyReLU is not stated; 0.1 is that of the code of its reference [14].
    `residual` adds the combined view to the output and starts from it: on top of the paper's He
    initialisation, the last layer is zero and the first one blind to brightness. Off is the
    paper, which does not mention a global residual.
    """

    use_msf: bool = True
    use_cc: bool = True
    use_msfe: bool = True
    residual: bool = True
    stem_width: int = 16
    encoder_widths: tuple[int, int, int, int] = (32, 64, 64, 128)
    fusion_widths: tuple[int, int, int] = (8, 16, 32)
    decoder_widths: tuple[int, int, int] = (128, 64, 32)
    tail_width: int = 16
    negative_slope: float = 0.1

    def __post_init__(self) -> None:
        """Raise ValueError if a tuple of widths has not as many as there are blocks."""
        for name, count in (("encoder_widths", 4), ("fusion_widths", 3), ("decoder_widths", 3)):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name} must be {count} numbers")


@dataclass(frozen=True)
class ModelDescriptor:
    """What a network eats and how it may be tiled.

    `channels` are per view. Height and width must be multiples of `multiple_of`. `tiling` "rows"
    means full-width strips only (the attention runs along rows); a strip that starts at a
    multiple of `multiple_of` and carries `halo` more rows above and below gives the same inner
    rows as the whole picture.
    """

    architecture: str = "MCCNet"
    channels: int = 3
    multiple_of: int = 8
    halo: int = 112
    tiling: Literal["rows"] = "rows"
