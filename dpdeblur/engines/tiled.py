"""One picture on its way through the network, scale by scale and tile by tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dpdeblur import scratch
from dpdeblur.device import autocast
from dpdeblur.engines.base import ProgressCallback
from dpdeblur.engines.budget import Budget
from dpdeblur.engines.graphs import Graphs
from dpdeblur.engines.memory_model import MemoryModel
from dpdeblur.engines.meter import Meter
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.engines.plan import Tile, plan_tiles, round_up, whole, window_read
from dpdeblur.engines.pyramid import Samples, Views, floats, half_size, pyramid, store
from dpdeblur.engines.transfer import to_device, to_host
from dpdeblur.engines.window import Window
from dpdeblur.errors import NonFiniteResultError
from dpdeblur.memory import is_out_of_memory, release_unused, reusing_memory
from dpdeblur.models import MCCNet, ModelDescriptor
from dpdeblur.models.margin import Margin
from dpdeblur.models.mirror import MIRRORED, mirrored_mean
from dpdeblur.optics import add_contrast, remove_contrast
from dpdeblur.pair import DualPixelPair

# Memory is given back after so many pixels read, as the heap's holes grow from tile to tile: where
# it is scarce, after nearly each tile, which takes up to a twelfth of the time.
_TIDY, _TIDY_SCARCE = 10_000_000, 2_000_000


class TiledRun:
    """One picture on its way: what may change under way (tile size, precision) lives here."""

    meter: Meter
    views: Views
    coarser: Samples | None = None
    pixels: Samples
    read = 0  # pixels, since memory was given back

    def __init__(
        self,
        network: MCCNet,
        graphs: Graphs,
        descriptor: ModelDescriptor,
        pair: DualPixelPair,
        levels: int,
        options: NetworkOptions,
    ) -> None:
        setup = options.setup
        self.device, self.precision = setup.device, setup.precision
        self.network, self.graphs, self.descriptor = network, graphs, descriptor
        self.passes = len(MIRRORED) if options.ensemble else 1
        self.notes = list(setup.notes)
        self.wanted_size = options.tile_size
        self.planned: list[tuple[int, int]] = []  # of each level, the size of its tiles
        # The network expects a curve; views without one get it, and the result loses it again.
        self.contrast = 0.0 if pair.toned else network.config.contrast
        # From files, what goes into files; so are the smaller scales, in half the memory.
        self.kind: type[Any] = np.uint16 if pair.as_files else np.float32
        self.sizes = [pair.shape]
        while len(self.sizes) < levels:
            self.sizes.append(half_size(self.sizes[-1]))
        self.budget = Budget(options, self.sizes, np.dtype(self.kind).itemsize, pair.taken)
        # Whole rows leave large holes.
        self.frugal = self.budget.scarce or descriptor.tiling == "rows"
        ordinary = _TIDY if self.device.type == "cpu" else math.inf
        self.tidy = _TIDY_SCARCE if self.frugal else ordinary
        # Graphs keep memory, which nobody has planned for.
        limited = self.budget.scarce or options.max_memory is not None
        self.run_level = graphs.direct if limited else graphs.level
        for level in reversed(range(levels)):  # what does not fit is known before the work
            self._measure(level)

    def levels(
        self, pair: DualPixelPair, window: Window, progress: ProgressCallback | None
    ) -> tuple[int, tuple[int, int]]:
        """Restore all scales, coarsest first; how many tiles the finest took, and the largest.

        Of each scale, the tiles are computed that the window of the finest depends on.
        """
        scales = pyramid(pair, len(self.sizes), self.kind)
        # Outside `reusing_memory`, where they would leave holes; a batch has one around it all.
        results = [scratch.empty((*size, 3), self.kind) for size in self.sizes]
        plans = self._plan(window)
        work = sum(self._inside(tile, level) for level, plan in enumerate(plans) for tile in plan)
        height, width = self.sizes[0]
        self.meter = Meter(self.network, progress, height, work)
        with reusing_memory(self.device):
            while scales:
                self.views, self.pixels = scales.pop(), results.pop()
                self._measure(len(scales))
                plan = plans[len(scales)]
                if self.frugal or len(plan) > 1:
                    release_unused(self.device)  # what the scale before leaves, in other sizes
                kept = self._compute_all(plan)
                self.coarser = self.pixels if scales else None
            if self.frugal:
                release_unused(self.device)  # a batch would keep it for the next picture
        rows = max(min(tile.rows.stop, height) - tile.rows.start for tile in kept)
        columns = max(min(tile.columns.stop, width) - tile.columns.start for tile in kept)
        return len(kept), (rows, columns)

    def _plan(self, window: Window) -> list[list[Tile]]:
        """The tiles of each scale, full size first, that the window depends on."""
        plans: list[list[Tile]] = []
        for level in range(len(self.sizes)):
            self._measure(level)
            self.planned.append(self.size)
            plans.append([tile for tile in self._cut([self.whole]) if tile.shows(window)])
            window = window_read(plans[-1]).half
        return plans

    def _measure(self, level: int) -> None:
        """Plan for pictures of this level."""
        self.level = level
        descriptor = self.descriptor
        multiple = descriptor.multiple_of
        sides = [round_up(side, multiple) for side in self.sizes[level]]
        self.whole = whole(*sides)
        wanted = [round_up(self.wanted_size or side, multiple) for side in sides]
        self.size = wanted[0], sides[1] if descriptor.tiling == "rows" else wanted[1]
        self._respect_budget()

    def _cut(self, tiles: list[Tile]) -> list[Tile]:
        """The same tiles, cut as now planned."""
        descriptor = self.descriptor
        return [
            part
            for tile in tiles
            for part in plan_tiles(
                self.whole, self.size, descriptor.halo, descriptor.multiple_of, tile
            )
        ]

    def _inside(self, tile: Tile, level: int) -> int:
        """The pixels of the picture that a tile keeps, without padding."""
        height, width = self.sizes[level]
        rows, columns = min(tile.rows.stop, height), min(tile.columns.stop, width)
        return (rows - tile.rows.start) * (columns - tile.columns.start)

    def _compute_all(self, plan: list[Tile]) -> list[Tile]:
        """Fill the tiles of this level into `pixels`; those that were computed."""
        kept: list[Tile] = []
        # A precision may take more by now than when it was planned.
        todo = plan if self.size == self.planned[self.level] else self._cut(plan)
        while todo:
            size, precision = self.size, self.precision
            if not self.compute(todo[0]):
                if self.size != size or self.precision == precision:
                    todo = self._cut(todo)
                continue
            kept.append(todo.pop(0))
            self.read += kept[-1].rows.read * kept[-1].columns.read
            if self.read >= self.tidy:
                release_unused(self.device)
                self.read = 0
            self.meter.add(self._inside(kept[-1], self.level))
        return kept

    def compute(self, tile: Tile) -> bool:
        """Fill the tile's part of `pixels`; False if it has to be planned and computed anew."""
        found: NDArray[np.float32] | None = None
        try:
            found = self._forward(tile)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if found is None:  # and not in the handler, where the traceback holds the tile's tensors
            self._shrink(tile)
            return False
        if not np.isfinite(found).all():
            self._widen_precision()
            return False
        rows, columns = (slice(span.start, span.stop) for span in (tile.rows, tile.columns))
        store(self.pixels[rows, columns], found)
        return True

    def _forward(self, tile: Tile) -> NDArray[np.float32]:
        rows, columns = tile.rows, tile.columns
        height, width = self.views.shape
        kept, read = self._inside(tile, self.level), rows.read * columns.read
        with (
            torch.inference_mode(),
            _same_every_time(self.device),
            autocast(self.device, self.precision),
            self.meter.within(kept, self.passes * read),
        ):
            left, right = (
                add_contrast(view, self.contrast)
                for view in self._tensors(self.views.window, tile, 1)
            )
            coarser = None
            if (half := self.coarser) is not None:
                [coarser] = self._tensors(lambda *part: [floats(half[part])], tile, 2)
            result = self._restore(left, right, coarser, tile.margin)
        inner = result[0, :, : height - rows.start, : width - columns.start].float()
        if self.level == 0 and self.contrast:  # the others are for the network's own use
            plain = remove_contrast(inner, self.contrast)  # clips: `compute` asks what is finite
            inner = torch.where(inner.isfinite(), plain, inner)
        return to_host(inner.permute(1, 2, 0), pinned=self.graphs.active)

    def _restore(
        self, left: Tensor, right: Tensor, coarser: Tensor | None, margin: Margin
    ) -> Tensor:
        if self.passes == 1:
            return self.run_level(left, right, coarser, margin)

        return mirrored_mean(
            lambda one, other, half, axes: self.run_level(one, other, half, margin.flipped(axes)),
            *(left, right, coarser),
        )

    def _tensors(
        self,
        window: Callable[[slice, slice], Sequence[NDArray[np.float32]]],
        tile: Tile,
        scale: int,
    ) -> list[Tensor]:
        """What a tile reads of pictures `scale` times as small, as `1 x 3 x H x W`."""
        rows, columns = _read(tile, scale)
        size = tile.rows.read // scale, tile.columns.read // scale
        found = to_device(
            lambda part: window(part, columns), rows, size, self.device, pinned=self.graphs.active
        )
        scratch.rest()
        return found

    def _shrink(self, tile: Tile) -> None:
        if self.graphs.forget():
            return  # and there is room again
        release_unused(self.device)
        multiple, rows, columns = self.descriptor.multiple_of, tile.rows.kept, tile.columns.kept
        if rows > multiple and (rows >= columns or self.descriptor.tiling == "rows"):
            rows = round_up(rows // 2, multiple)
        elif columns > multiple and self.descriptor.tiling == "tiles":
            columns = round_up(columns // 2, multiple)
        else:
            height, width = self.whole.rows.stop, self.whole.columns.stop
            raise self.budget.exceeded(self._memory, self.level, height, width)
        # A tile at the border may keep more than twice as much as planned.
        self.size = min(self.size[0], rows), min(self.size[1], columns)
        rows, columns = self.size
        self.notes.append(f"ran out of memory, retried with tiles of {columns}x{rows} pixels")

    def _widen_precision(self) -> None:
        if self.precision == "fp32":
            raise NonFiniteResultError
        self.notes.append(f"{self.precision} gave infinite or undefined values, repeated in fp32")
        self.precision = "fp32"
        self._respect_budget()

    def _respect_budget(self) -> None:
        height, width = self.whole.rows.stop, self.whole.columns.stop
        fitting = self.budget.tile(self._memory, self.level, height, width)
        self.size = min(self.size[0], fitting[0]), min(self.size[1], fitting[1])

    @property
    def _memory(self) -> MemoryModel:
        return MemoryModel(self.descriptor, self.precision, self.device.type)


def _read(tile: Tile, scale: int) -> tuple[slice, slice]:
    """What a tile reads of a picture `scale` times as small."""
    rows, columns = (
        slice(span.read_start // scale, span.read_stop // scale)
        for span in (tile.rows, tile.columns)
    )
    return rows, columns


def _same_every_time(device: torch.device) -> AbstractContextManager[Any]:
    """Makes cuDNN repeatable, and fp32 mean fp32 (by default it rounds products to 10 bits)."""
    if device.type != "cuda":
        return nullcontext()
    context: AbstractContextManager[Any] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return context
