"""The mean of networks that were trained from the same start."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dpdeblur.errors import OptionError
from dpdeblur.models.mccnet import MCCNet


def mean_of(networks: Sequence[MCCNet], shares: Sequence[float] | None = None) -> MCCNet:
    """A network whose weights are the mean of others' ("model soup", Wortsman et al. 2022).

    It is often better than each of them if they come from one network by further training, and
    worthless if they do not.

    Args:
        networks: one or more of the same configuration.
        shares: how much each counts, none negative; divided by their sum. None: all the same.

    Raises:
        OptionError: there are no networks, their configurations differ, or the shares do not suit.

    >>> from dpdeblur.models import MCCNetConfig
    >>> network = MCCNet(MCCNetConfig(radii=(2.0,), widths=(8, 8, 8)))
    >>> mean = mean_of([network, network], [1, 3])
    >>> all(torch.allclose(*pair) for pair in zip(network.parameters(), mean.parameters()))
    True
    """
    if not networks:
        raise OptionError("networks", "there is none to take a mean of")
    first = networks[0]
    if any(network.config != first.config for network in networks):
        raise OptionError("networks", "they are of different kinds and have no mean")
    shares = [1.0] * len(networks) if shares is None else shares
    if len(shares) != len(networks):
        reason = f"{len(shares)} for {len(networks)} networks; give one for each"
        raise OptionError("shares", reason)
    if not (min(shares) >= 0 and 0 < sum(shares) < float("inf")):
        raise OptionError("shares", "give numbers of 0 or more, not all of them 0")
    states = [network.state_dict() for network in networks]
    parts = torch.tensor(shares, dtype=torch.float64) / sum(shares)
    mean = MCCNet(first.config).eval()
    mean.load_state_dict(
        {
            name: torch.tensordot(parts, torch.stack([state[name].double() for state in states]), 1)
            for name in states[0]
        }
    )
    return mean
