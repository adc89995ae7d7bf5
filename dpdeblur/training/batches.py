"""What training eats: batches of pairs, and whatever can give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Views and the sharp picture, each `N x 3 x H x W`, sRGB-encoded in [0, 1]."""

    left: Tensor
    right: Tensor
    sharp: Tensor


class PairSource(Protocol):
    """Batches that depend on their number alone, on `device`.

    A source that ends also has a length: how many crops it holds, which are an epoch.
    """

    device: torch.device

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise OptionError if crops of `size` (height, width) cannot be made."""

    def fingerprint(self) -> str:
        """Digest of all that batches depend on besides their number.

        Scenes and cameras may be left out: checkpoints hold those of `SyntheticPairs` one by one.
        """

    def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
        """Batch number `step`: `count` pairs of `size`."""
