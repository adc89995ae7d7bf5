"""A network that others learn from."""

from __future__ import annotations

import torch
from torch import Tensor

from dpdeblur.device import autocast
from dpdeblur.models import load_model
from dpdeblur.training.batches import Batch


class Teacher:
    """The mean of four mirrored passes of trained weights, to be learned in one pass.

    It is a better picture than each pass gives (Hinton et al. 2015 teach by a mean of several
    networks in this way). docs/ablation.md says what came of it.
    """

    def __init__(self, weights: str, device: torch.device, precision: str) -> None:
        """Load `weights`, a file or a shipped name; raises what `load_model` does."""
        model = load_model(weights)
        self.sha256 = model.sha256
        self._network = model.network.to(device).eval()
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device, self._precision = device, precision

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Tensor:
        """What is to be learned in the place of `batch.sharp`, of its shape."""
        left, right = (
            view.contiguous(memory_format=torch.channels_last) for view in (batch.left, batch.right)
        )
        levels = self._network.descriptor.levels
        with autocast(self._device, self._precision):
            found = self._network.pyramid(left, right, levels, ensemble=True)[-1]
        return found.clamp(0, 1)  # as an engine does
