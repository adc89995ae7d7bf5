"""Frames in overlapping tiles of one size, and back."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dpdeblur.optics.fourier import fast_size

_RAMP = 32
"""Width in pixels over which neighbouring tiles are blended, at most a quarter of a tile."""


@dataclass(frozen=True)
class Tiling:
    """How a frame of `height x width` is cut into `rows x columns` tiles with a `halo`.

    Each tile is a cell of the grid, half a `ramp` more on each side over which it is blended with
    its neighbours, and the halo, from which blur reaches in. The frame's border pixels are
    repeated outwards.

    Frames are `N x H x W` or `M x N x H x W`. Tiles come row by row, in runs `... x t x h x w` of
    one size, so that those in work are all that is held. `cut` and `join` are linear and have their
    transposes.
    """

    height: int
    width: int
    rows: int
    columns: int
    halo: int

    @property
    def cell(self) -> tuple[int, int]:
        """Height and width of a cell; those at the bottom and right may reach beyond the frame."""
        return math.ceil(self.height / self.rows), math.ceil(self.width / self.columns)

    @property
    def ramp(self) -> int:
        """Width of the blend in pixels, even."""
        return 2 * (min(_RAMP, *(side // 4 for side in self.cell)) // 2)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a tile with all its margins, lengths that are fast to transform."""
        margin = self.ramp + 2 * self.halo
        return fast_size(self.cell[0] + margin, self.cell[1] + margin)

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.rows * self.columns

    def cut(self, frames: Tensor, run: int = 1) -> Iterator[Tensor]:
        """Frames to runs of `run` tiles, of which the last may have fewer."""
        padded = functional.pad(frames, self._margins(), mode="replicate")
        return _runs((padded[..., *window] for window in self._windows()), run)

    def cut_adjoint(self, runs: Iterable[Tensor]) -> Tensor:
        """The transpose of `cut`: tiles add up where they overlap, repeated borders at theirs."""
        padded = self._gathered(_tiles(runs))
        left, _, top, _ = self._margins()
        bottom, right = top + self.height, left + self.width
        padded[..., top, :] += padded[..., :top, :].sum(-2)
        padded[..., bottom - 1, :] += padded[..., bottom:, :].sum(-2)
        padded = padded[..., top:bottom, :]
        padded[..., left] += padded[..., :left].sum(-1)
        padded[..., right - 1] += padded[..., right:].sum(-1)
        return padded[..., left:right].contiguous()

    def join(self, runs: Iterable[Tensor]) -> Tensor:
        """Blend runs of tiles into frames; the halo is left out."""
        weighed = (tile * self._weights(index, tile) for index, tile in enumerate(_tiles(runs)))
        return functional.pad(self._gathered(weighed), [-margin for margin in self._margins()])

    def join_adjoint(self, frames: Tensor, run: int = 1) -> Iterator[Tensor]:
        """The transpose of `join`."""
        spread = functional.pad(frames, self._margins())
        weighed = (
            spread[..., *window] * self._weights(index, frames)
            for index, window in enumerate(self._windows())
        )
        return _runs(weighed, run)

    def _gathered(self, tiles: Iterable[Tensor]) -> Tensor:
        """Padded frames that tiles are added to."""
        left, right, top, bottom = self._margins()
        size = top + self.height + bottom, left + self.width + right
        padded: Tensor | None = None
        for window, tile in zip(self._windows(), tiles, strict=True):
            if padded is None:
                padded = tile.new_zeros(*tile.shape[:-2], *size)
            padded[..., *window] += tile
        assert padded is not None
        return padded

    def _windows(self) -> Iterator[tuple[slice, slice]]:
        """Where the tiles lie in a padded frame."""
        (h, w), (down, along) = self.size, self.cell
        for index in range(self.count):
            row, column = divmod(index, self.columns)
            y, x = row * down, column * along
            yield slice(y, y + h), slice(x, x + w)

    def _margins(self) -> list[int]:
        """What a frame is padded by: left, right, top, bottom."""
        before = self.halo + self.ramp // 2
        (h, w), (cell_h, cell_w) = self.size, self.cell
        below = (self.rows - 1) * cell_h + h - before - self.height
        beside = (self.columns - 1) * cell_w + w - before - self.width
        return [before, beside, before, below]

    def _weights(self, index: int, like: Tensor) -> Tensor:
        """A tile's weights in blending, 0 in its halo; all tiles' add up to one."""
        row, column = divmod(index, self.columns)
        down = (row == 0, row == self.rows - 1)
        along = (column == 0, column == self.columns - 1)
        return _weights(self, down, along, like.dtype, like.device)


def _runs(tiles: Iterator[Tensor], run: int) -> Iterator[Tensor]:
    while together := list(itertools.islice(tiles, run)):
        yield torch.stack(together, -3)


def _tiles(runs: Iterable[Tensor]) -> Iterator[Tensor]:
    return (tile for run in runs for tile in run.unbind(-3))


@functools.lru_cache(maxsize=16)
def _weights(
    tiling: Tiling,
    down: tuple[bool, bool],
    along: tuple[bool, bool],
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """A tile's weights: by axis, whether it is the first and the last, without a neighbour.

    A frame has nine kinds of tiles at most, and weighs with them thousands of times.
    """
    sides = []
    for whole, cell, (first, last) in zip(tiling.size, tiling.cell, (down, along), strict=True):
        side = cell + tiling.ramp
        position = torch.arange(side, dtype=dtype, device=device) + 0.5
        rise = (position / max(tiling.ramp, 0.5)).clamp(max=1)
        weight = torch.ones_like(rise) if first else rise
        weight = weight if last else weight * rise.flip(0)
        sides.append(functional.pad(weight, (tiling.halo, whole - side - tiling.halo)))
    return sides[0][:, None] * sides[1]
