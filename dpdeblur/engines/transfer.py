"""Between the memory of the host and that of a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dpdeblur.memory import own_block

_PIXELS = 2**15  # read at once: so they stay in the cache


def to_device(
    window: Callable[[slice], Sequence[NDArray[np.float32]]],
    rows: slice,
    size: tuple[int, int],
    device: torch.device,
    *,
    pinned: bool,
) -> list[Tensor]:
    """Pictures on the device, each `1 x 3 x H x W`; if `pinned`, and on CUDA, on their way there.

    Channel by channel, which every filter takes faster. Pinned memory is taken once and kept: so it
    pays for many transfers.

    Args:
        window: gives some rows of the pictures, each H x W x 3; none below their last.
        rows: those to read.
        size: (H, W) of the result: beyond what was read, the last row and column are repeated.
        device: where to.
        pinned: whether to use such memory.
    """
    found: list[Tensor] = []
    pinned = pinned and device.type == "cuda"
    step, done = max(1, _PIXELS // size[1]), 0
    for top in range(rows.start, rows.stop, step):
        parts = window(slice(top, min(top + step, rows.stop)))
        found = found or [_host((1, 3, *size), pinned) for _ in parts]
        for whole, part in zip(found, parts, strict=True):
            high, wide, _ = part.shape
            place = whole.numpy()[0, :, done : done + high]
            place[..., :wide] = part.transpose(2, 0, 1)
            place[..., wide:] = place[..., wide - 1 : wide]
        done += len(parts[0])
    for whole in found:
        whole[..., done:, :] = whole[..., done - 1 : done, :]
    # PyTorch keeps what is pinned until it has arrived.
    return [whole.to(device, non_blocking=pinned) for whole in found]


def to_host(tensor: Tensor, *, pinned: bool) -> NDArray[np.float32]:
    """A tensor's float32 numbers, in its order."""
    if pinned and tensor.device.type == "cuda":
        held = _pinned(tensor.shape, tensor.dtype)
        if held is not None:
            return cast(NDArray[np.float32], held.copy_(tensor.contiguous()).numpy())
    return cast(NDArray[np.float32], tensor.cpu().numpy())


def _host(shape: tuple[int, ...], pinned: bool) -> Tensor:
    held = _pinned(shape, torch.float32) if pinned else None
    return own_block(shape, torch.empty(0)) if held is None else held


def _pinned(shape: Sequence[int], dtype: torch.dtype) -> Tensor | None:
    try:
        return torch.empty(shape, dtype=dtype, pin_memory=True)
    except RuntimeError:  # a limit, or no room: it goes without
        return None
