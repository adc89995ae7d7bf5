"""CUDA graphs: what they make, when they are made and forgotten, and where memory runs out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dpdeblur.engines import Network, NetworkOptions
from dpdeblur.engines.graphs import Graphs
from dpdeblur.models import load_model
from dpdeblur.models.margin import NO_MARGIN
from dpdeblur.pair import DualPixelPair

cuda = torch.device("cuda")


class Asked:
    """Stands for a network, and for its graphs: notes how it is run."""

    def __init__(self) -> None:
        self.ways: list[str] = []
        self.fails: set[str] = set()

    def level(self, *_: object, **__: object) -> str:
        return self._run("kernels")

    def record(self, *_: object) -> Any:
        self._run("record")
        return lambda _inputs: self._run("graph")

    def _run(self, way: str) -> str:
        self.ways.append(way)
        if way in self.fails:
            self.fails.remove(way)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return way


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    network = Asked()
    monkeypatch.setattr("dpdeblur.engines.graphs._record", network.record)
    monkeypatch.setattr("torch.cuda.graph_pool_handle", lambda: "pool")
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda _: 1234)
    monkeypatch.setattr("dpdeblur.engines.graphs.release_unused", lambda _: None)
    return network


def run(graphs: Graphs, network: Asked, side: int = 64) -> Any:
    view = SimpleNamespace(device=cuda, shape=(1, 3, side, side))
    return graphs.level(network, view, view, None, NO_MARGIN)  # type: ignore[arg-type]


def test_the_second_of_a_shape_is_recorded_and_all_after_it_run_as_graphs(asked: Asked) -> None:
    graphs = Graphs()
    with graphs.kept():
        found = [run(graphs, asked) for _ in range(4)]
        assert found == ["kernels", "graph", "graph", "graph"]
        assert asked.ways.count("record") == 1
        assert graphs.peak == 1234
        assert run(graphs, asked, 32) == "kernels"
        assert run(graphs, asked) == "graph"


def test_nothing_is_recorded_for_single_pictures_or_kept_after_the_last(asked: Asked) -> None:
    graphs = Graphs()
    assert [run(graphs, asked) for _ in range(3)] == ["kernels"] * 3
    with graphs.kept():
        with graphs.kept():
            assert [run(graphs, asked) for _ in range(2)] == ["kernels", "graph"]
        assert run(graphs, asked) == "graph"
    assert (graphs.forget(), graphs.peak) == (False, 0)
    assert run(graphs, asked) == "kernels"


@pytest.mark.parametrize("way", ["record", "kernels"])
def test_graphs_make_room_where_memory_runs_out(asked: Asked, way: str) -> None:
    graphs = Graphs()
    with graphs.kept():
        for _ in range(2):
            run(graphs, asked)
        run(graphs, asked, 32)
        asked.fails = {way}
        side = 32 if way == "record" else 48
        assert run(graphs, asked, side) == "kernels"
        assert asked.ways[-2:] == [way, "kernels"]
        assert run(graphs, asked) == "kernels"  # forgotten
        assert run(graphs, asked, side) == "graph"


def test_without_graphs_a_lack_of_memory_is_the_callers_to_mend(asked: Asked) -> None:
    graphs, asked.fails = Graphs(), {"kernels"}
    with graphs.kept(), pytest.raises(torch.OutOfMemoryError):
        run(graphs, asked)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("options", [{}, {"tile_size": 96}, {"ensemble": True}], ids=str)
def test_a_warm_engine_restores_to_the_bit_as_a_cold_one(
    precision: str, options: dict[str, Any]
) -> None:
    rng = np.random.default_rng(0)
    first, second = (
        DualPixelPair(*rng.random((2, *size, 3), dtype=np.float32))
        for size in ((200, 264), (264, 200))
    )
    engine = Network(load_model(), NetworkOptions("cuda", precision, **options))
    cold = [engine.run(pair) for pair in (first, second)]
    with engine.warm():
        for _ in range(3):
            for pair, expected in zip((first, second), cold, strict=True):
                found = engine.run(pair)
                assert np.array_equal(found.image, expected.image)
        assert found.run.peak_memory is not None
        assert expected.run.peak_memory is not None
        assert found.run.peak_memory >= 0.5 * expected.run.peak_memory
    assert np.array_equal(engine.run(first).image, cold[0].image)
