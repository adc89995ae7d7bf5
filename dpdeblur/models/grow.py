"""A larger network that begins by making what a smaller one makes."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from dpdeblur.errors import OptionError
from dpdeblur.models.config import MCCNetConfig
from dpdeblur.models.mccnet import MCCNet

_SCALE = 0.7
"""Of new channels' weights, next to He initialisation: they join a network that works already."""


def grown(network: MCCNet, config: MCCNetConfig) -> MCCNet:
    """A compact network with the `widths` and `blocks` of `config`, and all else of `network`.

    Both make the same but for rounding, as nothing reads new channels yet and new blocks change
    nothing (an idea of Net2Net, Chen et al. 2016). New channels hold random features, drawn by
    PyTorch's global generator, so that there is something to learn from. Where nothing is to grow,
    it is the network itself.

    Raises OptionError if `network` is the paper's, or has more of something than `config`.
    """
    have = network.config
    wanted = dataclasses.replace(have, widths=config.widths, blocks=config.blocks)
    if have.body != "compact":
        raise OptionError("grow", "only a compact network can grow; leave it out")
    if wanted == have:
        return network
    for key in ("widths", "blocks"):
        smaller, larger = getattr(have, key), getattr(wanted, key)
        if any(few > many for few, many in zip(smaller, larger, strict=True)):
            reason = f"{list(larger)} is less than the {list(smaller)} of the initial weights"
            raise OptionError(f"model.{key}", reason)
    larger_network = MCCNet(wanted)
    given = network.state_dict()
    state = larger_network.state_dict()
    for name, fresh in state.items():
        if name in given:  # else of a new block, which starts as the identity
            state[name] = _enlarged(given[name], fresh, steady=".second." in name)
    larger_network.load_state_dict(state)
    return larger_network


def _enlarged(given: Tensor, fresh: Tensor, *, steady: bool) -> Tensor:
    """The weights `given` in the shape of `fresh`; if `steady`, 0 for new outputs."""
    if given.shape == fresh.shape:
        return given
    result = torch.zeros_like(fresh)
    if fresh.ndim > 1 and not steady:
        fan = fresh[0].numel()
        result[len(given) :] = torch.randn_like(result[len(given) :]) * _SCALE * math.sqrt(2 / fan)
    result[tuple(slice(side) for side in given.shape)] = given
    return result
