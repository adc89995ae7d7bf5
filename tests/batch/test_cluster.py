"""A batch on a Ray cluster of two workers: as on this machine, whoever dies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from dpdeblur.batch import Cluster, Event, Finished, plan_jobs, run_batch
from dpdeblur.engines import make_engine
from dpdeblur.errors import ClusterError, WeightsError
from support.batches import no_leftovers, read_manifest, statuses
from support.browser import until
from support.command import run
from support.toy_weights import making, pairs, restore_folder, toy_weights

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
    return Cluster(making(weights), cores=1)


def results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def workers() -> list[psutil.Process]:
    """The processes in which engines are."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that has just died, zombies too
            if "Worker" in "".join(each.cmdline()[:1]):
                found.append(each)
    return found


@pytest.mark.usefixtures("_workers")
def test_equals_a_batch_on_this_machine(tmp_path: Path, weights: Path) -> None:
    source, here, there = pairs(tmp_path / "in", 12), tmp_path / "here", tmp_path / "there"
    (source / "007_R.png").write_bytes(b"")
    restore_folder(source, here, weights)
    options = ("--weights", weights, "--device", "cpu", "--precision", "fp32", "--json")
    result = run("batch", source, there, *options, "--ray", "auto", "--ray-cores", 1)
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["done"], report["skipped"], report["failed"]) == (11, 0, 1)
    assert results(there) == results(here)
    assert no_leftovers(there)
    mine, others = read_manifest(here), read_manifest(there)
    assert mine["engine"] == others["engine"]
    for first, second in zip(mine["pictures"], others["pictures"], strict=True):
        for differs in ("seconds", "run"):
            first.pop(differs), second.pop(differs)
        assert first == second


@pytest.mark.usefixtures("_workers")
def test_workers_that_die_lose_nothing(tmp_path: Path, weights: Path) -> None:
    source, out = pairs(tmp_path / "in", 40), tmp_path / "out"
    restore_folder(source, tmp_path / "here", weights)
    finished: list[str] = []
    written: dict[str, int] = {}

    def watch(event: Event) -> None:
        if not isinstance(event, Finished):
            return
        finished.append(event.record.name)
        if event.record.status == "done":
            written[event.record.output] = (out / event.record.output).stat().st_ino
        if len(finished) in {5, 15}:
            workers()[0].kill()

    with cluster(weights) as runner:
        assert len(workers()) == 2
        report = run_batch(runner, plan_jobs(source, out), watch)
    assert sorted(finished) == [record.name for record in report.records]
    assert report.count("failed") == 0
    # What a worker has written and died before it could tell was there already.
    assert report.count("done") >= 40 - 2 * 3
    assert results(out) == results(tmp_path / "here")
    assert {name: (out / name).stat().st_ino for name in written} == written
    assert statuses(out).keys() == set(finished)


@pytest.mark.usefixtures("_workers")
def test_a_place_whose_workers_die_now_and_then_is_not_given_up(
    tmp_path: Path, weights: Path
) -> None:
    source, finished = pairs(tmp_path / "in", 24), 0

    def watch(event: Event) -> None:
        nonlocal finished
        finished += isinstance(event, Finished)
        if isinstance(event, Finished) and finished in {3, 9, 15}:
            workers()[0].kill()

    with Cluster(making(weights), cores=2) as runner:
        report = run_batch(runner, plan_jobs(source, tmp_path / "out"), watch)
    assert report.count("failed") == 0
    assert len(results(tmp_path / "out")) == 24


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
    until(lambda: workers() == [])  # Ray ends them in its own time
    with pytest.raises(ClusterError, match="no machine of 3 cores"):
        Cluster(make_engine, cores=3).__enter__()
