"""One level of a network with inputs that are the same at all of them."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from dpdeblur.export.filters import TiledFrontEnd
from dpdeblur.models import MCCNet


class Level(nn.Module):
    """`MCCNet.level` for a graph without choices: the coarsest level has a `coarser` as well.

    There `has_coarser` is 0, and `coarser` has no effect. A network without levels takes neither.
    """

    def __init__(self, network: MCCNet) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        if hasattr(network, "front_end"):
            self.network.front_end = TiledFrontEnd(network.front_end)

    def forward(
        self,
        left: Tensor,
        right: Tensor,
        coarser: Tensor | None = None,
        has_coarser: Tensor | None = None,
    ) -> Tensor:
        """Views `1 x 3 x H x W`, `coarser` of half the size, `has_coarser` one number, 0 or 1."""
        return self.network.level(left, right, coarser, given=has_coarser)
