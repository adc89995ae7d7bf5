"""Several processes that train one network together, as started by torchrun on one machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, distributed


def own_device(name: str) -> str:
    """The device that this process shall use for the one asked for: under torchrun, its own GPU.

    `name` is as `device.choose` takes it; without torchrun, or without GPUs, it stays.
    """
    if _together() and name in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return name


def is_first() -> bool:
    """Whether this is the only process, or the first of those that torchrun started."""
    return not _together() or os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Join the other processes, if torchrun started any: by NCCL on CUDA, else by Gloo."""
    if not _together():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        distributed.init_process_group("nccl", device_id=device)
    else:
        distributed.init_process_group("gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def rank_and_size() -> tuple[int, int]:
    """This process's rank and the number of processes; (0, 1) where there is but one."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def average(tensors: Sequence[Tensor]) -> None:
    """Replace each float32 tensor by its mean over all processes, in one exchange."""
    count = rank_and_size()[1]
    if count == 1:
        return
    everything = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(everything)
    everything /= count
    parts = torch.split(everything, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))


def wait() -> None:
    """Go on when all processes have come here."""
    if rank_and_size()[1] > 1:
        distributed.barrier()


def _together() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1
