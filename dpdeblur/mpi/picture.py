"""The all-in-focus picture behind a known defocus map: in closed form, and by optimisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dpdeblur.mpi.lens import Lens, spectra
from dpdeblur.mpi.tiles import Tiling

NOISE_TO_SIGNAL = 7e-3
"""C of the joint Wiener filter, of unit-sum kernels."""
_RINGING = 16
"""Pixels added to the halo, as an inverse filter reaches farther than the kernel."""


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
        kernels = [lens.kernels(radius).to(shares.device) for radius in radii]
        halo = max(each.shape[-1] // 2 for each in kernels) + _RINGING
        self.tiling = Tiling(*shape, *lens.grid(*shape), halo)
        self._tiles: list[_Tile] = []
        self._spectra: dict[tuple[int, int], Tensor] = {}
        grown = self.tiling.grow(shares)
        for index in range(self.tiling.count):
            tile = grown[:, *self.tiling.window(index)]
            shown = tuple(layer for layer in range(len(tile)) if tile[layer].any())
            self._tiles.append(_Tile(index, shown, tile[list(shown)]))
            for layer in shown:
                place = index % kernels[layer].shape[1]  # one for all tiles, or each its own
                if (layer, place) not in self._spectra:
                    spectrum = spectra(kernels[layer][:, place], self.tiling.size)
                    self._spectra[layer, place] = spectrum
        self._places = [each.shape[1] for each in kernels]

    def _kernels(self, tile: _Tile) -> Tensor:
        """Spectra of the left and the right kernels, `2 x A x h x (w // 2 + 1)`."""
        places = [(layer, tile.index % self._places[layer]) for layer in tile.layers]
        return torch.stack([self._spectra[place] for place in places], 1)

    def forward(self, picture: Tensor) -> Tensor:
        """`N x H x W` to both views, `2 x N x H x W`."""
        tiling = self.tiling
        grown = tiling.grow(picture)
        views = [tiling.empty_joined(picture) for _ in range(2)]
        for tile in self._tiles:
            spectrum = torch.fft.rfft2(grown[:, *tiling.window(tile.index)][:, None] * tile.shares)
            for view, kernels in zip(views, self._kernels(tile), strict=True):
                self._blend(view, tile, (spectrum * kernels).sum(1))
        return torch.stack([tiling.joined(view) for view in views])

    def adjoint(self, views: Tensor) -> Tensor:
        """The transpose of `forward`."""
        tiling = self.tiling
        spread = [tiling.joined_adjoint(view) for view in views]
        grown = tiling.empty_grown(views[0])
        for tile in self._tiles:
            weights = tiling.weights(tile.index, views)
            spectrum: Tensor | int = 0
            for view, kernels in zip(spread, self._kernels(tile), strict=True):
                padded = view.new_zeros(len(view), *tiling.size)
                tiling.inner(padded)[:] = view[:, *tiling.inner_window(tile.index)] * weights
                spectrum = spectrum + torch.fft.rfft2(padded)[:, None] * kernels.conj()
            layers = torch.fft.irfft2(spectrum, s=tiling.size)
            grown[:, *tiling.window(tile.index)] += (layers * tile.shares).sum(1)
        return tiling.grow_adjoint(grown)

    def wiener(self, views: Tensor, noise: float = NOISE_TO_SIGNAL) -> Tensor:
        """The joint Wiener filter of both views at each layer, blended by the shares, `N x H x W`.

        J = (conj K_L L + conj K_R R) / (|K_L|^2 + |K_R|^2 + C).
        """
        grown = [self.tiling.grow(view) for view in views]

        def filtered(tile: _Tile) -> Tensor:
            window = self.tiling.window(tile.index)
            left, right = (torch.fft.rfft2(view[:, *window])[:, None] for view in grown)
            kernels = self._kernels(tile)
            signal = kernels[0].conj() * left + kernels[1].conj() * right
            layers = torch.fft.irfft2(signal / _power(kernels, noise), s=self.tiling.size)
            return _summed(layers, tile.shares)

        return self._joined(filtered, views[0])

    def precondition(self, picture: Tensor, noise: float = NOISE_TO_SIGNAL) -> Tensor:
        """About the inverse of `adjoint(forward(...))`, symmetric but for the tiles' borders."""
        grown = self.tiling.grow(picture)

        def filtered(tile: _Tile) -> Tensor:
            root = tile.shares.sqrt()
            layers = grown[:, *self.tiling.window(tile.index)][:, None] * root
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
    return kernels.abs().square().sum(0) + noise


@dataclass(frozen=True)
class PictureOptions:
    """Constants of `sharpen`, chosen on the development scenes of the Pixel 4 data set.

    `smoothness` weighs the prior, whose penalty turns linear at gradients of `edge`; the data
    term's turns linear at residuals of `outlier`: light, 1 being the brightest.
    """

    smoothness: float = 4e-4
    edge: float = 3e-3
    outlier: float = 0.01
    rounds: int = 3
    steps: int = 8
    tolerance: float = 2e-3


def sharpen(
    blur: LayeredBlur,
    observed: Tensor,
    start: Tensor,
    options: PictureOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """The picture that explains both views, few of whose pixels differ from their neighbours.

    Minimises Charbonnier penalties of the views' residuals and of the picture's gradients (with
    one norm over the channels), by iteratively reweighted least squares; each round solves its
    quadratic by preconditioned conjugate gradients. Stops before the last round when one changes
    the picture by less than `tolerance` (RMS, relative).

    Args:
        blur: the forward model with the known map.
        observed: both views, `2 x N x H x W`, linear light.
        start: the picture to begin with, `N x H x W`.
        progress: called with steps done and steps in all.
    """
    options = options or PictureOptions()
    picture = start.clamp(min=0)
    done, total = 0, options.rounds * options.steps
    for _ in range(options.rounds):
        residual = blur.forward(picture) - observed
        trust = (residual.square() / options.outlier**2 + 1).rsqrt()
        gradient = _gradient(picture).square().sum((0, 1))
        smooth = options.smoothness / (gradient + options.edge**2).sqrt()

        def normal(x: Tensor, trust: Tensor = trust, smooth: Tensor = smooth) -> Tensor:
            return blur.adjoint(trust * blur.forward(x)) + _gradient_adjoint(smooth * _gradient(x))

        before = picture
        rest = blur.adjoint(-trust * residual) - _gradient_adjoint(smooth * _gradient(picture))
        for better in _conjugate_gradients(normal, blur.precondition, rest, picture, options.steps):
            picture = better
            done += 1
            if progress is not None:
                progress(done, total)
        picture = picture.clamp(min=0)
        if (picture - before).norm() < options.tolerance * picture.norm():
            break
    if progress is not None and done < total:
        progress(total, total)
    return picture


def _conjugate_gradients(
    normal: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    rest: Tensor,
    picture: Tensor,
    steps: int,
) -> Iterator[Tensor]:
    """Better and better solutions of normal(x) = b, with rest = b - normal(picture).

    Polak and Ribiere's direction bears a preconditioner that is not quite symmetric.
    """
    filtered = precondition(rest)
    direction, size = filtered, (rest * filtered).sum()
    for _ in range(steps):
        if size <= 0:
            return
        along = normal(direction)
        stride = size / (direction * along).sum()
        picture = picture + stride * direction
        last, rest = rest, rest - stride * along
        filtered = precondition(rest)
        turn = ((rest - last) * filtered).sum() / size
        size = (rest * filtered).sum()
        direction = filtered + turn * direction
        yield picture


def _gradient(picture: Tensor) -> Tensor:
    """Differences to the right and to below, `2 x N x H x W`; zero at the borders."""
    return torch.stack(
        (
            torch.diff(picture, dim=-1, append=picture[..., -1:]),
            torch.diff(picture, dim=-2, append=picture[..., -1:, :]),
        )
    )


def _gradient_adjoint(gradient: Tensor) -> Tensor:
    picture = torch.zeros_like(gradient[0])
    along, down = gradient[0][..., :-1], gradient[1][..., :-1, :]
    picture[..., 1:] += along
    picture[..., :-1] -= along
    picture[..., 1:, :] += down
    picture[..., :-1, :] -= down
    return picture
