"""Several engines on one machine: every picture once, and what stops a batch stops all of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dpdeblur.batch.steps as batch_steps
from dpdeblur.batch import Event, Finished, Plan, Progress, SideBySide, plan_jobs, run_batch
from dpdeblur.engines import Engine, Network, ProgressCallback, Restored, make_engine
from dpdeblur.errors import DiskFullError
from dpdeblur.io import read_picture, write_picture
from dpdeblur.pair import DualPixelPair
from dpdeblur.steer import Steered, Wishes
from support.batches import FakeEngine, WarmEngine, fake_run, no_leftovers, statuses, write_pair
from support.toy_weights import pairs, toy_weights

ENGINES = [FakeEngine(), FakeEngine()]


class Several(FakeEngine):
    """One that has others like it."""

    asked = 1

    def side_by_side(self, most: int) -> Sequence[Engine]:
        self.asked = most
        return [FakeEngine(self.act) for _ in range(min(most, 3))]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def plan_of(tmp_path: Path, count: int) -> Plan:
    return plan_jobs(pairs(tmp_path / "in", count), tmp_path / "out")


def test_as_many_pictures_at_once_as_engines_and_each_once(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, 9)
    together = threading.Barrier(3)
    seen: list[str] = []
    events: list[Event] = []
    tellers = set()

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        seen.append(pair.info.path.stem)
        together.wait(10)  # breaks unless three are here
        return fake_run(pair, progress)

    def watch(event: Event) -> None:
        events.append(event)
        tellers.add(threading.get_ident())

    threads = set(threading.enumerate())
    report = run_batch(SideBySide([FakeEngine(act)] * 3), plan, watch)
    assert set(threading.enumerate()) <= threads
    assert tellers == {threading.get_ident()}
    assert [record.error for record in report.records] == [None] * 9
    assert sorted(seen) == [f"{number:03}_L" for number in range(9)]
    assert [record.name for record in report.records] == [f"{number:03}" for number in range(9)]
    for job in plan.jobs:
        own = [event for event in events if _name(event) == job.pair.name]
        shares = [event.share for event in own if isinstance(event, Progress)]
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0, 1)
        assert [type(event) for event in own] == [Progress] * len(shares) + [Finished]


def _name(event: Event) -> str:
    return event.job.pair.name if isinstance(event, Progress) else event.record.name


@pytest.mark.parametrize(("pictures", "at_once"), [(15, 1), (16, 2), (24, 3), (60, 3)])
def test_as_many_engines_as_have_eight_pictures_each(
    tmp_path: Path, pictures: int, at_once: int
) -> None:
    table = tmp_path / "list.csv"
    write_pair(tmp_path / "in", "A", 1)
    table.write_text("".join(f"A_L.png,A_R.png,{number}\n" for number in range(pictures)))
    plan = plan_jobs(tmp_path / "in", tmp_path / "out", pairs=table)
    in_hand: set[int] = set()

    def act(*arguments: Any) -> Restored:
        in_hand.add(threading.get_ident())
        return fake_run(*arguments)

    engine = Several(act)
    run_batch(engine, plan)
    assert engine.asked == max(1, pictures // 8)
    assert (threading.get_ident() in in_hand) == (at_once == 1)
    together = threading.Barrier(at_once)

    def wait(*arguments: Any) -> Restored:
        together.wait(10)  # breaks unless so many are here
        return fake_run(*arguments)

    for number in range(at_once):
        (tmp_path / f"out/{number}.png").unlink()
    rest = plan_jobs(tmp_path / "in", tmp_path / "out", pairs=table)
    report = run_batch(Several(wait), rest)  # as before it was stopped
    assert [report.count(status) for status in ("done", "failed")] == [at_once, 0]


def test_failures_are_alone(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, 6)
    (tmp_path / "in/001_R.png").write_bytes(b"")

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        if pair.info.path.stem == "002_L":
            raise RuntimeError("boom")
        if pair.info.path.stem == "003_L":
            write_picture(tmp_path / "out/003.png", np.zeros((18, 24, 3), np.float32))
        return fake_run(pair, progress)

    report = run_batch(SideBySide([FakeEngine(act)] * 2), plan)
    found = {record.name: (record.status, record.error_type) for record in report.records}
    assert found == {
        "000": ("done", None),
        "001": ("failed", "UnreadableFileError"),
        "002": ("failed", "RuntimeError"),
        "003": ("skipped", None),
        "004": ("done", None),
        "005": ("done", None),
    }
    assert statuses(tmp_path / "out") == {name: status for name, (status, _) in found.items()}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokenPipeError("gone"), queue.Empty()])
def test_what_stops_it_is_raised_when_pictures_being_written_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    writing, begun = threading.Event(), threading.Event()

    def slow_writing(*args: Any, **options: Any) -> tuple[str, ...]:
        writing.set()
        time.sleep(0.2)
        return write_picture(*args, **options)

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        assert progress is not None
        if pair.info.path.stem == "000_L":
            begun.wait(10)
            return fake_run(pair, None)
        begun.set()
        for done in range(10_000):  # a long work, out of which only the batch takes it
            progress(done, 10_000)
            time.sleep(0.01)
        raise AssertionError

    finished: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, Finished):
            finished.append(event.record.name)
        elif event.share > 0 and writing.wait(10):
            raise error

    monkeypatch.setattr(batch_steps, "write_picture", slow_writing)
    threads = set(threading.enumerate())
    with pytest.raises(type(error)) as caught:
        run_batch(SideBySide([FakeEngine(act)] * 2), plan_of(tmp_path, 4), watch)
    assert caught.value is error
    assert finished == ["000"]
    assert set(threading.enumerate()) <= threads
    assert statuses(tmp_path / "out") == {"000": "done"}
    read_picture(tmp_path / "out/000.png")
    assert no_leftovers(tmp_path)
    monkeypatch.undo()
    report = run_batch(SideBySide(ENGINES), plan_jobs(tmp_path / "in", tmp_path / "out"))
    assert [report.count(status) for status in ("skipped", "done")] == [1, 3]


def test_a_full_disk_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(tmp_path, 12)
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.suffix == ".part" and b"IDAT" in data:
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DiskFullError) as caught:
        run_batch(SideBySide(ENGINES), plan)
    assert caught.value.pictures == 12
    assert statuses(tmp_path / "out") == {}


def test_engines_are_warm_together(tmp_path: Path) -> None:
    events: list[str] = []
    run_batch(SideBySide([WarmEngine(events), WarmEngine(events)]), plan_of(tmp_path, 3))
    assert events == ["warm"] * 2 + ["run"] * 3 + ["cold"] * 2


@pytest.mark.usefixtures("two_threads")
def test_networks_share_the_threads_and_restore_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dpdeblur.engines.budget.free_memory", lambda _: 100 * 10**9)
    weights = toy_weights(tmp_path / "toy.safetensors")
    threads: list[int] = []
    run = Network.run

    def counted(*arguments: Any) -> Restored:
        threads.append(torch.get_num_threads())
        restored = run(*arguments)
        threads.append(torch.get_num_threads())
        return restored

    monkeypatch.setattr(Network, "run", counted)
    engine = make_engine(weights=weights, device="cpu", precision="fp32")
    engines = engine.side_by_side(9)
    assert len(engines) == 2
    assert {one.digest for one in engines} == {engine.digest}
    for number in range(4):
        write_pair(tmp_path / "in", f"{number}", number)
    together = plan_jobs(tmp_path / "in", tmp_path / "together")
    report = run_batch(SideBySide(engines), together)
    assert [record.error for record in report.records] == [None] * 4
    assert threads == [1] * 8
    assert torch.get_num_threads() == 2
    run_batch(engine, plan_jobs(tmp_path / "in", tmp_path / "alone"))
    assert threads[8:] == [2] * 8
    for job in together.jobs:
        alone = read_picture(tmp_path / "alone" / job.output.name).srgb()
        np.testing.assert_allclose(read_picture(job.output).srgb(), alone, atol=2 / 65535)


@pytest.mark.usefixtures("two_threads")
def test_one_at_a_time_where_memory_is_short_or_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = toy_weights(tmp_path / "toy.safetensors")
    free = [100 * 10**9]
    monkeypatch.setattr("dpdeblur.engines.budget.free_memory", lambda _: free[0])
    for options in ({"max_memory": 10**9}, {"tile_size": 64}, {"weights": "paper"}):
        chosen: dict[str, Any] = {"weights": weights, "device": "cpu"} | options
        alone = make_engine(**chosen)
        assert alone.side_by_side(9) == (alone,)
    engine = make_engine(weights=weights, device="cpu")
    assert engine.side_by_side(1) == (engine,)
    for threads, gigabytes, count in [
        *((2, 100, 2), (2, 6, 1), (4, 100, 4), (4, 12, 2), (5, 100, 1), (6, 100, 3)),
        *((7, 100, 1), (8, 100, 4), (16, 100, 4), (16, 4, 1)),
    ]:
        torch.set_num_threads(threads)
        free[0] = gigabytes * 10**9
        assert len(engine.side_by_side(9)) == count, (threads, gigabytes)


def test_an_engine_around_another_does_one_at_a_time() -> None:
    steered = Steered(Several(), Wishes(strength=0.5))
    assert steered.side_by_side(9) == (steered,)


def test_the_optimiser_does_one_at_a_time() -> None:
    engine = make_engine("mpi", device="cpu")
    assert engine.side_by_side(9) == (engine,)
