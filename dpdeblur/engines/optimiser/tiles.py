"""Spatially varying blur: a frame in overlapping tiles, each blurred by its own kernels by FFT."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import torch
from scipy.fft import next_fast_len
from torch import Tensor

_RAMP = 32
"""Width in pixels over which neighbouring tiles are blended, at most a quarter of a tile."""


@dataclass(frozen=True)
class Tiling:
    """How a frame of `height x width` is cut into `rows x columns` tiles with a `halo`.

    Each tile is a cell of the grid, half a `ramp` more on each side over which it is blended with
    its neighbours, and the halo, from which blur reaches in. The frame's border pixels are
    repeated outwards.
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
        height, width = (next_fast_len(side + margin, real=True) for side in self.cell)
        return height, width

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.rows * self.columns

    def pad(self, frames: Tensor) -> Tensor:
        """`N x H x W` with its borders repeated outwards, as far as the tiles reach."""
        top, bottom, left, right = self._margins()
        return torch.nn.functional.pad(frames, (left, right, top, bottom), mode="replicate")

    def pad_adjoint(self, padded: Tensor) -> Tensor:
        """The transpose of `pad`: repeated borders add up where they came from; spoils `padded`."""
        top, _, left, _ = self._margins()
        bottom, right = top + self.height, left + self.width
        padded[:, top] += padded[:, :top].sum(1)
        padded[:, bottom - 1] += padded[:, bottom:].sum(1)
        padded = padded[:, top:bottom]
        padded[:, :, left] += padded[:, :, :left].sum(2)
        padded[:, :, right - 1] += padded[:, :, right:].sum(2)
        return padded[:, :, left:right].contiguous()

    def window(self, tile: int) -> tuple[slice, slice]:
        """Where a tile with its halo lies in a padded frame."""
        (h, w), (y, x) = self.size, self._corner(tile)
        return slice(y, y + h), slice(x, x + w)

    def inner_window(self, tile: int) -> tuple[slice, slice]:
        """Where a tile without its halo lies in a frame with half a ramp more on each side."""
        (h, w), (y, x) = self._inner(), self._corner(tile)
        return slice(y, y + h), slice(x, x + w)

    def inner(self, tiles: Tensor) -> Tensor:
        """Tiles `... x h x w` without their halo."""
        h, w = self._inner()
        return tiles[..., self.halo : self.halo + h, self.halo : self.halo + w]

    def weights(self, tile: int, like: Tensor) -> Tensor:
        """The weight of a tile without its halo, in blending; all tiles' add up to one."""
        row, column = divmod(tile, self.columns)
        down = (row == 0, row == self.rows - 1)
        along = (column == 0, column == self.columns - 1)
        return _weights(self._inner(), down, along, self.ramp, like.dtype, like.device)

    def cut(self, frames: Tensor) -> Tensor:
        """`N x H x W` to tiles `N x T x h x w`."""
        padded = self.pad(frames)
        return torch.stack([padded[:, *self.window(tile)] for tile in range(self.count)], 1)

    def cut_adjoint(self, tiles: Tensor) -> Tensor:
        """The transpose of `cut`: tiles add up where they overlap."""
        padded = self.empty_padded(tiles)
        for tile in range(self.count):
            padded[:, *self.window(tile)] += tiles[:, tile]
        return self.pad_adjoint(padded)

    def join(self, tiles: Tensor) -> Tensor:
        """Blend tiles `N x T x h x w` into frames `N x H x W`; the halo is left out."""
        joined = self.empty_joined(tiles)
        for tile in range(self.count):
            joined[:, *self.inner_window(tile)] += self.inner(tiles[:, tile]) * self.weights(
                tile, tiles
            )
        return self.joined(joined)

    def join_adjoint(self, frames: Tensor) -> Tensor:
        """The transpose of `join`."""
        spread = self.joined_adjoint(frames)
        tiles = frames.new_zeros(len(frames), self.count, *self.size)
        for tile in range(self.count):
            self.inner(tiles)[:, tile] = spread[:, *self.inner_window(tile)] * self.weights(
                tile, frames
            )
        return tiles

    def empty_padded(self, like: Tensor) -> Tensor:
        """Zeros of a padded frame's size, as many as `like` has."""
        top, bottom, left, right = self._margins()
        return like.new_zeros(len(like), top + self.height + bottom, left + self.width + right)

    def empty_joined(self, like: Tensor) -> Tensor:
        """Zeros for `len(like)` frames with half a ramp on each side, to blend tiles into."""
        (h, w), ramp = self.cell, self.ramp
        return like.new_zeros(len(like), self.rows * h + ramp, self.columns * w + ramp)

    def joined(self, blended: Tensor) -> Tensor:
        """The frames in what `empty_joined` gave and tiles were blended into."""
        half = self.ramp // 2
        return blended[:, half : half + self.height, half : half + self.width].contiguous()

    def joined_adjoint(self, frames: Tensor) -> Tensor:
        """The transpose of `joined`."""
        spread = self.empty_joined(frames)
        half = self.ramp // 2
        spread[:, half : half + self.height, half : half + self.width] = frames
        return spread

    def _corner(self, tile: int) -> tuple[int, int]:
        row, column = divmod(tile, self.columns)
        return row * self.cell[0], column * self.cell[1]

    def _inner(self) -> tuple[int, int]:
        """Height and width of a tile without its halo."""
        return self.cell[0] + self.ramp, self.cell[1] + self.ramp

    def _margins(self) -> tuple[int, int, int, int]:
        """What the frame is padded by: top, bottom, left, right."""
        before = self.halo + self.ramp // 2
        (h, w), (cell_h, cell_w) = self.size, self.cell
        below = (self.rows - 1) * cell_h + h - before - self.height
        beside = (self.columns - 1) * cell_w + w - before - self.width
        return before, below, before, beside


@functools.lru_cache(maxsize=16)
def _weights(
    size: tuple[int, int],
    down: tuple[bool, bool],
    along: tuple[bool, bool],
    ramp: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """A tile's weights: by axis, whether it is the first and the last, without a neighbour.

    A frame has nine kinds of tiles at most, and weighs with them thousands of times.
    """
    sides = []
    for side, (first, last) in zip(size, (down, along), strict=True):
        position = torch.arange(side, dtype=dtype, device=device) + 0.5
        rise = (position / max(ramp, 0.5)).clamp(max=1)
        weight = torch.ones_like(rise) if first else rise
        sides.append(weight if last else weight * rise.flip(0))
    return sides[0][:, None] * sides[1]


def blur(frames: Tensor, tiling: Tiling, spectra: tuple[Tensor, Tensor]) -> Tensor:
    """Frames `N x H x W` as either view sees them, `2 x N x H x W`.

    `spectra` are the left and right kernels' `T x h x (w // 2 + 1)` (T may be 1: the same kernel
    everywhere) with their origin at the first pixel. Differentiable in the frames, by the exact
    adjoint; nothing the size of the tiles is kept for that.
    """
    blurred: Tensor = _Blur.apply(frames, tiling, *spectra)  # type: ignore[no-untyped-call]
    return blurred


class _Blur(torch.autograd.Function):
    """Automatic differentiation would keep every tile's spectra and transform them twice."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, tiling: Tiling, left: Tensor, right: Tensor) -> Tensor:
        ctx.tiling = tiling
        ctx.save_for_backward(left, right)
        spectrum = torch.fft.rfft2(tiling.cut(frames))
        views = [
            tiling.join(torch.fft.irfft2(spectrum * kernel, s=tiling.size))
            for kernel in (left, right)
        ]
        return torch.stack(views)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        tiling = ctx.tiling
        spectrum = sum(
            torch.fft.rfft2(tiling.join_adjoint(view)) * kernel.conj()
            for view, kernel in zip(gradient, ctx.saved_tensors, strict=True)
        )
        tiles = torch.fft.irfft2(spectrum, s=tiling.size)
        return tiling.cut_adjoint(tiles), None, None, None
