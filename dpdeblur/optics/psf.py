"""Dual-pixel point spread functions: what a point of light becomes in either view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

PSF = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Signed radii `N x K` to the left and the right view's kernels, `N x K x S x S`, S odd.

A radius is that of the circle of confusion in pixels, positive behind the focus plane, where
content lies further right in the right view. Each kernel sums to one, so the mean of the two is
the kernel of an ordinary camera. Both are differentiable in the radius.
"""


ASIDE = 0.2, 0.25
"""Of R: how far an `offset` of 0.9 and, for each unit, a `tilt` move a flat disk.

Hollow and soft ones move farther; at the reach that this gives, they lose 0.2 % of their light.
"""
_TINY = 1e-30
"""Square pixels: a root has an infinite slope at 0."""


@dataclass(frozen=True, eq=False)
class DiskPSF:
    """A disk split between the views by a linear ramp along the row: a `PSF`.

    k_left, k_right = disk * (1 -+ a u_x / R). Each sums to one. Without an `offset` or a `tilt`
    they mirror each other, their mean is exactly the disk, and the views' disparity is a R / 2 if
    it is flat. Fitted on Canon 5D Mark IV pictures, the flat disk in linear light with a = 0.86
    explains the views' difference best (11 % error; Butterworth 26 %, half disks 171 %).

    `floor` below 1 hollows the disk towards a ring. It is then multiplied by

        floor + (1 - floor) / (1 + (cutoff R / r)^(2 order)),

    the high-pass Butterworth profile of Abuolaim et al. (ICCV 2021), who use orders 3 to 9, a
    cutoff of 0.8 or 1 and a floor of 0.1 or 0.2.

    Every number but `reach` is one for all or a tensor of shape `N`, one for each sample:

        slope: the ramp `a` in [0, 1]; 0 = no dual-pixel effect.
        reach: half size of the kernels; must exceed every |radius| + rim / 2 - 1, and more with an
            `offset` or a `tilt` (see `ASIDE`).
        edge: width of the disk's rim in pixels, at least 1, which keeps the kernel continuous in
            the radius. It is at most as wide as the disk, so that what is in focus stays sharp.
        softness: the same as a share of R in [0, 2], as aberrations blur the rim in proportion; the
            wider of both counts. Kernels of a Google Pixel 4 look like 0.5.
        floor: transmission at the centre in (0, 1]; 1 = the flat disk.
        order, cutoff: steepness of the ring and its inner radius as a share of R.
        offset: where along the row both views weigh alike, as a share of R from the centre, in
            (-1, 1). It is 0 in the middle of the frame and moves toward its sides. One view's
            kernel becomes a crescent then, the other's a nearly flat disk: 1 -+ a (u_x / R -
            offset), never below 0, scaled to sum to one. Their mean is no longer the disk.
        tilt, toward: both disks grow brighter in one direction (radians, from the row downward),
            as coma makes them: times 1 + tilt * u / R, u in that direction, tilt in [0, 1]. Kernels
            of a Google Pixel 4 look like 0.5 toward the corners of the frame.
        clip, angle: toward the corners of the frame the lens's barrel clips the disk. It leaves the
            overlap of two disks that are `clip` times R apart, in [0, 2), in the direction `angle`
            (radians, from the row downward). The kernel's centre is that of the overlap.
            Kernels of a Canon 5D Mark IV look like 0.5 near the left and right sides of the frame.

    With an `offset` or a `tilt` the kernels' common centre of gravity would leave the disk's.
    Both are moved back by that, so that a point lies midway between its two images: to within 0.05
    pixels where R is at least 2, and to within 0.2 below (with a `tilt` up to 0.6), where pixels
    cut a moved rim differently.
    """

    slope: Tensor | float
    reach: int
    edge: Tensor | float = 1.0
    floor: Tensor | float = 1.0
    order: Tensor | float = 3.0
    cutoff: Tensor | float = 0.8
    offset: Tensor | float = 0.0
    clip: Tensor | float = 0.0
    angle: Tensor | float = 0.0
    softness: Tensor | float = 0.0
    tilt: Tensor | float = 0.0
    toward: Tensor | float = 0.0

    def __call__(self, radius: Tensor) -> tuple[Tensor, Tensor]:
        """Kernels for signed radii `N x K`."""
        still = torch.zeros_like(radius)
        left, right = self._around(radius, still, still)
        if not any(isinstance(each, Tensor) or each for each in (self.offset, self.tilt)):
            return left, right  # in half the time
        axis, mean = _pixels(self.reach, radius), (left + right) / 2
        return self._around(radius, mean.sum(-2) @ axis, mean.sum(-1) @ axis)

    def _around(self, radius: Tensor, aside: Tensor, up: Tensor) -> tuple[Tensor, Tensor]:
        """Kernels whose disks' centres lie `aside` to the left of the middle and `up` above it."""
        axis = _pixels(self.reach, radius)
        v, u = axis[:, None] + up[..., None, None], axis + aside[..., None, None]
        signed = radius[..., None, None]
        size = signed.abs()
        rim = torch.maximum(
            _per_sample(self.edge, radius), _per_sample(self.softness, radius) * size
        )
        edge = torch.minimum(rim, (2 * size).clamp(min=1))
        angle = _per_sample(self.angle, radius)
        apart = _per_sample(self.clip, radius) * size / 2
        along, down = apart * angle.cos(), apart * angle.sin()
        squares = torch.maximum(
            (u - along).square() + (v - down).square(), (u + along).square() + (v + down).square()
        )
        distance = (squares + _TINY).sqrt()
        disk = ((size + edge / 2 - distance) / edge).clamp(0, 1)
        disk = disk * self._ring(size, (u * u + v * v).clamp(min=0.25))
        toward = _per_sample(self.toward, radius)
        forward = (u * toward.cos() + v * toward.sin()) / size.clamp(min=0.5) * signed.sign()
        disk = disk * (1 + _per_sample(self.tilt, radius) * forward.clamp(-1, 1))
        disk = disk / disk.sum((-2, -1), keepdim=True)
        ramp = (u / size.clamp(min=0.5)).clamp(-1, 1) * signed.sign()
        ramp = (ramp - _per_sample(self.offset, radius)) * _per_sample(self.slope, radius)
        left, right = (disk * (1 + side * ramp).clamp(min=0) for side in (-1, 1))
        return left / left.sum((-2, -1), keepdim=True), right / right.sum((-2, -1), keepdim=True)

    def _ring(self, size: Tensor, square: Tensor) -> Tensor:
        """The Butterworth profile; at the centre pixel that of its border, as it has a size."""
        floor, order, cutoff = (
            _per_sample(number, size) for number in (self.floor, self.order, self.cutoff)
        )
        inner = (cutoff * size).clamp(min=0.5)
        # As a sigmoid of the logarithm no power can overflow.
        passed = torch.sigmoid(order * (square / inner.square()).log())
        return floor + (1 - floor) * passed


def _pixels(reach: int, like: Tensor) -> Tensor:
    """Pixels from the middle along a side of kernels of a half size."""
    return torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device)


def _per_sample(number: Tensor | float, like: Tensor) -> Tensor:
    """One number or `N` of them, to broadcast against `N x K x S x S`."""
    return torch.as_tensor(number, dtype=like.dtype, device=like.device).reshape(-1, 1, 1, 1)
