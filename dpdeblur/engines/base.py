"""What every engine is: a pair goes in, a picture comes out, with a record of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from dpdeblur import __version__
from dpdeblur.engines.window import Window
from dpdeblur.pair import DualPixelPair

ProgressCallback = Callable[[int, int], None]
"""Takes the parts done and the parts in all."""


def versions() -> dict[str, str]:
    """Of the libraries whose numbers a result depends on."""
    return {"dpdeblur": __version__, "torch": version("torch")}


@dataclass(frozen=True)
class RunInfo:
    """The record of one run; `dataclasses.asdict` of it is valid JSON.

    `engine`, `settings` and `digest` are the engine's. `precision` is that of the last tile.
    `tiles` and `tile_size`, the most rows and columns of one, are those of the full size, without
    the smaller scales. `peak_memory` is the most bytes that PyTorch held on a CUDA device, or that
    the whole process has ever held on the CPU (on Linux), else None. `notes` are sentences on
    whatever had to be done otherwise than asked, and on what was found at points of interest.
    """

    engine: str
    settings: Mapping[str, Any]
    digest: str
    device: str
    precision: str
    seconds: float
    peak_memory: int | None = None
    tiles: int = 1
    tile_size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=versions)


@dataclass(frozen=True, eq=False)
class Restored:
    """What an engine makes of a pair, in the sensor's rows, and how.

    `samples` is the all-in-focus picture, `H x W x 3`, sRGB-encoded: float32 in [0, 1], or uint16,
    where 65535 is white, which takes half the memory and gives the same files. `defocus` is float32
    `H x W`, the signed radius of the circle of confusion in pixels, positive behind focus; None
    from an engine that finds none. Large samples of the network lie in a temporary file, which goes
    with them; processes forked from this one share them.
    """

    samples: NDArray[np.float32] | NDArray[np.uint16]
    defocus: NDArray[np.float32] | None
    run: RunInfo

    @property
    def image(self) -> NDArray[np.float32]:
        """The picture as float32 in [0, 1]; made of uint16 samples anew each time."""
        if self.samples.dtype == np.float32:
            return cast(NDArray[np.float32], self.samples)
        return self.samples.astype(np.float32) / np.float32(65535)


class Engine(Protocol):
    """What turns pairs into pictures, each engine one after the other."""

    @property
    def name(self) -> str:
        """What it is called, as in RunInfo."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides about the results beside the pair, as JSON has it."""

    @property
    def digest(self) -> str:
        """Engines of equal digest restore alike but for rounding."""

    def prepare(self) -> None:
        """Try out the device, once; raises DeviceError or OptionError before a run would."""

    def warm(self) -> AbstractContextManager[None]:
        """A context for many runs: what one leaves, such as memory, is kept for the next."""

    def side_by_side(self, most: int) -> Sequence[Engine]:
        """Up to `most` engines like this one, where so many pictures at once are done sooner.

        Each is for a thread of its own, with its share of the CPU's threads (`shared_threads`). It
        is this one alone where pictures are best done one by one.
        """

    def read(self, pair: DualPixelPair) -> DualPixelPair:
        """The pair as this engine understands its files: `run` does this by itself."""

    def run(
        self,
        pair: DualPixelPair,
        progress: ProgressCallback | None = None,
        window: Window | None = None,
    ) -> Restored:
        """Restore one photograph of any size, or a window of it, which then is all of the result.

        Exceptions of `progress` pass through.
        """


class EngineAround:
    """An engine around another one; a subclass changes only what it does differently."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def name(self) -> str:
        """The other engine's."""
        return self.engine.name

    @property
    def settings(self) -> Mapping[str, Any]:
        """The other engine's."""
        return self.engine.settings

    @property
    def digest(self) -> str:
        """The other engine's."""
        return self.engine.digest

    def prepare(self) -> None:
        """As the other engine does."""
        self.engine.prepare()

    def warm(self) -> AbstractContextManager[None]:
        """As the other engine does."""
        return self.engine.warm()

    def side_by_side(self, most: int) -> Sequence[Engine]:
        """This one alone, as what is around the other engine may take memory."""
        return (self,)

    def read(self, pair: DualPixelPair) -> DualPixelPair:
        """As the other engine does."""
        return self.engine.read(pair)

    def run(
        self,
        pair: DualPixelPair,
        progress: ProgressCallback | None = None,
        window: Window | None = None,
    ) -> Restored:
        """As the other engine does."""
        return self.engine.run(pair, progress, window)
