"""Kernels measured on a real camera, and the PSF made from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import CalibrationError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Calibration:
    """Kernels of both views over the frame, measured at one defocus.

    `left` and `right` are `rows x columns x K x K`, K odd, not negative, each with a positive sum
    (they are scaled to sum to one). The grid divides the frame evenly: a kernel stands for the
    middle of its cell. `radius` is the signed radius of the circle of confusion, in pixels, at
    which they were measured, positive behind focus. `extra` holds what else the file has,
    `path` and `sha256` are its name and digest.

    It may be for pictures of one size only, `frame` (height, width) in pixels; `ratio` is the
    brightness of left over right in the cells of an even grid, and `levels` are the (black, white)
    in DN of linear raw files. None: any size, as bright, and sRGB.

    Raises CalibrationError for kernels that are not so.
    """

    left: NDArray[np.float32]
    right: NDArray[np.float32]
    radius: float
    extra: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    frame: tuple[int, int] | None = None
    ratio: NDArray[np.float32] | None = None
    levels: tuple[float, float] | None = None
    path: Path | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.left.shape != self.right.shape:
            raise CalibrationError(
                f"the left kernels have the shape {self.left.shape}, the right {self.right.shape}"
            )
        if not (math.isfinite(self.radius) and self.radius != 0):
            raise CalibrationError(f"radius is {self.radius} and must be a number other than 0")
        for name in ("left", "right"):
            kernels = getattr(self, name)
            shape = kernels.shape
            if kernels.ndim != 4 or shape[2] != shape[3] or shape[2] % 2 == 0 or 0 in shape:
                raise CalibrationError(f"{name} has the shape {shape}, not rows x columns x K x K")
            if not np.isfinite(kernels).all() or kernels.min() < 0:
                raise CalibrationError(f"{name} has values that are negative or not finite")
            total = kernels.sum((2, 3), keepdims=True, dtype=np.float64)
            if total.min() <= 0:
                raise CalibrationError(f"{name} has a kernel that is zero everywhere")
            object.__setattr__(self, name, (kernels / total).astype(np.float32))
        self._check_frame()

    def _check_frame(self) -> None:
        if self.frame is not None and min(self.frame) < 1:
            raise CalibrationError(f"its frame of {self.frame[1]}x{self.frame[0]} has no pixels")
        if self.levels is not None:
            black, white = self.levels
            if not (math.isfinite(white) and 0 <= black < white):
                raise CalibrationError(
                    f"its black level is {black:g} and its white level {white:g}"
                )
        if self.ratio is not None:
            if self.ratio.ndim != 2 or 0 in self.ratio.shape:
                raise CalibrationError(
                    f"ratio has the shape {self.ratio.shape}, not rows x columns"
                )
            with np.errstate(over="ignore"):
                ratio = self.ratio.astype(np.float32)
            if not (np.isfinite(ratio).all() and ratio.min() > 0):
                raise CalibrationError("ratio has values that are not positive or not finite")
            object.__setattr__(self, "ratio", ratio)

    def match_right(self, height: int, width: int) -> NDArray[np.float32]:
        """What linear right views, `height x width`, are multiplied by to be as bright as left.

        The ratio is interpolated bilinearly, nearest beyond the middles; ones if there is none.
        """
        if self.ratio is None:
            return np.ones((height, width), np.float32)
        import torch  # here and below: whoever measures or shows a calibration does without it
        from torch.nn import functional

        ratio = torch.from_numpy(self.ratio)[None, None]
        size = height, width
        matched = functional.interpolate(ratio, size, mode="bilinear", align_corners=False)
        return matched[0, 0].numpy()

    def reach(self, largest: float) -> int:
        """Half size of kernels that hold radii up to `largest` pixels."""
        side = int(self.left.shape[-1])
        index = np.arange(side) - side // 2
        both = (self.left + self.right) / 2
        centre = max(float(np.abs(both.sum(axis) @ index).max()) for axis in (2, 3))
        return math.ceil((side // 2 + centre + 1) * abs(largest / self.radius)) + 1

    def psf(self, rows: Tensor, columns: Tensor, reach: int) -> CalibratedPSF:
        """The PSF at `N` positions in the frame, in [0, 1] from top to bottom, left to right."""
        import torch

        left, right = (
            _interpolated(torch.from_numpy(kernels).to(rows), rows, columns)
            for kernels in (self.left, self.right)
        )
        return CalibratedPSF(left, right, self.radius, reach)


@dataclass(frozen=True, eq=False)
class CalibratedPSF:
    """`left`, `right`: kernels `N x K x K` measured at `radius`, scaled linearly: a `PSF`.

    Light that fell at u from the views' common centroid falls at u r / R for the radius r: larger
    kernels are interpolated bilinearly, smaller ones gathered. Negative radii turn a kernel by
    180 degrees. As offsets count from the centroid, sharp pictures do not move with defocus. What
    falls outside `reach` is lost.
    """

    left: Tensor
    right: Tensor
    radius: float
    reach: int

    def __call__(self, radius: Tensor) -> tuple[Tensor, Tensor]:
        """Kernels for signed radii `N x K`."""
        both = (self.left + self.right) / 2
        down, along = (self._spread(both.sum(axis), radius / self.radius) for axis in (-1, -2))
        left, right = (
            down @ kernels[:, None] @ along.transpose(-1, -2) for kernels in (self.left, self.right)
        )
        return left / left.sum((-2, -1), keepdim=True), right / right.sum((-2, -1), keepdim=True)

    def _spread(self, light: Tensor, scale: Tensor) -> Tensor:
        """`N x K x S x side`: what goes from each position of an axis to each of the scaled kernel.

        A position becomes a tent, at least one pixel wide on each side. `light` is `N x side`,
        `scale` is `N x K`.
        """
        import torch

        side = light.shape[-1]
        source, target = (
            torch.arange(-half, half + 1, dtype=scale.dtype, device=scale.device)
            for half in (side // 2, self.reach)
        )
        offset = source - (light @ source)[:, None]
        scale = scale[:, :, None, None]
        distance = (target[:, None] - scale * offset[:, None, None, :]).abs()
        return (1 - distance / scale.abs().clamp(min=1)).clamp(min=0)


def _interpolated(kernels: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Kernels at `N` positions between the middles of the grid's cells; nearest beyond them."""
    import torch

    weights = []
    for position, cells in zip((rows, columns), kernels.shape[:2], strict=True):
        index = (position * cells - 0.5).clamp(0, cells - 1)
        cell = torch.arange(cells, dtype=position.dtype, device=position.device)
        weights.append((1 - (index[:, None] - cell).abs()).clamp(min=0))
    return torch.einsum("nr,nc,rcij->nij", *weights, kernels)
