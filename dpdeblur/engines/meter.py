"""How far the work on a picture has come, also within a tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from dpdeblur.engines.base import ProgressCallback
from dpdeblur.models import MCCNet
from dpdeblur.models.front_end import Filtered

_FILTERED = 700
"""Multiply-adds of a convolution that take as long as a filter of the front end takes a number."""
_SIDE = 16  # of the picture that tells what a pixel costs, the smallest that there is
_costs: MutableMapping[MCCNet, float] = WeakKeyDictionary()  # known from earlier pictures


class Meter:
    """Tells of progress in rows of the full size, each time it has grown.

    A tile's part grows with the multiply-adds of the convolutions that have run, and with the
    inverses that were applied; on a GPU, with those that were asked for. `tell` is called with
    (0, rows) at once; `pixels` is all the work.
    """

    def __init__(
        self, network: MCCNet, tell: ProgressCallback | None, rows: int, pixels: int
    ) -> None:
        self._network, self._tell, self._rows, self._pixels = network, tell, rows, pixels
        self._done = self._told = 0
        self._layers = [
            layer for layer in network.modules() if isinstance(layer, nn.Conv2d | Filtered)
        ]
        if tell:
            tell(0, rows)

    def add(self, pixels: int) -> None:
        """So many pixels more are done."""
        self._done += pixels
        self._show(self._done)

    @contextmanager
    def within(self, pixels: int, read: int) -> Iterator[None]:
        """Tell of the network's work on `pixels`, for which it reads `read` pixels in all."""
        if not (self._tell and self._layers):
            yield
            return
        if self._network not in _costs:
            _costs[self._network] = self._cost()
        expected, so_far = _costs[self._network] * read, 0

        def advance(work: int) -> None:
            nonlocal so_far
            so_far += work
            # The cost knows nothing of overlapping bands or trimmed margins.
            self._show(self._done + int(pixels * min(1.0, so_far / expected)))

        with self._counting(advance):
            yield

    def _show(self, done: int) -> None:
        rows = self._rows * done // self._pixels
        if self._tell and rows > self._told:
            self._told = rows
            self._tell(rows, self._rows)

    def _cost(self) -> float:
        """Multiply-adds for each pixel read, from a trial that takes no time."""
        total = 0

        def add(work: int) -> None:
            nonlocal total
            total += work

        device = next(self._network.parameters()).device
        view = torch.zeros(1, 3, _SIDE, _SIDE, device=device)
        with torch.inference_mode(), self._counting(add):
            self._network.level(view, view, None)
        return total / _SIDE**2

    @contextmanager
    def _counting(self, add: Callable[[int], None]) -> Iterator[None]:
        def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
            if output.is_cuda and torch.cuda.is_current_stream_capturing():
                return  # nothing runs yet, and whoever is told must not use the device
            if isinstance(layer, nn.Conv2d):
                add(layer.weight.numel() * output[:, 0].numel())
            else:
                add(_FILTERED * output.numel())

        hooks = [layer.register_forward_hook(count) for layer in self._layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
