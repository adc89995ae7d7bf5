"""What physics can say before the network looks: inverses of the blur, and where they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.colour import linear_to_srgb, luminance, srgb_to_linear
from dpdeblur.models.bands import by_rows
from dpdeblur.models.config import MCCNetConfig
from dpdeblur.models.margin import Part
from dpdeblur.optics.inverse import (
    InverseDesign,
    Strip,
    design_inverses,
    filter_strips,
    mismatch_filters,
)
from dpdeblur.optics.tone import add_contrast, remove_contrast

_WINDOW = 5
_SMALLEST = 1e-7


class Filtered(nn.Identity):
    """What each filter's result passes through, for those who count the work by hooks."""


class FrontEnd(nn.Module):
    """The bank of joint Wiener inverses over signed radii, and the views' mismatch at each.

    The filters are kept in the weights file, as designing them takes seconds.
    """

    def __init__(self, config: MCCNetConfig) -> None:
        super().__init__()
        self.each = Filtered()
        self.contrast = config.contrast
        design = InverseDesign()
        side = 2 * design.reach + 1
        empty = torch.empty(len(config.radii), 2, side, side)
        if config.use_bank:
            filters = empty if empty.is_meta else design_inverses(config.radii, design).float()
            self.register_buffer("inverses", filters)
        if config.use_volume:
            filters = empty
            if not empty.is_meta:
                filters = mismatch_filters(config.radii, design.reach, design.slope).float()
            self.register_buffer("mismatches", filters)

    def to_light(self, picture: Tensor) -> Tensor:
        """Linear light of encoded `... x C x H x W`, without the S-curve of its camera."""
        return by_rows(lambda rows: srgb_to_linear(remove_contrast(rows, self.contrast)), picture)

    def to_picture(self, light: Tensor) -> Tensor:
        """The inverse of `to_light`."""
        return by_rows(lambda rows: add_contrast(linear_to_srgb(rows), self.contrast), light)

    def filtered(
        self,
        left: Tensor,
        right: Tensor,
        bank: str,
        finish: Callable[[Tensor], Tensor] | None = None,
        part: Part | None = None,
    ) -> Iterator[Strip]:
        """What `filter_strips` makes of linear views by a bank: `inverses` or `mismatches`."""
        filters = cast(Tensor, getattr(self, bank))
        for rows, found in filter_strips(left, right, filters, finish, part):
            yield rows, map(self.each, found)

    def restore(self, left: Tensor, right: Tensor, part: Part | None = None) -> Iterator[Strip]:
        """The views, in linear light, restored by each inverse, as `filter_strips` yields them.

        The results are encoded as the views were, in [0, 1], and those of a part if there is one.
        """

        def encode(restored: Tensor) -> Tensor:
            return self.to_picture(restored.clamp(0, 1))

        return self.filtered(left, right, "inverses", encode, part)

    def mismatch(self, left: Tensor, right: Tensor, part: Part | None = None) -> Tensor:
        """How badly each radius explains the views, in linear light: `N x K x H/2 x W/2`.

        The logarithm of the local energy of K_R * left - K_L * right, of their luminance, less that
        of left - right: negative where the radius is near the true one, zero where the views tell
        nothing. H and W are those of the part, if there is one.
        """
        first, second = (luminance(view) for view in (left, right))
        difference = (first - second)[(..., *(part or ()))]
        strips = []
        for rows, errors in self.filtered(first, second, "mismatches", part=part):
            energies = [halved(e.square()) for e in (*errors, difference[..., rows, :])]
            strips.append(torch.cat(energies, 1))
        local = torch.cat(strips, 2)
        for axis in (2, 3):
            local = _smoothed(local, axis)
        logs = local.add_(_SMALLEST).log_()
        return logs[:, :-1] - logs[:, -1:]


# Sums of slices, as PyTorch's own pooling takes six times as long.


def halved(maps: Tensor) -> Tensor:
    """Means of 2x2 pixels, of maps with even sides."""
    rows = maps[..., ::2, :] + maps[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def _smoothed(maps: Tensor, axis: int) -> Tensor:
    """Means of the windows along one axis, of which those at the border are cut short."""
    side, reach = maps.shape[axis], _WINDOW // 2
    shape = [1] * maps.ndim
    shape[axis] = side
    padding = [0, 0, 0, 0]
    padding[6 - 2 * axis : 8 - 2 * axis] = reach, reach

    def sums(values: Tensor) -> Tensor:
        padded = functional.pad(values, padding)
        total = padded.narrow(axis, 0, side) + padded.narrow(axis, 1, side)
        for start in range(2, _WINDOW):
            total += padded.narrow(axis, start, side)
        return total

    return sums(maps).div_(sums(maps.new_ones(shape)))
