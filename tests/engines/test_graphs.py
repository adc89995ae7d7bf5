"""CUDA graphs: what they make, when they are made and forgotten, and where memory runs out."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dpdeblur.engines import Network, NetworkOptions
from dpdeblur.engines.graphs import Graphs
from dpdeblur.models import find_weights, load_model
from dpdeblur.models.margin import NO_MARGIN
from dpdeblur.pair import DualPixelPair

cuda = torch.device("cuda")


class Asked:
    """Stands for a network's level and for recording it: notes how it is run, and may fail."""

    def __init__(self) -> None:
        self.ways: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.left_over: list[weakref.ref[torch.Tensor]] = []

    def level(self, *_: object) -> Any:
        return self._run("kernels")

    def graph(self, *_: object) -> Any:
        self._run("record")
        return lambda _inputs: self._run("graph")

    def _run(self, way: str) -> str:
        assert not any(each() is not None for each in self.left_over)
        self.ways.append(way)
        if way in self.fails:
            computed = torch.zeros(1)
            self.left_over.append(weakref.ref(computed))
            raise self.fails.pop(way)
        return way


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    network = Asked()
    monkeypatch.setattr("dpdeblur.engines.graphs.recorded", network.graph)
    monkeypatch.setattr("torch.cuda.graph_pool_handle", lambda: "pool")
    monkeypatch.setattr("torch.cuda.Stream", lambda _: "stream")
    monkeypatch.setattr("dpdeblur.engines.graphs.release_unused", lambda _: None)
    return network


def run(graphs: Graphs, side: int = 64) -> Any:
    view: Any = SimpleNamespace(device=cuda, shape=(1, 3, side, side))
    return graphs.level(view, view, None, NO_MARGIN)


def test_the_second_of_a_shape_is_recorded_and_all_after_it_run_as_graphs(asked: Asked) -> None:
    graphs = Graphs(asked.level)
    with graphs.kept():
        assert [run(graphs) for _ in range(4)] == ["kernels", "graph", "graph", "graph"]
        assert asked.ways.count("record") == 1
        assert run(graphs, 32) == "kernels"
        assert run(graphs) == "graph"


def test_nothing_is_recorded_for_single_pictures_or_kept_after_the_last(asked: Asked) -> None:
    graphs = Graphs(asked.level)
    assert [run(graphs) for _ in range(3)] == ["kernels"] * 3
    with graphs.kept():
        with graphs.kept():
            assert [run(graphs) for _ in range(2)] == ["kernels", "graph"]
        assert run(graphs) == "graph"
    assert not graphs
    with graphs.kept():
        assert [run(graphs) for _ in range(2)] == ["kernels", "graph"]


@pytest.mark.parametrize("message", ["CUDA out of memory", "operation not permitted"])
def test_what_cannot_be_recorded_goes_on_kernel_by_kernel(asked: Asked, message: str) -> None:
    graphs = Graphs(asked.level)
    with graphs.kept():
        asked.fails = {"record": RuntimeError(message)}
        assert [run(graphs) for _ in range(4)] == ["kernels"] * 4
        assert asked.ways.count("record") == 1
        assert [run(graphs, 32) for _ in range(2)] == ["kernels", "graph"]


def test_graphs_make_room_for_another_shape_and_are_not_recorded_again(asked: Asked) -> None:
    graphs = Graphs(asked.level)
    with graphs.kept():
        run(graphs)
        assert run(graphs) == "graph"
        asked.fails = {"kernels": torch.OutOfMemoryError("CUDA out of memory")}
        assert run(graphs, 48) == "kernels"
        assert not graphs
        assert [run(graphs) for _ in range(3)] == ["kernels"] * 3
        assert asked.ways.count("record") == 1


def test_without_graphs_a_lack_of_memory_is_the_callers_to_mend(asked: Asked) -> None:
    graphs, asked.fails = Graphs(asked.level), {"kernels": torch.OutOfMemoryError("no memory")}
    with graphs.kept(), pytest.raises(torch.OutOfMemoryError):
        run(graphs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("weights", ["mccnet", "paper"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("options", [{}, {"tile_size": 96}, {"ensemble": True}], ids=str)
def test_a_warm_engine_restores_to_the_bit_as_a_cold_one(
    weights: str, precision: str, options: dict[str, Any]
) -> None:
    rng = np.random.default_rng(0)
    pairs = [
        DualPixelPair(*rng.random((2, *size, 3), dtype=np.float32))
        for size in ((200, 264), (264, 200), (200, 264), (264, 200))
    ]
    device = f"cuda:{torch.cuda.device_count() - 1}"
    model = load_model(find_weights(weights))
    engine = Network(model, NetworkOptions(device, precision, **options))
    cold = [engine.run(pair) for pair in pairs]
    with engine.warm():
        for _ in range(2):
            for pair, expected in zip(pairs, cold, strict=True):
                found = engine.run(pair)
                assert np.array_equal(found.image, expected.image)
        assert found.run.peak_memory is not None
        assert expected.run.peak_memory is not None
        assert found.run.peak_memory >= 0.5 * expected.run.peak_memory
        assert engine._graphs
    assert not engine._graphs
    assert np.array_equal(engine.run(pairs[0]).image, cold[0].image)
