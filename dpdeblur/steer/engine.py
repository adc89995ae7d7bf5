"""An engine whose pictures are as someone wishes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from dpdeblur.engines import Engine, EngineAround, ProgressCallback, Restored, Window
from dpdeblur.io import INVERSE, turn
from dpdeblur.optics import Calibration
from dpdeblur.pair import DualPixelPair
from dpdeblur.steer.depth import finder, sharpened, shrink
from dpdeblur.steer.points import Array


class Wish(Protocol):
    """What is to become of a restored picture: `Wishes` or `Refocus`."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All of it, as JSON has it."""

    @property
    def needs_map(self) -> bool:
        """Whether `apply` is to be given a map."""

    def check(self, size: tuple[int, ...]) -> None:
        """Find out whether it fits an upright picture of this size."""

    def apply(
        self, sharp: Array, untouched: Callable[[], Array], defocus: Array | None
    ) -> tuple[Array, tuple[str, ...]]:
        """The picture, and sentences on what was found; all upright."""


class Steered(EngineAround):
    """An engine around another one, whose pictures then become what `wish` says.

    Where the wish is about depth, the map is that of the optimiser's fast method, whichever the
    engine; `calibration` is the lens it assumes, None a generic one.
    """

    def __init__(self, engine: Engine, wish: Wish, calibration: Calibration | None = None) -> None:
        super().__init__(engine)
        self.wish = wish
        self.calibration = calibration
        self._finder = finder(calibration)

    @property
    def settings(self) -> dict[str, Any]:
        """The other engine's, with `wishes` and the `calibration` of the map."""
        wishes = dict(self.wish.settings)
        if self.wish.needs_map:
            wishes["calibration"] = self._finder.settings["calibration"]
        return {**self.engine.settings, "wishes": wishes}

    @cached_property
    def digest(self) -> str:
        """Of the other engine, the wishes, and how the map is found."""
        told = [self.engine.digest, json.dumps(dict(self.wish.settings), sort_keys=True)]
        if self.wish.needs_map:
            told.append(self._finder.digest)
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def run(
        self,
        pair: DualPixelPair,
        progress: ProgressCallback | None = None,
        window: Window | None = None,
    ) -> Restored:
        """Restore one photograph as wished, or a window of it.

        Raises what the other engine raises, OptionError for a point outside the picture,
        ShapeMismatchError for a mask of another size, and where depth matters what
        `Optimiser.run` raises.
        """
        started = time.perf_counter()
        pair = self.read(pair)
        tag = 1 if pair.info is None else pair.info.orientation
        size = pair.shape
        window = window or Window.whole(size)
        self.wish.check(pair.upright_shape)
        # Before the engine, so that what must fail does so soon.
        defocus = shrink(self._finder.find_map(pair)) if self.wish.needs_map else None
        # The map is drawn by the whole restored picture; what else is wished is local.
        part = window if defocus is None else Window.whole(size)
        restored = self.engine.run(pair, progress, part)
        sharp = restored.image
        if part != Window.whole(size):
            sharp = pair.combined()
            sharp[part] = restored.image
        if defocus is not None:
            defocus = turn(sharpened(defocus, sharp, pair, self.calibration), tag)
        image, notes = self.wish.apply(
            turn(sharp, tag), lambda: turn(pair.combined(), tag), defocus
        )
        image = turn(image, INVERSE[tag])[window]
        found = restored.defocus
        run = replace(
            restored.run,
            settings={**restored.run.settings, "wishes": self.settings["wishes"]},
            digest=self.digest,
            seconds=time.perf_counter() - started,
            notes=(*restored.run.notes, *notes),
        )
        if found is not None:
            found = found[window.inside(part)]
        return Restored(image.astype(np.float32, copy=False), found, run)
