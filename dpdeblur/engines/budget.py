"""How much memory a picture may take, and the tiles that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from dpdeblur import scratch
from dpdeblur.engines.memory_model import MemoryModel
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.errors import OutOfMemoryError
from dpdeblur.memory import free_memory, release_unused

# Shares of the free memory to take unless told otherwise: the first leaves room for whatever else
# runs (in a batch, for pictures being read and written); the second is for want of any better.
_SHARES = (0.6, 0.9)
# Bytes that a picture may need on the CPU, tile and all, even where there are more: halos cost
# time, yet from here on less and less. Each tile of one that is cut gets up to `_TILE`, as tiles of
# several shapes leave holes in the heap, and at least `_LEAST`.
_FAST, _TILE, _LEAST = 2**30, 760_000_000, 300_000_000
# For the same reason, tiles may take this much more than the memory model says.
_HOLES = 1.3
_MOST = 4


def pictures_at_once(most: int) -> int:
    """How many pictures, of `most`, the CPU may restore at once, in tiles.

    They leave no thread idle, and each finds as much memory as is good for speed. More than four
    have not been tried.
    """
    threads = torch.get_num_threads()
    room = int(free_memory(torch.device("cpu")) * _SHARES[0]) // (2 * _FAST)  # views, results, too
    counts = range(1, max(1, min(most, _MOST, room)) + 1)
    return max(count for count in counts if threads % count == 0)


class Budget:
    """The bytes that one picture may take; none if the options give only a tile size."""

    def __init__(
        self,
        options: NetworkOptions,
        sizes: Sequence[tuple[int, int]],
        itemsize: int,
        views: int = 0,
    ) -> None:
        """`sizes` are the (height, width) of all scales, full size first; `itemsize` a sample's.

        `views` are the bytes of memory that views take which are not the caller's.
        """
        self._device = options.setup.device
        # A result at each scale, and two reduced views at each but the first.
        results = [3 * itemsize * math.prod(size) for size in sizes]
        taken = scratch.to_be_taken([*results, *results[1:], *results[1:]])
        self._stored = taken[: len(sizes)]
        self._fast = max(_LEAST, _FAST - views - sum(taken))
        self._choices: tuple[int, ...]
        if options.max_memory is not None:
            self._choices = (options.max_memory,)
        elif options.tile_size is not None:
            self._choices = ()
        else:
            free = free_memory(self._device)
            fast = options.at_once * (_FAST + sum(taken))
            if self._device.type == "cpu" and free * _SHARES[0] < fast:
                release_unused(self._device)  # what a batch has kept of its last picture
                free = free_memory(self._device)
            self._choices = tuple(int(free * share / options.at_once) for share in _SHARES)

    def tile(self, memory: MemoryModel, level: int, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the tiles of one scale, `height` x `width` with its padding.

        Raises OutOfMemoryError if not even the smallest fit.
        """
        if not self._choices:
            return height, width
        tiles = self._device.type == "cpu" and memory.descriptor.tiling == "tiles"
        for choice in self._choices:
            room = choice - self._held(level)
            fitting = memory.fit(height, width, room)
            if fitting is not None:
                if tiles and fitting != (height, width):
                    fitting = memory.fit(height, width, int(room / _HOLES)) or fitting
                break
        else:
            raise self.exceeded(memory, level, height, width)
        if tiles:
            fast, least = self._fast, memory.smallest(height, width)
            if memory.needed(height, width) > fast:
                fast = max(least, min(fast, _TILE))
            fitting = min(fitting, memory.fit(height, width, fast) or fitting, key=math.prod)
        return fitting

    def exceeded(
        self, memory: MemoryModel, level: int, height: int, width: int
    ) -> OutOfMemoryError:
        """What to raise where the smallest tiles of a scale are too large."""
        budget = self._choices[-1] if self._choices else free_memory(self._device)
        return OutOfMemoryError(memory.smallest(height, width) + self._held(level), budget)

    @property
    def scarce(self) -> bool:
        """Whether memory counts more than time: less may be taken than is good for speed."""
        return bool(self._choices) and self._choices[0] < _FAST

    def _held(self, level: int) -> int:
        """Bytes that the views, results and coarser results of this level take beside a tile."""
        if self._device.type != "cpu":
            return 0
        stored = self._stored
        coarser = stored[level + 1 :][:1]
        return stored[level] + 2 * sum(stored[1 : level + 1]) + sum(coarser)
