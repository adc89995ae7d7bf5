"""The mean of networks that were trained from the same start."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch

from dpdeblur.errors import OptionError
from dpdeblur.models.mccnet import MCCNet


def mean_of(networks: Sequence[MCCNet], shares: Sequence[float] | None = None) -> MCCNet:
    """A network whose weights are the mean of others' ("model soup", Wortsman et al. 2022).

    It is often better than each of them if they come from one network by further training, and
    worthless if they do not.

    Nothing is drawn at random, and the mean is on the CPU, in float32.

    Args:
        networks: one or more of the same configuration, on any device.
        shares: how much each counts, none negative; divided by their sum. None: all the same.

    Raises:
        OptionError: there are no networks, they differ in their configuration, or the shares do
            not suit.

    >>> from dpdeblur.models import MCCNetConfig
    >>> network = MCCNet(MCCNetConfig(radii=(2.0,), widths=(8, 8, 8)))
    >>> mean = mean_of([network, network], [1, 3])
    >>> all(torch.allclose(*pair) for pair in zip(network.parameters(), mean.parameters()))
    True
    """
    if not networks:
        raise OptionError("weights", "there are none; give those to take the mean of")
    first = networks[0]
    for number, network in enumerate(networks[1:], 2):
        if network.config != first.config:
            reason = f"number {number} is a different kind of network from the first; "
            raise OptionError("weights", reason + "give weights trained from the same start")
    parts = torch.tensor(_checked(shares, len(networks)), dtype=torch.float64)
    states = [network.state_dict() for network in networks]
    mean = copy.deepcopy(first).cpu().eval()
    mean.load_state_dict(
        {
            name: torch.tensordot(parts, torch.stack([s[name].double().cpu() for s in states]), 1)
            for name in states[0]
        }
    )
    return mean


def _checked(shares: Sequence[float] | None, count: int) -> list[float]:
    """The shares of `count` networks, whose sum is 1."""
    shares = [1.0] * count if shares is None else shares
    if len(shares) != count:
        raise OptionError("shares", f"{len(shares)} for {count} networks; give one for each")
    total = sum(shares)
    if not (min(shares) >= 0 and 0 < total < math.inf):
        raise OptionError("shares", "give finite numbers of 0 or more, not all of them 0")
    return [share / total for share in shares]
