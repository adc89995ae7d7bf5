"""The lens as the optimiser needs it: both views' kernels, and their blur, for any defocus."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dpdeblur.optics import Blur, Calibration, DiskPSF

_SLOPE = 0.86
"""`slope` of the generic lens's `DiskPSF`, without a unit."""
_LIGHT = 0.995
"""Fraction of a kernel's light that is kept."""
_GENERIC = 64
"""Width of a frame in typical radii of the generic lens, without a unit."""


@dataclass(frozen=True, eq=False)
class Lens:
    """What a point becomes at any position and defocus, on frames reduced by `reduction`.

    `calibration` holds measured kernels; None stands for the generic dual-pixel PSF of
    `optics.DiskPSF`: a flat disk with a linear ramp, the same all over the frame.
    """

    calibration: Calibration | None = None
    reduction: int = 1

    def unit(self, width: int) -> float:
        """A radius typical of frames of `width` before reduction: the one calibrated at, if so."""
        return width / _GENERIC if self.calibration is None else abs(self.calibration.radius)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tiles for a frame."""
        if self.calibration is not None:
            rows, columns = self.calibration.left.shape[:2]
            return rows, columns
        side = max(256, width // 8)  # large frames have large kernels, and halos to match
        return math.ceil(height / side), math.ceil(width / side)

    def blur(
        self,
        radius: float,
        shape: tuple[int, int],
        *,
        margin: int = 0,
        device: torch.device | str = "cpu",
    ) -> Blur:
        """Of one layer at a signed radius (pixels of the frame before reduction).

        For frames of `shape`; `margin` is added to the halo, which holds the kernels.
        """
        kernels = [self.kernels(radius).to(device)]
        return Blur(shape, self.grid(*shape), kernels, margin=margin)

    def kernels(self, radius: float) -> Tensor:
        """Of both views in the middles of all tiles, `2 x T x K x K` with 99.5 % of the light.

        T is 1 where they are the same all over the frame.
        """
        kernels = self._kernels(radius / self.reduction)
        reach = _reach(kernels)
        middle = kernels.shape[-1] // 2
        inner = slice(middle - reach, middle + reach + 1)
        kernels = kernels[..., inner, inner]
        return kernels / kernels.sum((-2, -1), keepdim=True)

    def _kernels(self, radius: float) -> Tensor:
        """`2 x T x K x K`: the left and the right views' kernels in the middles of the tiles."""
        if self.calibration is None:
            reach = math.ceil(abs(radius)) + 2
            left, right = DiskPSF(_SLOPE, reach)(torch.tensor([[radius]]))
            return torch.stack((left[:, 0], right[:, 0]))
        rows, columns = self.calibration.left.shape[:2]
        down = ((torch.arange(rows) + 0.5) / rows).repeat_interleave(columns)
        along = ((torch.arange(columns) + 0.5) / columns).repeat(rows)
        psf = self.calibration.psf(down, along, self.calibration.reach(abs(radius)))
        left, right = psf(torch.full((rows * columns, 1), radius))
        return torch.stack((left[:, 0], right[:, 0]))


def _reach(kernels: Tensor) -> int:
    """Half size of the square that holds 99.5 % of every kernel's light."""
    middle = kernels.shape[-1] // 2
    for reach in range(middle + 1):
        inner = slice(middle - reach, middle + reach + 1)
        if kernels[..., inner, inner].sum((-2, -1)).min() >= _LIGHT:
            return reach
    return middle
