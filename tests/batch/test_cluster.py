"""A batch on a Ray cluster of two workers: as on this machine, whoever dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from dpdeblur.batch import Cluster, Event, Finished, Progress, plan_jobs, run_batch
from dpdeblur.engines import make_engine
from dpdeblur.errors import ClusterError, WeightsError
from support.batches import no_leftovers, read_manifest, statuses
from support.toy_weights import pairs, restore_folder, toy_weights

ray: Any = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),
    # Ray's own, of sockets and processes that it leaves open.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def _workers() -> Iterator[None]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return toy_weights(tmp_path / "toy.safetensors")


def cluster(weights: Path) -> Cluster:
    make = partial(make_engine, weights=weights, device="cpu", precision="fp32")
    return Cluster(make, cores=1)


def workers() -> list[psutil.Process]:
    """The processes in which engines are."""
    below = psutil.Process().children(recursive=True)
    return [each for each in below if each.cmdline()[:1] and "Worker" in each.cmdline()[0]]


@pytest.mark.usefixtures("_workers")
@pytest.mark.parametrize("deaths", [0, 2])
def test_equals_a_batch_on_this_machine(tmp_path: Path, weights: Path, deaths: int) -> None:
    source, out = pairs(tmp_path / "in", 40), tmp_path / "out"
    (source / "013_R.png").write_bytes(b"")
    restore_folder(source, tmp_path / "here", weights)
    events: list[Event] = []
    written: dict[str, int] = {}

    def watch(event: Event) -> None:
        events.append(event)
        finished = sum(isinstance(each, Finished) for each in events)
        if isinstance(event, Finished):
            if event.record.status == "done":
                written[event.record.output] = (out / event.record.output).stat().st_ino
            if finished in (5, 15)[:deaths]:
                workers()[0].kill()

    with cluster(weights) as runner:
        assert len(workers()) == 2
        report = run_batch(runner, plan_jobs(source, out), watch)
    finished = [event.record.name for event in events if isinstance(event, Finished)]
    assert sorted(finished) == [record.name for record in report.records]
    assert {each.job.pair.name for each in events if isinstance(each, Progress)} == {*finished}
    assert report.count("failed") == 1
    # What a worker has written and died before it could tell was there already.
    assert report.count("done") >= 39 - 3 * deaths
    here = {path.name: path.read_bytes() for path in (tmp_path / "here").glob("*.png")}
    assert {path.name: path.read_bytes() for path in out.glob("*.png")} == here
    assert {name: (out / name).stat().st_ino for name in written} == written
    assert statuses(out).keys() == statuses(tmp_path / "here").keys()
    if not deaths:
        assert no_leftovers(out)
        mine, others = (read_manifest(tmp_path / name) for name in ("here", "out"))
        for first, second in zip(mine["pictures"], others["pictures"], strict=True):
            assert first["error"] == second["error"]
            assert first["sha256"] == second["sha256"]
            assert (first["run"] or {}).get("digest") == (second["run"] or {}).get("digest")
        assert mine["engine"] == others["engine"]


@pytest.mark.usefixtures("_workers")
def test_an_interrupt_keeps_what_is_written(tmp_path: Path, weights: Path) -> None:
    source, out = pairs(tmp_path / "in", 30), tmp_path / "out"

    def watch(event: Event) -> None:
        if isinstance(event, Finished):
            raise KeyboardInterrupt

    with cluster(weights) as runner, pytest.raises(KeyboardInterrupt):
        run_batch(runner, plan_jobs(source, out), watch)
    made = {path.stem for path in out.glob("*.png")}
    assert made
    assert len(made) < 30
    assert statuses(out) == dict.fromkeys(made, "done")
    assert no_leftovers(out)


@pytest.mark.usefixtures("_workers")
def test_what_keeps_workers_from_their_work_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        cluster(tmp_path / "none.safetensors").__enter__()
    assert workers() == []
    with pytest.raises(ClusterError, match="no machine of 3 cores"):
        Cluster(make_engine, cores=3).__enter__()
