"""Two-view Wiener inverses: filters that undo a known defocus as well as filters can."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dpdeblur.optics.fourier import fast_size, spectra
from dpdeblur.optics.psf import DiskPSF

_CORNER = 0.05
"""Frequency, in cycles per pixel, below which a photograph's spectrum counts as flat."""
_MEAN = 100.0
"""Power of the mean, that of low frequencies being 1: it must come back unchanged."""
_GRID = 128
"""Pixels along the square that filters are designed on."""
_STEPS = 400
"""Conjugate gradients at most."""
_BLOCK = 208
"""Pixels along the squares that are filtered at once: their transforms stay in the cache."""
_AT_ONCE = 3
"""Channels that are transformed at once: one alone takes nearly as long."""
Strip = tuple[slice, Iterator[Tensor]]
"""Rows, and the results in them."""


@dataclass(frozen=True)
class InverseDesign:
    """What inverses assume of the camera and the picture.

    `slope` is that of the `DiskPSF`; `noise` the variance of white noise in each view relative to
    the power of a picture whose spectrum is 1 / (1 + (f / 0.05)^2); `reach` the half size of the
    filters in pixels, outside of which they are zero.
    """

    slope: float = 0.85
    noise: float = 2e-3
    reach: int = 24


def design_inverses(radii: Sequence[float], design: InverseDesign = InverseDesign()) -> Tensor:
    """Design one pair of restoring filters for each signed radius.

    Of all filters of size S = 2 `reach` + 1, each pair (g_L, g_R) is the one whose sum over the
    views, left * g_L + right * g_R, in linear light, comes closest to the sharp picture in the mean
    square, given the design's picture and noise: the two-view Wiener filter with finite support,
    found by conjugate gradients. Each pair sums to 1, so that even areas keep their light.

    White noise of standard deviation s in each view becomes s |g|, with |g| the root of the sum of
    the squares of both filters: 1.0 to 1.2 for radii of 1 to 16 pixels, against 0.71 in the mean of
    the views.

    Args:
        radii: K signed radii in pixels, positive behind the focus plane, none beyond `reach`.
        design: what the filters assume of the camera and the picture.

    Returns:
        Filters `K x 2 x S x S` (left, right), float64.

    >>> filters = design_inverses([-2.0, 3.0], InverseDesign(reach=8))
    >>> filters.shape
    torch.Size([2, 2, 17, 17])
    >>> [round(pair.sum().item(), 6) for pair in filters]
    [1.0, 1.0]
    """
    return torch.stack([_design(float(radius), design) for radius in radii])


def mismatch_filters(radii: Sequence[float], reach: int, slope: float = 0.85) -> Tensor:
    """Filters `K x 2 x S x S` (float64) that give K_R * left - K_L * right for each radius.

    Both views of a plane blurred by the radius are the sharp picture convolved with K_L and K_R, so
    that the difference vanishes where the radius is right (Xin et al. 2021 call it consistency).
    """
    left, right = _kernels(radii, reach, slope)
    return torch.stack((right, -left), 1)


def filter_views(
    left: Tensor, right: Tensor, filters: Tensor, part: tuple[slice, slice] | None = None
) -> Tensor:
    """Apply each pair of filters to both views and sum.

    Beyond the border the views continue with their edge. Computed by FFT, block by block, in the
    type of the views; the result at a pixel depends only on S // 2 pixels around it (except for
    rounding).

    Args:
        left: the left view, `N x C x H x W`, linear light.
        right: the right view, likewise.
        filters: K pairs, `K x 2 x S x S`, S odd.
        part: the rows and columns wanted; None is all.

    Returns:
        `K x N x C x H x W`, in the order of `filters`; H and W are those of the part.

    >>> view = torch.full((1, 3, 32, 32), 0.5)
    >>> filters = design_inverses([2.0], InverseDesign(reach=8))
    >>> (restored,) = filter_views(view, view, filters)
    >>> torch.allclose(restored, view, atol=1e-5)  # even areas keep their light
    True
    """
    results = left.new_empty(len(filters), *left.shape[:-2], *_size(left, part))
    for rows, found in filter_strips(left, right, filters, part=part):
        for index, strip in enumerate(found):
            results[index, ..., rows, :] = strip
    return results


def filter_strips(
    left: Tensor,
    right: Tensor,
    filters: Tensor,
    finish: Callable[[Tensor], Tensor] | None = None,
    part: tuple[slice, slice] | None = None,
) -> Iterator[Strip]:
    """What `filter_views` does, for those who need no result as a whole.

    Args:
        left, right, filters, part: as in `filter_views`.
        finish: what is then done to the results, pixel by pixel.

    Yields:
        One strip after another, from an even row on: its rows, of those wanted, and an iterator
        over the K results there, `N x C x rows x W`, which share memory and are not to be changed.
    """
    reach = filters.shape[-1] // 2
    size = _size(left, part)
    # Equal blocks, so that the filters' spectra are those of all.
    down, along = (2 * -(-side // (2 * -(-side // _BLOCK))) for side in size)
    points = fast_size(down + 2 * reach, along + 2 * reach)
    views = [functional.pad(view, (reach,) * 4, mode="replicate") for view in (left, right)]
    if part is not None:
        rows, columns = (slice(side.start, side.stop + 2 * reach) for side in part)
        views = [view[..., rows, columns] for view in views]
    spectra = _spectrum(filters.to(left)[:, :, None, None], points)
    at_once = max(1, _AT_ONCE // left.shape[-3])

    def filtered(rows: slice) -> Iterator[Tensor]:
        strips = [view[..., rows.start : rows.stop + 2 * reach, :] for view in views]
        seen = {
            start: [
                _spectrum(strip[..., start : start + along + 2 * reach], points) for strip in strips
            ]
            for start in range(0, size[1], along)
        }
        # The circular convolution wraps only into the padding, which is cut away.
        for index in range(0, len(spectra), at_once):
            pairs = spectra[index : index + at_once]
            shape = len(pairs), *left.shape[:-2], rows.stop - rows.start, size[1]
            results = left.new_empty(shape)
            for start, (one, other) in seen.items():
                place = results[..., start : start + along]
                product = torch.fft.ifft((one * pairs[:, 0]).addcmul_(other, pairs[:, 1]))
                inside = product[..., 2 * reach : 2 * reach + place.shape[-2]].mT
                found = torch.fft.irfft(inside, points[1])
                found = found[..., 2 * reach : 2 * reach + place.shape[-1]]
                place.copy_(found if finish is None else finish(found))
            yield from results

    for top in range(0, size[0], down):
        rows = slice(top, min(top + down, size[0]))
        yield rows, filtered(rows)


def _size(view: Tensor, part: tuple[slice, slice] | None) -> Sequence[int]:
    return view.shape[-2:] if part is None else [side.stop - side.start for side in part]


def _spectrum(picture: Tensor, points: Sequence[int]) -> Tensor:
    """The spectrum of `... x H x W`, transposed: so the columns lie as their transform takes them.

    The rows' frequencies go to W / 2, as those of `rfft2`.
    """
    spectrum: Tensor = torch.fft.fft(torch.fft.rfft(picture, points[1]).mT, points[0])
    return spectrum


def _kernels(radii: Sequence[float], reach: int, slope: float) -> tuple[Tensor, Tensor]:
    """Each view's kernels, `K x S x S` in float64."""
    wanted = torch.tensor(list(radii), dtype=torch.float64)
    left, right = DiskPSF(slope, reach)(wanted[None])
    return left[0], right[0]


@functools.cache
def _design(radius: float, design: InverseDesign) -> Tensor:
    size = (_GRID, _GRID)
    half = design.reach
    offset = torch.arange(-half, half + 1)
    spectrum = spectra(torch.cat(_kernels([radius], half, design.slope)), size)
    down = torch.fft.fftfreq(_GRID, dtype=torch.float64)[:, None]
    along = torch.fft.rfftfreq(_GRID, dtype=torch.float64)
    power = 1 / (1 + (down.square() + along.square()) / _CORNER**2)
    power[0, 0] = _MEAN
    inside = torch.zeros(size, dtype=torch.float64)
    inside[offset[:, None], offset] = 1

    def correlate(error: Tensor) -> Tensor:
        whole: Tensor = torch.fft.irfft2(spectrum.conj() * power * error, s=size)
        return whole * inside

    def normal(filters: Tensor) -> Tensor:
        restored = (spectrum * torch.fft.rfft2(filters)).sum(0)
        return correlate(restored) + design.noise * filters

    filters = torch.zeros(2, *size, dtype=torch.float64)
    residual = correlate(torch.ones_like(power))
    direction, norm = residual.clone(), residual.square().sum()
    enough = 1e-12 * norm
    for _ in range(_STEPS):
        if norm <= enough:
            break
        image = normal(direction)
        step = norm / (direction * image).sum()
        filters += step * direction
        residual -= step * image
        before, norm = norm, residual.square().sum()
        direction = residual + norm / before * direction
    found = filters[:, offset[:, None], offset]
    return found / found.sum()
