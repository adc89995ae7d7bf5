"""How much memory a picture may take, and the tiles that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dpdeblur.engines.memory_model import MemoryModel
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.errors import OutOfMemoryError
from dpdeblur.memory import free_memory

# Shares of the free memory to take unless told otherwise: the first leaves room for whatever else
# runs (in a batch, for pictures being read and written); the second is for want of any better.
_SHARES = (0.6, 0.9)
# Bytes that a picture may need on the CPU, tile and all, even where there are more: halos cost
# time, yet from here on less and less. Large pictures get tiles of `_LEAST` all the same. What
# tiles need is an upper bound; in fact a picture takes up to 1.0 GB.
_FAST, _LEAST = 2**30, 300_000_000
# Bytes for each pixel: views and results of all scales in 16 bits, from files; or in float32 what
# comes on top of views that are the caller's. And a little more.
_PICTURES = 25


class Budget:
    """The bytes that one picture may take; none if the options give only a tile size."""

    def __init__(
        self, options: NetworkOptions, sizes: Sequence[tuple[int, int]], itemsize: int
    ) -> None:
        """`sizes` are the (height, width) of all scales, full size first; `itemsize` a sample's."""
        self._device = options.setup.device
        self._pixels = [math.prod(size) for size in sizes]
        self._itemsize = itemsize
        self._choices: tuple[int, ...]
        if options.max_memory is not None:
            self._choices = (options.max_memory,)
        elif options.tile_size is not None:
            self._choices = ()
        else:
            free = free_memory(self._device)
            self._choices = tuple(int(free * share) for share in _SHARES)

    def tile(self, memory: MemoryModel, level: int, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the tiles of one scale, `height` x `width` with its padding.

        Raises OutOfMemoryError if not even the smallest fit.
        """
        if not self._choices:
            return height, width
        for choice in self._choices:
            fitting = memory.fit(height, width, choice - self._held(level))
            if fitting is not None:
                break
        else:
            raise self.exceeded(memory, level, height, width)
        if self._device.type == "cpu" and memory.descriptor.tiling == "tiles":
            fast = max(self._fast, memory.smallest(height, width))
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

    @property
    def _fast(self) -> int:
        return max(_LEAST, _FAST - _PICTURES * self._pixels[0])

    def _held(self, level: int) -> int:
        """Bytes that the views, results and coarser results of this level take beside a tile."""
        if self._device.type != "cpu":
            return 0
        pixels = [3 * number for number in self._pixels]
        last = level == len(pixels) - 1
        samples = pixels[level] + 2 * sum(pixels[1 : level + 1])
        samples += 0 if last else pixels[level + 1]
        return samples * self._itemsize
