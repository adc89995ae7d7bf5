"""Between the memory of the host and that of a device."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_device(array: NDArray[np.float32], device: torch.device, *, pinned: bool) -> Tensor:
    """The array on the device; if `pinned`, and on CUDA, on its way there.

    Pinned memory is taken once and kept: so it pays for many transfers.
    """
    tensor = torch.from_numpy(array)
    if pinned and device.type == "cuda":
        held = _pinned(tensor.shape, tensor.dtype)
        if held is not None:  # which PyTorch keeps until it has arrived
            return held.copy_(tensor).to(device, non_blocking=True)
    return tensor.to(device)


def to_host(tensor: Tensor, *, pinned: bool) -> NDArray[np.float32]:
    """A tensor's float32 numbers, in its order."""
    if pinned and tensor.device.type == "cuda":
        held = _pinned(tensor.shape, tensor.dtype)
        if held is not None:
            return cast(NDArray[np.float32], held.copy_(tensor.contiguous()).numpy())
    return cast(NDArray[np.float32], tensor.cpu().numpy())


def _pinned(shape: torch.Size, dtype: torch.dtype) -> Tensor | None:
    try:
        return torch.empty(shape, dtype=dtype, pin_memory=True)
    except RuntimeError:  # a limit, or no room: it goes without
        return None
