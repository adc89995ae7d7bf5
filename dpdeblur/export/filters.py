"""The front end of the compact network for programs without fast Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.models.front_end import FrontEnd
from dpdeblur.models.margin import Part


class TiledFilters(nn.Module):
    """`optics.filter_views` by convolutions with a stride, equal but for rounding.

    The views are cut into tiles of 4 R pixels that overlap by half, R being the filters' reach. The
    Fourier transform of tiles that small is a convolution whose kernels are waves and whose stride
    is the tiles' distance, along the rows and then down. All that depends on the size of the views
    is the number of tiles. It costs a fifth of a convolution with the filters themselves.

    Args:
        filters: K pairs, `K x 2 x S x S`, S = 2 R + 1.
    """

    def __init__(self, filters: Tensor) -> None:
        super().__init__()
        self.reach = filters.shape[-1] // 2
        self.step = 2 * self.reach
        side = 2 * self.step
        self.bins = bins = side // 2 + 1
        every, half, kept = range(side), range(bins), range(self.step, side)
        spectra = torch.fft.rfft2(filters.double(), s=(side, side)).transpose(-1, -2)
        # Channels are bins along the row x (real, imaginary) x bins down the column.
        down = _complex(_waves(side, every, every, -1)).permute(0, 2, 3, 1)
        # Of the inverse, only what lies beyond the half that wraps around.
        up = _complex(_waves(side, every, kept, 1)).permute(3, 1, 0, 2)
        back = _waves(side, half, kept, 1) * _twice(bins) / side**2
        for name, kernel in {
            "spectra": torch.stack((spectra.real, spectra.imag), 3),
            "along": _parts(_waves(side, every, half, -1).T).flatten(0, 1)[:, None, None],
            "down": down.reshape(2 * side, 2, side, 1).repeat(bins, 1, 1, 1),
            "up": up.reshape(2 * side, 2, self.step, 1).repeat(bins, 1, 1, 1),
            "back": _parts(back.conj()).flatten(0, 1)[:, None, None],
        }.items():
            self.register_buffer(name, kernel.float().contiguous(), persistent=False)

    def forward(self, left: Tensor, right: Tensor) -> Iterator[Tensor]:
        """K results in the order of the filters, each `1 x C x H x W` as the views."""
        seen = [self._transformed(view) for view in (left, right)]
        for pair in self._kernel("spectra"):
            first, second = (
                _product(view, filters[..., None, None])
                for view, filters in zip(seen, pair, strict=True)
            )
            yield self._restored(first + second, left)

    def _transformed(self, view: Tensor) -> Tensor:
        """Spectra of the tiles, `C x bins x 2 x side x rows x columns`."""
        padded = functional.pad(view, (self.reach,) * 4, mode="replicate")[0][:, None]
        padded = functional.pad(padded, (0, self.step, 0, self.step))  # a tile more than needed
        rows = functional.conv2d(padded, self._kernel("along"), stride=(1, self.step))
        whole = functional.conv2d(
            rows, self._kernel("down"), stride=(self.step, 1), groups=self.bins
        )
        count, _, down, across = whole.shape
        return whole.reshape(count, self.bins, 2, 2 * self.step, down, across)

    def _restored(self, spectra: Tensor, like: Tensor) -> Tensor:
        rows = functional.conv_transpose2d(
            spectra.flatten(1, 3), self._kernel("up"), stride=(self.step, 1), groups=self.bins
        )
        whole = functional.conv_transpose2d(rows, self._kernel("back"), stride=(1, self.step))
        return whole.movedim(0, 1)[..., : like.shape[-2], : like.shape[-1]]

    def _kernel(self, name: str) -> Tensor:
        return cast(Tensor, getattr(self, name))


class TiledFrontEnd(FrontEnd):
    """The same front end, whose banks are applied by TiledFilters."""

    def __init__(self, front_end: FrontEnd) -> None:
        nn.Module.__init__(self)
        self.contrast = front_end.contrast
        self.banks = nn.ModuleDict(
            {name: TiledFilters(filters) for name, filters in front_end.named_buffers()}
        )

    def filtered(
        self,
        left: Tensor,
        right: Tensor,
        bank: str,
        finish: Callable[[Tensor], Tensor] | None = None,
        part: Part | None = None,
    ) -> Iterator[tuple[slice, Iterator[Tensor]]]:
        """As the original does, but for rounding, and in one strip."""

        def results() -> Iterator[Tensor]:
            for found in self.banks[bank](left, right):
                wanted = found if part is None else found[(..., *part)]
                yield wanted if finish is None else finish(wanted)

        height = left.shape[-2] if part is None else part[0].stop - part[0].start
        yield slice(0, height), results()


def _waves(size: int, first: range, second: range, sign: int) -> Tensor:
    """exp(sign 2 pi i a b / size) for a in `first`, down, and b in `second`, along."""
    product = torch.tensor(first)[:, None] * torch.tensor(second) % size
    angle = sign * 2 * math.pi * product.double() / size
    return torch.polar(torch.ones_like(angle), angle)


def _product(spectra: Tensor, filters: Tensor) -> Tensor:
    """Of complex numbers: `C x bins x 2 x ...` and `bins x 2 x ...`."""
    (real, imaginary), (across, along) = spectra.unbind(2), filters.unbind(1)
    parts = real * across - imaginary * along, real * along + imaginary * across
    return torch.stack(parts, 2)


def _parts(matrix: Tensor) -> Tensor:
    """Real and imaginary parts, `A x B` to `A x 2 x B`."""
    return torch.stack((matrix.real, matrix.imag), 1)


def _complex(matrix: Tensor) -> Tensor:
    """What multiplies by `A x B` in real numbers: `(real, imaginary) from x to, x A x B`.

    As `2 (to) x A x B x 2 (from)`.
    """
    real, imaginary = matrix.real, matrix.imag
    from_real = torch.stack((real, imaginary))
    from_imaginary = torch.stack((-imaginary, real))
    return torch.stack((from_real, from_imaginary), -1)


def _twice(bins: int) -> Tensor:
    """How often each bin of a half spectrum counts in the whole one, `bins x 1`."""
    counts = torch.full((bins, 1), 2.0, dtype=torch.float64)
    counts[0] = counts[-1] = 1
    return counts
