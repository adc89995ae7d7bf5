"""A network's levels as CUDA graphs, for pictures that come one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dpdeblur.memory import is_out_of_memory, release_unused
from dpdeblur.models import MCCNet
from dpdeblur.models.margin import Margin

_MOST = 48
"""Graphs at once: four shapes of tiles in each direction at three scales."""


@dataclass(frozen=True, eq=False)
class _Graph:
    """Kernels recorded once: they read `inputs` and write `output`, always in the same places."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    output: Tensor

    def __call__(self, inputs: tuple[Tensor, ...]) -> Tensor:
        for place, given in zip(self.inputs, inputs, strict=True):
            place.copy_(given)
        self.graph.replay()
        return self.output


class Graphs:
    """Runs the levels of one network; on CUDA, while `kept`, as graphs.

    Kernel by kernel, a GPU waits for the next one half of the time or more (benchmarks/README.md).
    What comes for the first time runs so and prepares the device. The second time it is recorded,
    which takes as long, and from then on the device has all of it at once. Graphs keep the memory
    that they compute in until the end of `kept`, or until memory runs out. `peak` is the most bytes
    that PyTorch held while they were recorded, which their runs do not show.
    """

    peak = 0

    def __init__(self) -> None:
        self._users = 0
        self._graphs: dict[object, _Graph | None] = {}  # None: seen once
        self._pool: Any = None  # of memory, for one runs after the other

    @contextmanager
    def kept(self) -> Iterator[None]:
        """A context for many pictures; within another one, the last of all forgets."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self.forget()

    def forget(self) -> bool:
        """Give up all graphs and their memory; whether there were any."""
        held = any(self._graphs.values())
        self._graphs.clear()
        self._pool, self.peak = None, 0
        if held:
            release_unused(torch.device("cuda"))
        return held

    def level(
        self, network: MCCNet, left: Tensor, right: Tensor, coarser: Tensor | None, margin: Margin
    ) -> Tensor:
        """As `network.level`, always for the same network; good until the next call."""
        inputs = (left, right) if coarser is None else (left, right, coarser)
        if left.device.type != "cuda" or not self._users:
            return network.level(left, right, coarser, margin=margin)
        kind = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
        key = (left.device, left.shape, len(inputs), margin, kind)
        try:
            if key in self._graphs and self._graphs[key] is None:
                self._pool = self._pool or torch.cuda.graph_pool_handle()
                self._graphs[key] = _record(network, inputs, margin, kind, self._pool)
                self.peak = max(self.peak, torch.cuda.max_memory_allocated(left.device))
            graph = self._graphs.get(key)
            if graph is not None:
                return graph(inputs)
            result = network.level(left, right, coarser, margin=margin)
        except RuntimeError as error:
            if not (is_out_of_memory(error) and self.forget()):
                raise
            result = network.level(left, right, coarser, margin=margin)
        if len(self._graphs) < _MOST:
            self._graphs[key] = None
        return result


def _record(
    network: MCCNet,
    inputs: tuple[Tensor, ...],
    margin: Margin,
    kind: torch.dtype | None,
    pool: Any,
) -> _Graph:
    places = tuple(given.clone() for given in inputs)
    graph = torch.cuda.CUDAGraph()
    # Weights in half precision that autocast has kept would not be in the graph.
    with (
        torch.autocast("cuda", kind, enabled=kind is not None, cache_enabled=False),
        torch.cuda.graph(graph, pool, capture_error_mode="thread_local"),
    ):
        left, right, *coarser = places
        output = network.level(left, right, coarser[0] if coarser else None, margin=margin)
    return _Graph(graph, places, output)
