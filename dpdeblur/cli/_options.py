"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dpdeblur.engines import RestoreOptions
    from dpdeblur.raw import RawOptions


class Choice(StrEnum):
    """An option's values."""


class Precision(Choice):
    """Arithmetic of the network."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class ProtocolName(Choice):
    """Scoring rules; kept equal to `dpdeblur.evaluation.PROTOCOLS` by a test."""

    dpdd = "dpdd"
    dpdd_8bit = "dpdd-8bit"


class BalanceChoice(Choice):
    """Whether the brightness of a raw file's two sides is evened out."""

    auto = "auto"
    off = "off"


PhotoOrLeft = Annotated[
    Path,
    typer.Argument(help="Canon raw file, or left view (PNG, TIFF, JPEG).", metavar="PHOTO|LEFT"),
]
Right = Annotated[
    Path | None, typer.Argument(help="Right view of the same frame.", metavar="RIGHT")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
Weights = Annotated[
    str | None,
    typer.Option(metavar="FILE|NAME", help="Weights file, or the name of shipped weights."),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, ... or mps.")]
PrecisionOption = Annotated[
    Precision,
    typer.Option("--precision", help="auto: the fastest that keeps the picture's quality."),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Memory the network may use, e.g. 2GB; default: 60 % of free memory."
    ),
]
StripHeight = Annotated[
    int | None,
    typer.Option(min=1, metavar="ROWS", help="Rows per strip; default: what fits into memory."),
]
Ensemble = Annotated[
    bool,
    typer.Option("--ensemble", help="Average four mirrored passes: slightly better, 4x the time."),
]
ProtocolOption = Annotated[ProtocolName, typer.Option("--protocol", help="Scoring rules.")]
MatchExposure = Annotated[
    bool,
    typer.Option(
        "--match-exposure",
        help="Also score with each channel scaled to the truth's brightness.",
    ),
]
NoMetadata = Annotated[
    bool, typer.Option("--no-metadata", help="Leave EXIF and XMP out; the colour profile stays.")
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="full|PIXELS",
        help="Width to which raw files are reduced; default: 3360.",
    ),
]
BalanceOption = Annotated[
    BalanceChoice | None,
    typer.Option("--balance", help="Even out the brightness of a raw file's sides; default: auto."),
]
SwapViews = Annotated[
    bool, typer.Option("--swap-views", help="Use frame 1 of a raw file as the right view.")
]
OutputFile = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="OUT", help="Picture to write.")
]


def restore_options(
    device: str,
    precision: Precision,
    max_memory: str | None,
    strip_height: int | None,
    ensemble: bool,
) -> RestoreOptions:
    """The engine's options from those of the command line; raises OptionError, DeviceError."""
    from dpdeblur.engines import RestoreOptions
    from dpdeblur.memory import parse_memory

    memory = None if max_memory is None else parse_memory(max_memory)
    options = RestoreOptions(device, precision.value, memory, strip_height, ensemble)
    _ = options.setup  # a device that is not there shall not fail every picture
    return options


def given_for_raws(
    size: str | None, balance: BalanceChoice | None, *, swap_views: bool
) -> tuple[str, ...]:
    """Those of the options for raw files that were given."""
    given = {"--size": size, "--balance": balance, "--swap-views": swap_views}
    return tuple(name for name, value in given.items() if value)


def raw_options(
    size: str | None = None,
    balance: BalanceChoice | None = None,
    *,
    swap_views: bool = False,
    half: bool = False,
) -> RawOptions:
    """How raw files are developed; raises OptionError."""
    from dpdeblur.raw import RawOptions, parse_size

    return RawOptions(
        size=parse_size(size), half=half, balance=balance != "off", swap_views=swap_views
    )
