"""A network's levels as CUDA graphs, for pictures that come one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dpdeblur.memory import is_out_of_memory, release_unused
from dpdeblur.models.margin import Margin

Level = Callable[[Tensor, Tensor, Tensor | None, Margin], Tensor]
"""Takes the left and the right view, the coarser result, and the margin, as `MCCNet.level` does."""
_MOST = 48
"""Graphs at once: each keeps its own inputs and output."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Kernels recorded once: they read `inputs` and write `output`, always in the same places."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    output: Tensor

    def __call__(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """The output for other inputs of the same shapes, good until the next call."""
        for place, given in zip(self.inputs, inputs, strict=True):
            place.copy_(given)
        self.graph.replay()
        return self.output


class Graphs:
    """Runs the levels of one network; on CUDA, while `kept`, as graphs.

    Kernel by kernel, a GPU waits for the next one half of the time or more (benchmarks/README.md).
    A shape of tile runs so the first time, which also loads what the device needs. The second time
    it is recorded, and from then on the device gets all of it at once. What cannot be recorded goes
    on kernel by kernel. Graphs keep the memory that they compute in until the end of `kept`, or
    until memory runs out; after that these shapes are not recorded again. `direct` is the network's
    own level, kernel by kernel.
    """

    def __init__(self, direct: Level) -> None:
        self.direct = direct
        self._contexts = 0
        self._times: Counter[object] = Counter()  # that a shape has run kernel by kernel
        self._graphs: dict[object, Graph] = {}
        self._stream: torch.cuda.Stream | None = None
        self._pool: Any = None  # of memory, shared, as graphs never run at once

    @contextmanager
    def kept(self) -> Iterator[None]:
        """A context for many pictures, one at a time; the outermost one gives the graphs up."""
        self._contexts += 1
        try:
            yield
        finally:
            self._contexts -= 1
            if not self._contexts:
                self.forget()
                self._times.clear()

    @property
    def active(self) -> bool:
        """Whether there are more pictures to come."""
        return self._contexts > 0

    def __len__(self) -> int:
        return len(self._graphs)

    def forget(self) -> bool:
        """Give up all graphs and their memory; whether there were any."""
        held = bool(self._graphs)
        self._graphs.clear()
        self._pool = None
        if held:
            release_unused(torch.device("cuda"))
        return held

    def level(self, left: Tensor, right: Tensor, coarser: Tensor | None, margin: Margin) -> Tensor:
        """As the network's own; the result is good until the next call."""
        if left.device.type != "cuda" or not self.active:
            return self.direct(left, right, coarser, margin)
        precision = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
        inputs = (left, right) if coarser is None else (left, right, coarser)
        key = left.device, left.shape, len(inputs), margin, precision
        if key not in self._graphs:
            self._times[key] += 1
            if self._times[key] == 2 and len(self) < _MOST:
                self._record(key, inputs, margin, precision)
        if key in self._graphs:
            return self._graphs[key](inputs)
        try:
            return self.direct(left, right, coarser, margin)
        except RuntimeError as error:
            if not (is_out_of_memory(error) and self._graphs):
                raise
        self.forget()  # not in the handler, whose traceback holds what was computed so far
        return self.direct(left, right, coarser, margin)

    def _record(
        self, key: object, inputs: tuple[Tensor, ...], margin: Margin, precision: torch.dtype | None
    ) -> None:
        device = inputs[0].device
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        if self._stream is None:
            # PyTorch's own is of the device that was the current one when it was made.
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # What fails here went well kernel by kernel, and will again.
        with suppress(RuntimeError):
            self._graphs[key] = recorded(
                self.direct, inputs, margin, precision, self._pool, self._stream
            )


def recorded(
    level: Level,
    inputs: tuple[Tensor, ...],
    margin: Margin,
    precision: torch.dtype | None,
    pool: Any,
    stream: torch.cuda.Stream,
) -> Graph:
    """The graph of a level, under autocast to `precision`; raises RuntimeError if that fails."""
    device = inputs[0].device
    before = torch.cuda.current_stream(device)
    graph, places = torch.cuda.CUDAGraph(), tuple(given.clone() for given in inputs)
    with torch.cuda.device(device):
        try:
            # Weights in half precision that autocast has kept would not be in the graph.
            with (
                torch.autocast("cuda", precision, precision is not None, cache_enabled=False),
                torch.cuda.graph(graph, pool, stream, "thread_local"),
            ):
                left, right, *coarser = places
                output = level(left, right, coarser[0] if coarser else None, margin)
        finally:
            torch.cuda.set_stream(before)  # PyTorch leaves that out if the recording cannot end
    return Graph(graph, places, output)
