"""A level for graphs against the network's own."""

from __future__ import annotations

import pytest
import torch

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
