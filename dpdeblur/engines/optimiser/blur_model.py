"""What both views see of a picture and a defocus map, as a linear map of the picture."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dpdeblur.engines.optimiser.lens import Lens, power, spectra
from dpdeblur.engines.optimiser.tiles import Tiling

NOISE_TO_SIGNAL = 7e-3
"""C of the joint Wiener filter, of unit-sum kernels: power over power, without a unit."""
_RINGING = 16
"""Pixels added to the halo, as an inverse filter reaches farther than the kernel."""


def shares(defocus: Tensor, radii: Sequence[float]) -> Tensor:
    """Each layer's share of a pixel, `L x H x W`: linear between the two nearest.

    `defocus` is `H x W`; `radii` fall evenly, back to front.
    """
    if len(radii) == 1:
        return torch.ones_like(defocus)[None]
    position = _position(defocus, radii)
    return (1 - (position - _indices(position, len(radii))).abs()).clamp(min=0)


def share_slopes(defocus: Tensor, radii: Sequence[float]) -> Tensor:
    """How `shares` change with the radius, `L x H x W`; at the ends inwards, beyond not at all."""
    if len(radii) == 1:
        return torch.zeros_like(defocus)[None]
    position = _position(defocus, radii)
    farther = position.floor().clamp(max=len(radii) - 2)
    indices = _indices(position, len(radii))
    slopes = (indices == farther).to(position) - (indices == farther + 1).to(position)
    inside = (defocus <= radii[0]) & (defocus >= radii[-1])
    return slopes * inside / (radii[0] - radii[1])


def _position(defocus: Tensor, radii: Sequence[float]) -> Tensor:
    """Number of the layer, with what lies between two."""
    return ((radii[0] - defocus) / (radii[0] - radii[1])).clamp(0, len(radii) - 1)


def _indices(like: Tensor, count: int) -> Tensor:
    return torch.arange(count, dtype=like.dtype, device=like.device)[:, None, None]


@dataclass(frozen=True)
class _Tile:
    """A tile: the layers that show in it, and their shares `A x h x w`."""

    index: int
    layers: tuple[int, ...]
    shares: Tensor


class LayeredBlur:
    """What both views see of one picture x spread over layers: view = sum_l k_l * (T_l x).

    This is the MPI of Xin et al. with one colour for all layers at a pixel, and known shares T_l,
    whose blurs add up instead of covering each other; a linear map. Each tile knows the layers
    that show in it only.

    Args:
        shares: `L x H x W`, summing to one over the layers.
        radii: the layers' signed radii in pixels of the frame before the lens's reduction.
        lens: the kernels.
    """

    def __init__(self, shares: Tensor, radii: Sequence[float], lens: Lens) -> None:
        shape = (shares.shape[1], shares.shape[2])
        self.radii = tuple(radii)
        self._layers = [lens.kernels(radius).to(shares.device) for radius in radii]
        halo = max(each.shape[-1] // 2 for each in self._layers) + _RINGING
        self.tiling = Tiling(*shape, *lens.grid(*shape), halo)
        self._spectra: dict[tuple[int, int], Tensor] = {}
        self._tiles = self._cut(shares)

    def showing(self, shares: Tensor) -> LayeredBlur:
        """The same lens and layers with other shares, or any weights `L x H x W`.

        (`precondition` needs them not to be negative.)
        """
        other = copy.copy(self)  # both find, and add, spectra in one position
        other._tiles = other._cut(shares)
        return other

    def _cut(self, shares: Tensor) -> list[_Tile]:
        padded = self.tiling.pad(shares)
        tiles = []
        for index in range(self.tiling.count):
            tile = padded[:, *self.tiling.window(index)]
            shown = [layer for layer in range(len(tile)) if tile[layer].any()]
            if shown:
                tiles.append(_Tile(index, tuple(shown), tile[shown]))
        return tiles

    def _kernels(self, tile: _Tile) -> Tensor:
        """Spectra of the left and the right kernels, `2 x A x h x (w // 2 + 1)`."""
        found = []
        for layer in tile.layers:
            kernels = self._layers[layer]
            position = tile.index % kernels.shape[1]  # one for all tiles, or each its own
            if (layer, position) not in self._spectra:
                self._spectra[layer, position] = spectra(kernels[:, position], self.tiling.size)
            found.append(self._spectra[layer, position])
        return torch.stack(found, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """`N x H x W` to both views, `2 x N x H x W`."""
        tiling = self.tiling
        padded = tiling.pad(picture)
        views = [tiling.empty_joined(picture) for _ in range(2)]
        for tile in self._tiles:
            spectrum = torch.fft.rfft2(padded[:, *tiling.window(tile.index)][:, None] * tile.shares)
            for view, kernels in zip(views, self._kernels(tile), strict=True):
                self._blend(view, tile, (spectrum * kernels).sum(1))
        return torch.stack([tiling.joined(view) for view in views])

    def adjoint(self, views: Tensor) -> Tensor:
        """The transpose of `forward`."""
        tiling = self.tiling
        spread = [tiling.joined_adjoint(view) for view in views]
        padded = tiling.empty_padded(views[0])
        for tile in self._tiles:
            weights = tiling.weights(tile.index, views)
            spectrum: Tensor | int = 0
            for view, kernels in zip(spread, self._kernels(tile), strict=True):
                tile_view = view.new_zeros(len(view), *tiling.size)
                tiling.inner(tile_view)[:] = view[:, *tiling.inner_window(tile.index)] * weights
                spectrum = spectrum + torch.fft.rfft2(tile_view)[:, None] * kernels.conj()
            layers = torch.fft.irfft2(spectrum, s=tiling.size)
            padded[:, *tiling.window(tile.index)] += (layers * tile.shares).sum(1)
        return tiling.pad_adjoint(padded)

    def wiener(self, views: Tensor, noise: float = NOISE_TO_SIGNAL) -> Tensor:
        """The joint Wiener filter of both views at each layer, blended by the shares, `N x H x W`.

        J = (conj K_L L + conj K_R R) / (|K_L|^2 + |K_R|^2 + C).
        """
        padded = [self.tiling.pad(view) for view in views]

        def filtered(tile: _Tile) -> Tensor:
            window = self.tiling.window(tile.index)
            left, right = (torch.fft.rfft2(view[:, *window])[:, None] for view in padded)
            kernels = self._kernels(tile)
            signal = kernels[0].conj() * left + kernels[1].conj() * right
            layers = torch.fft.irfft2(signal / _power(kernels, noise), s=self.tiling.size)
            return _summed(layers, tile.shares)

        return self._joined(filtered, views[0])

    def precondition(self, picture: Tensor, noise: float = NOISE_TO_SIGNAL) -> Tensor:
        """About the inverse of `adjoint(forward(...))`, symmetric but for the tiles' borders."""
        padded = self.tiling.pad(picture)

        def filtered(tile: _Tile) -> Tensor:
            root = tile.shares.sqrt()
            layers = padded[:, *self.tiling.window(tile.index)][:, None] * root
            spectrum = torch.fft.rfft2(layers) / _power(self._kernels(tile), noise)
            return _summed(torch.fft.irfft2(spectrum, s=self.tiling.size), root)

        return self._joined(filtered, picture)

    def _joined(self, filtered: Callable[[_Tile], Tensor], like: Tensor) -> Tensor:
        blended = self.tiling.empty_joined(like)
        for tile in self._tiles:
            inner = self.tiling.inner(filtered(tile))
            blended[:, *self.tiling.inner_window(tile.index)] += inner * self.tiling.weights(
                tile.index, inner
            )
        return self.tiling.joined(blended)

    def _blend(self, view: Tensor, tile: _Tile, spectrum: Tensor) -> None:
        inner = self.tiling.inner(torch.fft.irfft2(spectrum, s=self.tiling.size))
        weights = self.tiling.weights(tile.index, inner)
        view[:, *self.tiling.inner_window(tile.index)] += inner * weights


def _summed(layers: Tensor, shares: Tensor) -> Tensor:
    """Layers `N x A x h x w` by their shares, `N x h x w`."""
    return torch.einsum("nahw,ahw->nhw", layers, shares)


def _power(kernels: Tensor, noise: float) -> Tensor:
    """|K_L|^2 + |K_R|^2 + C of `2 x A x ...` spectra."""
    return power(kernels).sum(0) + noise
