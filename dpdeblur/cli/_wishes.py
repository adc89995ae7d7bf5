"""The options for what is to become of a restored picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpdeblur.cli._options import Choice, EngineChoice, EngineName

if TYPE_CHECKING:
    from dpdeblur.engines import Engine, EngineRequest
    from dpdeblur.optics import Calibration
    from dpdeblur.pair import DualPixelPair
    from dpdeblur.steer import Wish

PANEL = "Keep the blur you want"


class Side(Choice):
    """What is restored of a picture, kept equal to `dpdeblur.steer.Side` by a test."""

    near = "near"
    far = "far"


@dataclass(frozen=True)
class WishChoice:
    """The options for the blur that is to stay."""

    strength: Annotated[
        float,
        typer.Option(
            metavar="0..1",
            help="How much of the restored picture to mix in; 0 leaves the picture as it was.",
            rich_help_panel=PANEL,
        ),
    ] = 1.0
    only: Annotated[
        Side | None,
        typer.Option(
            help="Restore only what lies in front of (near) or behind (far) the focus.",
            rich_help_panel=PANEL,
        ),
    ] = None
    keep_beyond: Annotated[
        float | None,
        typer.Option(
            metavar="PIXELS",
            help="Leave what is blurred by a larger radius as it is. Like dpdeblur map, this "
            "assumes a generic lens unless you give --calibration.",
            rich_help_panel=PANEL,
        ),
    ] = None
    focus_at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y",
            help="Restore only what lies as deep as this point of the upright picture (column and "
            "row in pixels); may be repeated.",
            rich_help_panel=PANEL,
        ),
    ] = None
    depth_range: Annotated[
        float | None,
        typer.Option(
            metavar="PIXELS",
            help="How much blur radii may differ from those at --focus-at; default: 1/600 of the "
            "longer side.",
            rich_help_panel=PANEL,
        ),
    ] = None
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Restore only where this picture is white; it has the size of the result.",
            rich_help_panel=PANEL,
        ),
    ] = None
    feather: Annotated[
        float | None,
        typer.Option(
            metavar="PIXELS",
            help="Soften the mask's edges by so much to each side; default: 8.",
            rich_help_panel=PANEL,
        ),
    ] = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that are read."""
        return () if self.mask is None else (self.mask,)

    def request(self, engine: EngineChoice) -> EngineRequest | SteeredRequest:
        """The engine that is meant, for pictures as wished.

        Raises what `Wishes`, `read_mask` and `EngineRequest` do.
        """
        if self == WishChoice():
            return engine.request()
        from dpdeblur.steer import Wishes, parse_point, read_mask

        wishes = Wishes(
            strength=self.strength,
            only=self.only and self.only.value,
            keep_beyond=self.keep_beyond,
            focus_at=tuple(parse_point(text, "focus_at") for text in self.focus_at or ()),
            depth_range=self.depth_range,
            mask=None if self.mask is None else read_mask(self.mask),
            feather=self.feather,
        )
        return steered(engine, wishes)


@dataclass(frozen=True)
class SteeredRequest:
    """An engine that is asked for, what is to become of its pictures, and the map's lens."""

    engine: EngineRequest
    wish: Wish
    lens: Calibration | None

    def make(self) -> Engine:
        """The engine, ready to run on its device."""
        from dpdeblur.steer import Steered

        return Steered(self.engine.make(), self.wish, self.lens)


def check_wish(request: EngineRequest | SteeredRequest, pair: DualPixelPair) -> None:
    """Check, before the engine loads, that the wishes fit the pair.

    Raises OptionError for a point outside, ShapeMismatchError for a mask of another size.
    """
    if isinstance(request, SteeredRequest):
        request.wish.check(pair.upright_shape)


def steered(engine: EngineChoice, wish: Wish) -> SteeredRequest:
    """The engine that is meant, for pictures as wished; the calibration is the map's as well."""
    from dpdeblur.optics import read_calibration

    path = engine.calibration
    lens = None if path is None else read_calibration(path)
    if wish.needs_map and engine.engine is EngineName.mccnet:
        engine = replace(engine, calibration=None)  # the network takes none, but the map does
    return SteeredRequest(engine.request(), wish, lens)
