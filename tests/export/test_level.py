"""A level for graphs against the network's own."""

from __future__ import annotations

import pytest
import torch
from torch.export import Dim

from dpdeblur.export.level import Level
from dpdeblur.models import MCCNet, MCCNetConfig


@pytest.mark.parametrize("contrast", [0.0, 0.4])
def test_a_level_is_the_networks_own(contrast: float) -> None:
    rng = torch.Generator().manual_seed(0)
    left, right = torch.rand(2, 1, 3, 40, 56, generator=rng)
    coarser = torch.rand(1, 3, 20, 28, generator=rng)
    torch.manual_seed(0)
    config = MCCNetConfig(radii=(-2.0, 5.0), widths=(8, 8, 8), contrast=contrast)
    network = MCCNet(config).eval()
    with torch.no_grad():
        expected = network.level(left, right, coarser)
        found = Level(network)(left, right, coarser, torch.ones(1))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_graph_made_of_small_views_takes_large_ones() -> None:
    """Whose tensors lie elsewhere in memory when the network itself runs."""
    torch.manual_seed(0)
    small = {"radii": (3.0,), "widths": (8, 8, 8), "blocks": (1, 1, 1)}
    config = MCCNetConfig(**small, use_cc=False, use_volume=False)
    level = Level(MCCNet(config)).eval()
    rows, columns = Dim("rows", min=2), Dim("columns", min=2)
    size, half = {2: 8 * rows, 3: 8 * columns}, {2: 4 * rows, 3: 4 * columns}
    shapes = {"left": size, "right": size, "coarser": half, "has_coarser": {}}

    def seen(height: int, width: int) -> tuple[torch.Tensor, ...]:
        left, right = torch.rand(2, 1, 3, height, width)
        return left, right, torch.rand(1, 3, height // 2, width // 2), torch.ones(1)

    graph = torch.export.export(level, seen(48, 64), dynamic_shapes=shapes, strict=False).module()
    views = seen(720, 800)
    with torch.inference_mode():
        torch.testing.assert_close(graph(*views), level(*views), atol=1e-4, rtol=0)
