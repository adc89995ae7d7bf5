"""What turns gradients into steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from dpdeblur.training.config import TrainConfig

# Newton-Schulz coefficients and momentum of Jordan 2024; the scale of Liu et al. 2025, with which
# the step of a matrix is as large as AdamW's.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ROUNDS = 5
_MOMENTUM = 0.95
_MATCH = 0.2


class Muon(torch.optim.Optimizer):
    """Muon for kernels, each as a matrix of outputs x (height * width * inputs), in float32.

    The momentum of a matrix is made orthogonal before it becomes a step, so that all of its
    directions learn equally fast. PyTorch's own takes matrices only and computes in bfloat16, which
    most processors have to emulate. `others` are left to AdamW.
    """

    def __init__(
        self,
        kernels: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        groups = [{"params": list(kernels)}]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})
        self._others = torch.optim.AdamW(others, lr, betas, weight_decay=weight_decay)
        self.param_groups.extend(self._others.param_groups)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take a step by the parameters' gradients."""
        group = self.param_groups[0]
        alike: dict[torch.Size, list[Tensor]] = {}
        for kernel in group["params"]:
            if kernel.grad is not None:
                alike.setdefault(kernel.shape, []).append(kernel)
        for shape, kernels in alike.items():  # together, as a GPU takes as long for one
            ahead = torch.stack([self._ahead(kernel) for kernel in kernels])
            flat = ahead.permute(0, 1, 3, 4, 2)
            steps = _orthogonal(flat.flatten(2)).view(flat.shape).permute(0, 1, 4, 2, 3)
            scale = _MATCH * max(shape[0], shape[1:].numel()) ** 0.5
            for kernel, step in zip(kernels, steps, strict=True):
                kernel.mul_(1 - group["lr"] * group["weight_decay"])
                kernel.add_(step, alpha=-group["lr"] * scale)
        self._others.step()

    def _ahead(self, kernel: Tensor) -> Tensor:
        """The gradient after Nesterov's momentum, which it joins."""
        assert kernel.grad is not None
        momentum = self.state[kernel].setdefault("momentum", torch.zeros_like(kernel))
        momentum.lerp_(kernel.grad, 1 - _MOMENTUM)
        return kernel.grad.lerp(momentum, _MOMENTUM)

    def state_dict(self) -> dict[str, Any]:
        """The state of both kinds of groups."""
        momenta = [self.state[kernel].get("momentum") for kernel in self.param_groups[0]["params"]]
        return {"momenta": momenta, "adamw": self._others.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        for kernel, momentum in zip(
            self.param_groups[0]["params"], state_dict["momenta"], strict=True
        ):
            if momentum is not None:
                self.state[kernel]["momentum"] = momentum.to(kernel)
        self._others.load_state_dict(state_dict["adamw"])
        self.param_groups[1:] = self._others.param_groups


def make_optimiser(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser that a recipe names, for a network that is where it will be trained.

    Muon takes the kernels of all convolutions but the first and the last, AdamW everything else.
    """
    if config.optimiser == "adamw":
        return torch.optim.AdamW(
            network.parameters(), config.rate, config.betas, weight_decay=config.weight_decay
        )
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    kernels = [module.get_parameter("weight") for module in convolutions[1:-1]]
    chosen = {id(kernel) for kernel in kernels}
    return Muon(
        kernels,
        [parameter for parameter in network.parameters() if id(parameter) not in chosen],
        lr=config.rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
    )


def _orthogonal(matrices: Tensor) -> Tensor:
    """About the nearest matrices whose singular values are all alike, by Newton-Schulz rounds.

    `N x rows x columns`.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    wide = matrices.mT if tall else matrices
    wide = wide / wide.norm(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    a, b, c = _COEFFICIENTS
    for _ in range(_ROUNDS):
        gram = wide @ wide.mT
        wide = torch.baddbmm(wide, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.mT if tall else wide
