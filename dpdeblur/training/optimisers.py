"""What turns gradients into steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dpdeblur.training.config import TrainConfig



class Muon:
    """Muon for the kernels within the network, AdamW for its first and last layers and all biases.

    Muon (Jordan 2024; Liu et al. 2025 for the scaling that takes AdamW's rate) makes the step of a
    matrix orthogonal, so that all its directions learn equally fast. PyTorch's takes matrices only:
    a kernel is reshaped to outputs x (inputs * height * width), sharing its memory.
    """

    def __init__(self, network: nn.Module, config: TrainConfig) -> None:
        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        inner = [m.weight for m in convolutions[1:-1]]
        self._pairs = [(weight, nn.Parameter(_matrix(weight.detach()))) for weight in inner]
        chosen = {id(weight) for weight in inner}
        others = [p for p in network.parameters() if id(p) not in chosen]
        self._parts: dict[str, torch.optim.Optimizer] = {
            "muon": torch.optim.Muon(
                [matrix for _, matrix in self._pairs],
                lr=config.rate,
                weight_decay=config.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            ),
            "adamw": torch.optim.AdamW(
                others, config.rate, config.betas, weight_decay=config.weight_decay
            ),
        }

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both optimisers."""
        return [group for part in self._parts.values() for group in part.param_groups]

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        self._parts["adamw"].zero_grad(set_to_none=set_to_none)
        for weight, _ in self._pairs:
            weight.grad = None

    def step(self) -> None:
        """Take a step by the gradients of the network's parameters."""
        for weight, matrix in self._pairs:
            matrix.grad = None if weight.grad is None else _matrix(weight.grad)
        for part in self._parts.values():
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of both optimisers."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        for name, part in self._parts.items():
            part.load_state_dict(state_dict[name])


def make_optimiser(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer | Muon:
    """The optimiser that a recipe names, for a network that is where it will be trained."""
    if config.optimiser == "muon":
        return Muon(network, config)
    return torch.optim.AdamW(
        network.parameters(), config.rate, config.betas, weight_decay=config.weight_decay
    )


def _matrix(kernel: Tensor) -> Tensor:
    """A kernel as outputs x (height * width * inputs), in the same memory if channels_last."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)
