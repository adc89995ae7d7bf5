"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dpdeblur.engines import EngineRequest
    from dpdeblur.evaluation import Candidate
    from dpdeblur.pair import DualPixelPair, ViewOptions
    from dpdeblur.raw import RawOptions


class Choice(StrEnum):
    """An option's values."""


class Precision(Choice):
    """Arithmetic of the network."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class EngineName(Choice):
    """What makes the picture; kept equal to `dpdeblur.engines.ENGINES` by a test."""

    mccnet = "mccnet"
    mpi = "mpi"


class Method(Choice):
    """How the optimiser goes about it."""

    fast = "fast"
    full = "full"
    paper = "paper"


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
    typer.Argument(help="Canon raw file, or left view.", metavar="PHOTO|LEFT"),
]
Right = Annotated[
    Path | None, typer.Argument(help="Right view of the same frame.", metavar="RIGHT")
]
OutputFile = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="OUT", help="Picture to write.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
_SHIPPED = "mccnet (default) or paper"
Weights = Annotated[
    str | None,
    typer.Option(metavar="FILE|NAME", help=f"Weights file, or shipped weights: {_SHIPPED}."),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, ... or mps.")]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory the network may use, e.g. 2GB; default: what is fast, if it is free.",
    ),
]
TileSize = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="PIXELS", help="Sides of tiles; default: what is fast and fits into memory."
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        metavar="CAL", help="Your camera's blur (.npz), for the optimiser; default: a generic lens."
    ),
]
ProtocolOption = Annotated[
    ProtocolName | None, typer.Option("--protocol", help="Scoring rules; default: dpdd.")
]
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
BalanceOption = Annotated[
    BalanceChoice | None,
    typer.Option("--balance", help="Even out the brightness of a raw file's sides; default: auto."),
]
SwapViews = Annotated[
    bool,
    typer.Option(
        "--swap-views", help="Exchange the views: of a raw file, use frame 1 as the right one."
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        metavar="N",
        help="Of JPEG and AVIF (default: 95), WebP and JPEG XL (default: no loss).",
    ),
]
Linear = Annotated[
    bool, typer.Option("--linear", help="Write linear light in floating point: TIFF or EXR.")
]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Also write a table to FILE.")
]
ReportDir = Annotated[
    Path | None,
    typer.Option("--report", metavar="DIR", help="Also write a page to look at, DIR/report.html."),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option("--precision", help="auto: the fastest that keeps the picture's quality."),
]


@dataclass(frozen=True)
class _EngineOptions:
    """The options of every command that restores, but for the weights."""

    engine: Annotated[
        EngineName, typer.Option(help="mccnet: the network; mpi: the optimiser of dpdeblur map.")
    ] = EngineName.mccnet
    device: Device = "auto"
    precision: PrecisionOption = Precision.auto
    max_memory: MaxMemory = None
    tile_size: TileSize = None
    ensemble: Annotated[
        bool,
        typer.Option(
            "--ensemble", help="Average four mirrored passes: slightly better, 4x the time."
        ),
    ] = False
    calibration: Calibration = None
    method: Annotated[
        Method | None,
        typer.Option(
            help="For mpi. fast: closed form; full: then refined; paper: as published, takes hours."
        ),
    ] = None

    def _request(self, weights: str | Path | None) -> EngineRequest:
        from dpdeblur.engines import EngineRequest
        from dpdeblur.memory import parse_memory

        return EngineRequest(
            self.engine.value,
            device=self.device,
            weights=weights,
            precision=self.precision.value,
            max_memory=None if self.max_memory is None else parse_memory(self.max_memory),
            tile_size=self.tile_size,
            ensemble=self.ensemble,
            calibration=self.calibration,
            method=self.method and self.method.value,
        )


@dataclass(frozen=True)
class EngineChoice(_EngineOptions):
    """The options for one engine."""

    weights: Weights = None

    def request(self) -> EngineRequest:
        """The engine that is meant; raises what `EngineRequest` does."""
        return self._request(self.weights)


@dataclass(frozen=True)
class EngineChoices(_EngineOptions):
    """The options for one engine, or for networks of several weights."""

    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|NAME",
            help=f"Weights file, or shipped weights: {_SHIPPED}; may be repeated.",
        ),
    ] = None

    def candidates(self, folder: Path | None) -> tuple[Candidate, ...]:
        """The engines that are meant, whose results go to `folder`, if any."""
        from dpdeblur.evaluation import Candidate, network_candidates

        if self.engine is EngineName.mccnet:
            return network_candidates(self._request, self.weights or (), folder)
        request = self._request(self.weights[0] if self.weights else None)
        return (Candidate(self.engine.value, request.make, folder=folder),)


@dataclass(frozen=True)
class RawChoice:
    """The options for raw files."""

    size: Annotated[
        str | None,
        typer.Option(
            metavar="full|PIXELS",
            help="Width to which the views are reduced; default: 3360 for raw files, else full.",
        ),
    ] = None
    balance: BalanceOption = None
    swap_views: SwapViews = False

    def options(self) -> RawOptions:
        """How raw files are to be developed; raises OptionError."""
        from dpdeblur.raw import RawOptions, parse_size

        return RawOptions(
            size=parse_size(self.size),
            balance=self.balance is not BalanceChoice.off,
            swap_views=self.swap_views,
        )

    def views(self) -> ViewOptions:
        """How pairs of views are to be changed; raises OptionError."""
        from dpdeblur.pair import ViewOptions
        from dpdeblur.raw import parse_size

        return ViewOptions(parse_size(self.size) if self.size else None, self.swap_views)

    def options_for(self, right: Path | None, save_views: Path | None = None) -> RawOptions | None:
        """What `options` says, for a raw file; None for two views, which take those of `views`."""
        if right is None:
            return self.options()
        reason = "it is for raw files, but you gave two views; leave it out"
        refuse(reason, balance=self.balance, save_views=save_views)
        return None

    def remarks(self, pair: DualPixelPair) -> tuple[str, ...]:
        """A sentence where --size is above the width that the views have anyway."""
        from dpdeblur.raw import parse_size

        size, width = parse_size(self.size or "full"), pair.shape[1]
        if size is None or size <= width:
            return ()
        return (f"The views are {width} pixels wide, so --size {size} left them as they are.",)


def check_written(
    extension: str, by: str, *, chosen: bool, quality: int | None, linear: bool
) -> None:
    """Raise UselessOptionError where the `extension`, `chosen` by a flag or not, rules that out."""
    from dpdeblur.io import LINEAR, has_qualities

    what = extension if chosen else f"{extension}, the default,"
    if not has_qualities(extension):
        refuse(f"{what} is written without loss; leave it out", quality=quality)
    if extension.lower() not in LINEAR:
        refuse(f"{what} holds no linear light; choose .tif or .exr with {by}", linear=linear)


def refuse(reason: str, **options: object) -> None:
    """Raise UselessOptionError with the `reason` for the first of the `options` that was given."""
    from dpdeblur.errors import UselessOptionError

    for name, value in options.items():
        if value is not None and value is not False:
            raise UselessOptionError(f"--{name.replace('_', '-')}", reason)


def statement(options: RawOptions | None) -> tuple[str, ...]:
    """Which side frame 1 of a raw file is assumed to show, said whenever it matters."""
    if options is None:
        return ()
    if options.swap_views:
        return ("Frame 1 is used as the right view, because of --swap-views.",)
    return ("Frame 1 is assumed to be the left view; add --swap-views if it is the right one.",)
