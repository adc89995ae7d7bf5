"""What physics can say before the network looks: inverses of the blur, and where they fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.colour import linear_to_srgb, luminance, srgb_to_linear
from dpdeblur.models.config import MCCNetConfig
from dpdeblur.models.layers import widened
from dpdeblur.optics.inverse import (
    InverseDesign,
    design_inverses,
    filter_views,
    mismatch_filters,
)

_WINDOW = 5
_SMALLEST = 1e-7


class FrontEnd(nn.Module):
    """The bank of joint Wiener inverses over signed radii, and the views' mismatch at each.

    The filters are kept in the weights file, as designing them takes seconds.
    """

    def __init__(self, config: MCCNetConfig) -> None:
        super().__init__()
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

    def filtered(self, left: Tensor, right: Tensor, bank: str) -> Iterator[Tensor]:
        """What `filter_views` makes of linear views by a bank: `inverses` or `mismatches`."""
        return filter_views(left, right, cast(Tensor, getattr(self, bank)))

    def restore(self, left: Tensor, right: Tensor) -> Iterator[Tensor]:
        """The views restored by each inverse, one `N x 3 x H x W` after another.

        All are sRGB-encoded in [0, 1].
        """
        first, second = (srgb_to_linear(widened(view)) for view in (left, right))
        for restored in self.filtered(first, second, "inverses"):
            yield linear_to_srgb(restored.clamp(0, 1))

    def mismatch(self, left: Tensor, right: Tensor) -> Tensor:
        """How badly each radius explains the views: `N x K x H/2 x W/2`.

        The logarithm of the local energy of K_R * left - K_L * right, of luminance in linear light,
        less that of left - right: negative where the radius is near the true one, zero where the
        views tell nothing.
        """
        first, second = (luminance(srgb_to_linear(widened(view))) for view in (left, right))
        errors = self.filtered(first, second, "mismatches")
        halved = [functional.avg_pool2d(e.square(), 2) for e in (*errors, first - second)]
        pooled = torch.cat(halved, 1)
        local = functional.avg_pool2d(pooled, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)
        logs = (local + _SMALLEST).log_()
        return logs[:, :-1] - logs[:, -1:]
