"""The engine `mccnet`: a network that restores pictures of any size."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from dpdeblur.engines.base import Engine, ProgressCallback, Restored, RunInfo
from dpdeblur.engines.budget import pictures_at_once
from dpdeblur.engines.graphs import Graphs
from dpdeblur.engines.options import NetworkOptions
from dpdeblur.engines.tiled import TiledRun
from dpdeblur.engines.window import Window
from dpdeblur.memory import (
    address_space_left,
    peak_memory,
    reset_peak_memory,
    reusing_memory,
)
from dpdeblur.models import LoadedModel, MCCNet
from dpdeblur.models.compact import CompactBody
from dpdeblur.models.margin import Margin
from dpdeblur.pair import DualPixelPair


class Network:
    """The engine that runs a network over pictures of any size, in tiles that fit the memory.

    A network with a pyramid restores the picture at all its scales, coarsest first, each scale
    whole before the next. Tiles change the result by float rounding only (2e-5 at most in fp32). A
    tile that runs out of memory is repeated in smaller ones, one that is not finite in half
    precision is repeated in fp32, as are all after it; tiles finished before stay. A pair read
    from files gives uint16 samples. Results are repeatable to the bit for the same device,
    precision, tile size and number of threads.

    The model, from `load_model`, is left as it was, on the CPU: a copy works, and stays where it is
    for the next picture.
    """

    name = "mccnet"

    def __init__(self, model: LoadedModel, options: NetworkOptions | None = None) -> None:
        self.model, self.options = model, options or NetworkOptions()
        self._graphs = Graphs(self._level)

    @property
    def settings(self) -> dict[str, Any]:
        """Which weights, and whether mirrored passes are averaged."""
        weights = {"name": self.model.name, "sha256": self.model.sha256}
        return {"weights": weights, "ensemble": self.options.ensemble}

    @property
    def digest(self) -> str:
        """The model's, marked if mirrored passes are averaged."""
        return self.model.sha256 + ("+ensemble" if self.options.ensemble else "")

    def prepare(self) -> None:
        """Try out the device and the precision; raises DeviceError and OptionError."""
        _ = self.options.setup

    def warm(self) -> AbstractContextManager[None]:
        """Keeps memory from run to run on a CPU, unless it is scarce (see `TiledRun.frugal`).

        Not under a limit of the address space, in which what is kept would count as taken. On CUDA
        it keeps `Graphs`, unless there is a `max_memory`, and pictures must come one at a time.
        """
        device = self.options.setup.device
        if device.type == "cuda":
            return self._graphs.kept()
        if any(True for _ in address_space_left()):
            return nullcontext()
        return reusing_memory(device)

    def side_by_side(self, most: int) -> Sequence[Engine]:
        """On a CPU with room for them, engines for several pictures at once.

        Fewer threads for a picture wait less for each other. It is this one alone with a
        `max_memory` or a `tile_size`, and with weights whose tiles are whole rows, which need all
        the memory there is.
        """
        options, device = self.options, self.options.setup.device
        alone = options.max_memory or options.tile_size or self.model.descriptor.tiling == "rows"
        count = 1 if alone or device.type != "cpu" else pictures_at_once(most)
        if count == 1:
            return (self,)
        share = dataclasses.replace(options, at_once=count)
        return [Network(self.model, share) for _ in range(count)]

    def read(self, pair: DualPixelPair) -> DualPixelPair:
        """The pair as it is."""
        return pair

    @cached_property
    def _network(self) -> MCCNet:
        device = self.options.setup.device
        network = copy.deepcopy(self.model.network).to(device)
        if device.type != "mps":
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for body in network.modules():
            if isinstance(body, CompactBody) and device.type == "cpu":
                # Its many inputs lie channel by channel; oneDNN turns them faster than PyTorch.
                body.stem.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return network

    def _level(self, left: Tensor, right: Tensor, coarser: Tensor | None, margin: Margin) -> Tensor:
        return self._network.level(left, right, coarser, margin=margin)

    def run(
        self,
        pair: DualPixelPair,
        progress: ProgressCallback | None = None,
        window: Window | None = None,
    ) -> Restored:
        """Restore one photograph, or a window of it.

        Args:
            pair: the two views.
            progress: called with (rows done, rows in all) at the start and each time the rows have
                grown, also within a tile (but for CUDA graphs); smaller scales count as rows of the
                full size, by their pixels.
            window: rows and columns of the views: only tiles that these depend on are computed.

        Returns:
            The picture or its window, which is to the bit as in the whole picture, and how it was
            made; no defocus map.

        Raises:
            DeviceError: the device is missing or cannot compute in the precision.
            OptionError: the precision is unknown.
            OutOfMemoryError: even the smallest tile does not fit.
            NonFiniteResultError: the network gives NaN or infinity even in fp32.
        """
        started = time.perf_counter()
        setup = self.options.setup
        reset_peak_memory(setup.device)
        levels = self.model.descriptor.levels_for(*pair.shape)
        run = TiledRun(
            self._network, self._graphs, self.model.descriptor, pair, levels, self.options
        )
        window = window or Window.whole(pair.shape)
        tiles, size = run.levels(pair, window, progress)
        peak = peak_memory(setup.device)
        if self._graphs:  # whose runs take nothing anew
            peak = torch.cuda.max_memory_reserved(setup.device)
        record = RunInfo(
            engine=self.name,
            settings=self.settings,
            digest=self.digest,
            device=str(setup.device),
            precision=run.precision,
            seconds=time.perf_counter() - started,
            peak_memory=peak,
            tiles=tiles,
            tile_size=size,
            notes=tuple(run.notes),
        )
        return Restored(run.pixels[window], None, record)
