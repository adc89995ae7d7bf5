"""What both views see of frames through kernels that vary over the frame and by layer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from dpdeblur.optics.fourier import power, spectra
from dpdeblur.optics.tiles import Tiling

NOISE_TO_SIGNAL = 7e-3
"""C of the joint Wiener filter, of unit-sum kernels: power over power, without a unit."""


@dataclass(frozen=True)
class _Run:
    """Tiles in work together: the first, the layers that show, and their shares `A x t x h x w`."""

    first: int
    layers: tuple[int, ...]
    shares: Tensor


class Blur:
    """Both views of frames spread over layers: view = sum_l k_l * (T_l x), in tiles, by FFT.

    A linear map with its transpose and inverses. Each tile has its own kernels k_l, and knows only
    the layers that show in it. With shares T_l that are known the layers' blurs add up instead of
    covering each other. Beyond the border frames continue with their edge.

    Args:
        shape: height and width of the frames.
        grid: rows and columns of the tiles (see `Tiling`).
        kernels: each layer's left and right ones, `2 x T x K x K`, K odd; T is the number of tiles,
            row by row, or 1 where they are the same all over the frame.
        shares: `L x H x W`, or any weights. Tiles are then worked on one by one, which takes least
            memory. None: layers show wholly everywhere, as a single one does; all tiles at once.
        margin: pixels added to the tiles' halo, as an inverse reaches farther than the kernels.

    >>> blur = Blur((40, 60), (2, 3), [torch.full((2, 1, 5, 5), 1 / 25).double()])
    >>> x, views = torch.rand(1, 40, 60).double(), torch.rand(2, 1, 40, 60).double()
    >>> torch.isclose((blur.forward(x) * views).sum(), (x * blur.adjoint(views)).sum())
    tensor(True)
    """

    def __init__(
        self,
        shape: tuple[int, int],
        grid: tuple[int, int],
        kernels: Sequence[Tensor],
        shares: Tensor | None = None,
        margin: int = 0,
    ) -> None:
        halo = max(each.shape[-1] // 2 for each in kernels) + margin
        self.tiling = Tiling(*shape, *grid, halo)
        self._kernels = kernels
        self._spectra: dict[tuple[int, int], Tensor] = {}
        self._at_once = self.tiling.count if shares is None else 1
        if shares is None:
            everywhere = kernels[0].new_ones(len(kernels), 1, 1, 1)
            self._runs = [_Run(0, tuple(range(len(kernels))), everywhere)]
        else:
            self._runs = self._cut(shares)

    def showing(self, shares: Tensor) -> Self:
        """The same kernels and layers with other shares, or any weights `L x H x W`.

        (`precondition` needs them not to be negative.)
        """
        other = copy.copy(self)  # both find, and add, spectra in one position
        other._runs = other._cut(shares)
        return other

    def forward(self, frames: Tensor) -> Tensor:
        """`N x H x W` to both views, `2 x N x H x W`.

        Differentiable in the frames, by the exact adjoint; nothing is kept for that.
        """
        views: Tensor = _Differentiable.apply(frames, self)  # type: ignore[no-untyped-call]
        return views

    def _forward(self, frames: Tensor) -> Tensor:
        def seen(run: _Run, tiles: Tensor) -> Tensor:
            spectrum = torch.fft.rfft2(tiles[:, None] * run.shares)
            views = [(spectrum * kernels).sum(1) for kernels in self._both(run)]
            return self._back(torch.stack(views))

        return self._mapped(seen, frames)

    def adjoint(self, views: Tensor) -> Tensor:
        """The transpose of `forward`."""

        def unseen(run: _Run, tiles: Tensor) -> Tensor:
            spectrum = sum(
                torch.fft.rfft2(view)[:, None] * kernels.conj()
                for view, kernels in zip(tiles, self._both(run), strict=True)
            )
            return _summed(self._back(spectrum), run.shares)

        tiles = self.tiling.join_adjoint(views, self._at_once)
        return self.tiling.cut_adjoint(map(unseen, self._runs, tiles))

    def wiener(self, views: Tensor, noise: float | Tensor = NOISE_TO_SIGNAL) -> Tensor:
        """The joint Wiener filter of both views at each layer, blended by the shares, `N x H x W`.

        J = (conj K_L L + conj K_R R) / (|K_L|^2 + |K_R|^2 + C), C one for all frequencies or
        `h x (w // 2 + 1)`.
        """

        def restored(run: _Run, tiles: Tensor) -> Tensor:
            kernels, seen = self._both(run), torch.fft.rfft2(tiles)[:, :, None]
            return _summed(self._back(_wiener(kernels, seen, noise)), run.shares)

        return self._mapped(restored, views)

    def missing(self, views: Tensor, noise: float | Tensor = NOISE_TO_SIGNAL) -> Tensor:
        """What `wiener`'s pictures, blurred again tile by tile, lack of the views, `2 x N x H x W`.

        Blended by the shares, too.
        """

        def left_over(run: _Run, tiles: Tensor) -> Tensor:
            kernels, seen = self._both(run), torch.fft.rfft2(tiles)[:, :, None]
            again = kernels[:, None] * _wiener(kernels, seen, noise)
            return _summed(self._back(seen - again), run.shares)

        return self._mapped(left_over, views)

    def precondition(self, frames: Tensor, noise: float | Tensor = NOISE_TO_SIGNAL) -> Tensor:
        """About the inverse of `adjoint(forward(...))`, symmetric but for the tiles' borders."""

        def filtered(run: _Run, tiles: Tensor) -> Tensor:
            root = run.shares.sqrt()
            spectrum = torch.fft.rfft2(tiles[:, None] * root) / (power(*self._both(run)) + noise)
            return _summed(self._back(spectrum), root)

        return self._mapped(filtered, frames)

    def power(self) -> Tensor:
        """|K_L|^2 + |K_R|^2 at each frequency, `L x T x h x (w // 2 + 1)`, without shares."""
        return power(*self._both(self._runs[0]))

    def _cut(self, shares: Tensor) -> list[_Run]:
        runs = []
        for index, tiles in enumerate(self.tiling.cut(shares, self._at_once)):
            shown = [layer for layer, share in enumerate(tiles) if share.any()] or [0]
            runs.append(_Run(index * self._at_once, tuple(shown), tiles[shown]))
        return runs

    def _mapped(self, function: Callable[[_Run, Tensor], Tensor], frames: Tensor) -> Tensor:
        return self.tiling.join(map(function, self._runs, self.tiling.cut(frames, self._at_once)))

    def _both(self, run: _Run) -> Tensor:
        """Spectra of the left and the right kernels, `2 x A x t x h x (w // 2 + 1)`."""
        found = []
        for layer in run.layers:
            kernels = self._kernels[layer]
            first = run.first % kernels.shape[1]  # one for all tiles, or each its own
            if (layer, first) not in self._spectra:
                own = kernels[:, first : first + self._at_once]
                self._spectra[layer, first] = spectra(own, self.tiling.size)
            found.append(self._spectra[layer, first])
        return torch.stack(found, 1)

    def _back(self, spectrum: Tensor) -> Tensor:
        tiles: Tensor = torch.fft.irfft2(spectrum, s=self.tiling.size)
        return tiles


class _Differentiable(torch.autograd.Function):
    """Automatic differentiation would keep every tile's spectra and transform them twice."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, blur: Blur) -> Tensor:
        ctx.blur = blur
        return blur._forward(frames)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.blur.adjoint(gradient), None


def _wiener(kernels: Tensor, views: Tensor, noise: float | Tensor) -> Tensor:
    """Spectra `N x A x t x ...` of the picture that each layer's kernels make of both views."""
    signal = kernels[0].conj() * views[0] + kernels[1].conj() * views[1]
    return signal / (power(*kernels) + noise)


def _summed(layers: Tensor, shares: Tensor) -> Tensor:
    """Layers `... x A x t x h x w` by their shares, `... x t x h x w`."""
    return (layers * shares).sum(-4)
