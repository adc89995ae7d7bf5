"""The batch: every pair once, failures alone, nothing half done, three pictures in memory."""

from __future__ import annotations

import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dpdeblur.batch.steps as batch_steps
from dpdeblur.batch import (
    MANIFEST_NAME,
    Event,
    Finished,
    Manifest,
    Progress,
    Record,
    Threads,
    plan_jobs,
    run_batch,
)
from dpdeblur.engines import Network, NetworkOptions, ProgressCallback, Restored
from dpdeblur.errors import (
    DiskFullError,
    OutOfMemoryError,
    UnreadableFileError,
    UnwritableOutputError,
)
from dpdeblur.io import read_picture, write_picture
from dpdeblur.models import PAPER, LoadedModel, MCCNet
from dpdeblur.pair import DualPixelPair, read_pair
from support.batches import (
    ENGINE,
    FakeEngine,
    WarmEngine,
    fake_run,
    no_leftovers,
    read_manifest,
    statuses,
    three_pairs,
    view,
    write_pair,
)


def test_the_engine_stays_warm_from_picture_to_picture(tmp_path: Path) -> None:
    events: list[str] = []
    three_pairs(tmp_path)
    run_batch(WarmEngine(events), plan_jobs(tmp_path, tmp_path / "out"))
    assert events == ["warm", "run", "run", "run", "cold"]


def test_results_beside_their_views_are_skipped_and_made_anew(tmp_path: Path) -> None:
    write_pair(tmp_path, "A", 1)
    run_batch(ENGINE, plan_jobs(tmp_path, tmp_path))
    assert plan_jobs(tmp_path, tmp_path).todo == ()

    def fail(*_: object) -> Restored:
        raise RuntimeError("boom")

    # The earlier result survives a failure, and is still known as one.
    again = plan_jobs(tmp_path, tmp_path, overwrite=True)
    assert run_batch(FakeEngine(fail), again).count("failed") == 1
    assert plan_jobs(tmp_path, tmp_path).todo == ()


def test_names_the_system_refuses_fail_alone(tmp_path: Path) -> None:
    write_pair(tmp_path / "in", "A", 1)
    table = tmp_path / "list.csv"
    long = "x" * 300
    table.write_text(f"A_L.png,A_R.png,{long}\n{long}.png,A_R.png,B\nA_L.png,A_R.png,C\n")
    with pytest.raises(UnreadableFileError, match="too long"):
        plan_jobs(tmp_path / long, tmp_path / "out")
    plan = plan_jobs(tmp_path / "in", tmp_path / "out", pairs=table)
    records = run_batch(ENGINE, plan).records
    assert {record.name: record.error_type for record in records} == {
        long: "UnwritableOutputError",
        "B": "UnreadableFileError",
        "C": None,
    }


# ---- run


def test_pictures_are_written_as_restored(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    events: list[Event] = []
    report = run_batch(ENGINE, plan, on_event=events.append)
    assert [record.status for record in report.records] == ["done"] * 3
    for job in plan.jobs:
        views = read_pair(job.pair.left, job.pair.right)
        written = read_picture(job.output)
        assert written.info.bit_depth == 16
        np.testing.assert_allclose(written.srgb(), views.combined(), atol=1 / 65535)
    record = report.records[0]
    assert (record.name, record.output, record.notes) == ("1", "1.png", ())
    assert record.run is not None
    assert (record.run.device, record.run.notes) == ("cpu", ("a note",))
    assert record.seconds is not None
    assert record.seconds >= 0.25
    assert no_leftovers(tmp_path)
    assert [e.record for e in events if isinstance(e, Finished)] == list(report.records)
    progress = [event for event in events if isinstance(event, Progress)]
    assert [(e.job.pair.name, e.number, e.total, e.share) for e in progress] == [
        (str(number), number, 3, share) for number in (1, 2, 3) for share in (0, 0, 1)
    ]


def test_the_real_engine_does_it_too(tmp_path: Path) -> None:
    write_pair(tmp_path / "in", "deep/A", 1)
    plan = plan_jobs(tmp_path / "in", tmp_path / "out", extension=".tif")
    model = LoadedModel(MCCNet(PAPER), {}, "untrained", "0" * 64)
    engine = Network(model, NetworkOptions(device="cpu", precision="fp32"))
    (record,) = run_batch(engine, plan).records
    assert record.status == "done"
    assert record.run is not None
    assert (record.run.device, record.run.precision) == ("cpu", "fp32")
    views = read_pair(plan.jobs[0].pair.left, plan.jobs[0].pair.right)
    expected = engine.run(views).image
    np.testing.assert_allclose(
        read_picture(tmp_path / "out/deep/A.tif").srgb(), expected, atol=1 / 65535
    )


def test_manifest_says_what_was_done_and_how(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    (tmp_path / "in/4_L.png").touch()
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    run_batch(ENGINE, plan, bit_depth=8)
    content = read_manifest(tmp_path / "out")
    assert content["schema"] == 2
    assert content["engine"] == {"name": "fake", "colour": "blue"}
    assert content["options"] == {
        "bit_depth": 8,
        "quality": None,
        "linear": False,
        "metadata": True,
        "overwrite": False,
    }
    assert content["orphans"] == [(tmp_path / "in/4_L.png").as_posix()]
    assert [entry["output"] for entry in content["pictures"]] == ["1.png", "2.png", "3.png"]
    assert read_picture(tmp_path / "out/1.png").info.bit_depth == 8


def test_failures_are_alone_and_named(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number, name in enumerate(["a", "corrupt", "engine", "good", "memory", "nan", "z"]):
        write_pair(source, name, number)
    (source / "corrupt_R.png").write_bytes((source / "corrupt_R.png").read_bytes()[:200])
    write_pair(source, "size", 8)
    write_picture(source / "size_R.png", view(9, 20, 24), overwrite=True)
    write_pair(source, "same", 10)
    (source / "same_R.png").write_bytes((source / "same_L.png").read_bytes())
    write_pair(source, "taken", 11)
    (tmp_path / "out/taken.png").mkdir(parents=True)
    plan = plan_jobs(source, tmp_path / "out")

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        name = pair.info.path.stem
        if name == "engine_L":
            raise RuntimeError("boom")
        if name == "good_L" and plan.overwrite:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        if name == "memory_L":
            raise OutOfMemoryError(2**40, 2**30)
        result = fake_run(pair, progress)
        return replace(result, samples=result.image * np.nan) if name == "nan_L" else result

    report = run_batch(FakeEngine(act), plan)
    errors = {r.name: (r.error_type, r.error) for r in report.records if r.status == "failed"}
    assert {name: kind for name, (kind, _) in errors.items()} == {
        "corrupt": "UnreadableFileError",
        "engine": "RuntimeError",
        "memory": "OutOfMemoryError",
        "nan": "InvalidPictureError",
        "same": "IdenticalViewsError",
        "size": "ShapeMismatchError",
        "taken": "UnwritableOutputError",
    }
    assert errors["engine"][1] == "Unexpected RuntimeError: boom"
    assert str(source / "corrupt_R.png") in str(errors["corrupt"][1])
    done = ["a", "good", "z"]
    assert [record.name for record in report.records if record.status == "done"] == done
    assert [report.count(status) for status in ("done", "failed", "skipped")] == [3, 7, 0]
    written = [path.name for path in (tmp_path / "out").iterdir() if path.is_file()]
    assert sorted(written) == sorted([*(f"{name}.png" for name in done), MANIFEST_NAME])
    assert statuses(tmp_path / "out") == {r.name: r.status for r in report.records}
    plan = plan_jobs(source, tmp_path / "out", overwrite=True)
    errors = {r.name: (r.error_type, r.error) for r in run_batch(FakeEngine(act), plan).records}
    assert errors["good"][1] == "Memory ran out; free some or give a smaller picture."


def test_resuming_skips_what_is_done_and_repeats_what_failed(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    broken = plan.jobs[1].pair.right
    sound = broken.read_bytes()
    broken.write_bytes(b"")
    first = run_batch(ENGINE, plan)
    assert [record.status for record in first.records] == ["done", "failed", "done"]
    before = (tmp_path / "out/1.png").stat().st_mtime_ns
    broken.write_bytes(sound)
    events: list[Event] = []
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    second = run_batch(ENGINE, plan, on_event=events.append)
    assert [record.status for record in second.records] == ["skipped", "done", "skipped"]
    assert [(e.number, e.total) for e in events if isinstance(e, Progress)] == [(1, 1)] * 3
    assert (tmp_path / "out/1.png").stat().st_mtime_ns == before
    # How the skipped ones came about is still known.
    assert statuses(tmp_path / "out") == {"1": "done", "2": "done", "3": "done"}
    assert read_manifest(tmp_path / "out")["pictures"][0]["run"]["device"] == "cpu"
    assert second.notes == ()


def test_overwrite_makes_all_anew(tmp_path: Path) -> None:
    run_batch(ENGINE, three_pairs(tmp_path))
    write_picture(tmp_path / "out/2.png", view(99), overwrite=True)
    plan = plan_jobs(tmp_path / "in", tmp_path / "out", overwrite=True)
    report = run_batch(ENGINE, plan)
    assert report.count("done") == 3
    views = read_pair(plan.jobs[1].pair.left, plan.jobs[1].pair.right)
    np.testing.assert_allclose(
        read_picture(tmp_path / "out/2.png").srgb(), views.combined(), atol=1 / 65535
    )


def test_results_of_other_weights_are_pointed_out(tmp_path: Path) -> None:
    run_batch(ENGINE, three_pairs(tmp_path))
    (tmp_path / "out/3.png").unlink()
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    report = run_batch(FakeEngine(digest="1" * 64), plan)
    assert len(report.notes) == 1
    assert report.notes[0].startswith("2 existing pictures were made")


def test_a_picture_that_was_there_without_a_record_is_skipped(tmp_path: Path) -> None:
    write_picture(tmp_path / "out/1.png", view(50))
    report = run_batch(ENGINE, three_pairs(tmp_path))
    assert statuses(tmp_path / "out") == {"1": "skipped", "2": "done", "3": "done"}
    assert report.notes == ()


def test_all_done_calls_nothing(tmp_path: Path) -> None:
    run_batch(ENGINE, three_pairs(tmp_path))

    def never(*_: object) -> Restored:
        raise AssertionError

    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    assert run_batch(FakeEngine(never), plan).count("skipped") == 3


# ---- threads


def test_reading_and_writing_overlap_with_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = three_pairs(tmp_path)
    reads = [threading.Event() for _ in range(3)]
    writes = [threading.Event() for _ in range(3)]
    network = [threading.Event() for _ in range(3)]
    me = threading.get_ident()

    def reading(left: Path, right: Path, *_: object) -> DualPixelPair:
        assert threading.get_ident() != me
        reads[int(left.stem[0]) - 1].set()
        return read_pair(left, right)

    def writing(path: Path, *args: Any, **options: Any) -> tuple[str, ...]:
        assert threading.get_ident() != me
        number = int(path.stem) - 1
        # Picture i is not written before the network has picture i + 1.
        if number < 2:
            assert network[number + 1].wait(10)
        result = write_picture(path, *args, **options)
        writes[number].set()
        return result

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        assert threading.get_ident() == me
        number = int(pair.info.path.stem[0]) - 1
        network[number].set()
        # The network waits for the next picture to be read and the last one to be written.
        if number < 2:
            assert reads[number + 1].wait(10)
        if number > 0:
            assert writes[number - 1].wait(10)
        return fake_run(pair, progress)

    monkeypatch.setattr(batch_steps, "read_photo", reading)
    monkeypatch.setattr(batch_steps, "write_picture", writing)
    report = run_batch(FakeEngine(act), plan)
    assert [record.error for record in report.records] == [None] * 3


def test_one_picture_ahead_and_one_behind_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        write_pair(tmp_path / "in", f"{number}", number)
    views_alive: weakref.WeakSet[DualPixelPair] = weakref.WeakSet()
    results_alive: weakref.WeakSet[Restored] = weakref.WeakSet()
    most = {"views": 0, "results": 0}

    def look() -> None:
        most["views"] = max(most["views"], len(views_alive))
        most["results"] = max(most["results"], len(results_alive))

    def reading(left: Path, right: Path, *_: object) -> DualPixelPair:
        views = read_pair(left, right)
        views_alive.add(views)
        look()
        return views

    def slow_writing(*args: Any, **options: Any) -> tuple[str, ...]:
        time.sleep(0.02)
        return write_picture(*args, **options)

    def act(*arguments: Any) -> Restored:
        time.sleep(0.005)
        look()
        result = fake_run(*arguments)
        results_alive.add(result)
        look()
        return result

    monkeypatch.setattr(batch_steps, "read_photo", reading)
    monkeypatch.setattr(batch_steps, "write_picture", slow_writing)
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    assert run_batch(Threads(FakeEngine(act), most=1), plan).count("done") == 8
    assert most == {"views": 2, "results": 2}


def test_more_hands_where_the_engine_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        write_pair(tmp_path / "in", f"{number:02}", number)
    lock, begun, at_once = threading.Lock(), [0, 0], [0, 0]

    def slowly(side: int, work: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*arguments: Any, **options: Any) -> Any:
            with lock:
                begun[side] += 1
                at_once[side] = max(at_once[side], begun[side])
            time.sleep(0.03)
            done = work(*arguments, **options)
            with lock:
                begun[side] -= 1
            return done

        return slow

    monkeypatch.setattr(batch_steps, "read_photo", slowly(0, batch_steps.read_photo))
    monkeypatch.setattr(batch_steps, "write_picture", slowly(1, write_picture))
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    records = run_batch(Threads(ENGINE, most=3), plan).records
    assert [record.status for record in records] == ["done"] * 40
    assert at_once[0] == 3
    assert at_once[1] in {2, 3}


def interrupt_at(name: str) -> Callable[..., Restored]:
    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        if pair.info.path.stem == f"{name}_L":
            signal.raise_signal(signal.SIGINT)
        return fake_run(pair, progress)

    return act


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes in the background of a shell are started with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_interrupt_keeps_what_is_written_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        write_pair(tmp_path / "in", f"{number}", number)
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")

    def slow_writing(*args: Any, **options: Any) -> tuple[str, ...]:
        time.sleep(0.1)
        return write_picture(*args, **options)

    monkeypatch.setattr(batch_steps, "write_picture", slow_writing)
    events: list[Event] = []
    threads = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        run_batch(FakeEngine(interrupt_at("3")), plan, on_event=events.append)
    assert set(threading.enumerate()) == threads
    assert statuses(tmp_path / "out") == {"1": "done", "2": "done"}
    assert [e.record.name for e in events if isinstance(e, Finished)] == ["1", "2"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("1.png", "2.png", MANIFEST_NAME)
    ]
    read_picture(tmp_path / "out/2.png")
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    report = run_batch(ENGINE, plan)
    assert [report.count(status) for status in ("skipped", "done")] == [2, 3]
    assert set(statuses(tmp_path / "out").values()) == {"done"}


def break_at_progress(name: str, error: Exception) -> Callable[[Event], None]:
    def watch(event: Event) -> None:
        if isinstance(event, Progress) and event.job.pair.name == name:
            raise error

    return watch


@pytest.mark.parametrize("error", [BrokenPipeError("gone"), RuntimeError("out of memory")])
def test_an_error_of_who_watches_stops_the_batch_as_it_is(tmp_path: Path, error: Exception) -> None:
    error.__cause__ = cause = ValueError("its cause")
    with pytest.raises(type(error)) as caught:
        run_batch(
            *(ENGINE, three_pairs(tmp_path)),
            on_event=break_at_progress("2", error),
        )
    assert caught.value is error
    assert error.__cause__ is cause
    # The picture that was being written is kept and known; the one in work has not failed.
    assert statuses(tmp_path / "out") == {"1": "done"}
    assert no_leftovers(tmp_path)


def test_an_engine_that_catches_errors_does_not_make_them_the_pictures(tmp_path: Path) -> None:
    def act(*arguments: Any) -> Restored:
        try:
            return fake_run(*arguments)
        except Exception as error:
            raise OutOfMemoryError(2**40, 2**30) from error

    error = BrokenPipeError("gone")
    plan = three_pairs(tmp_path)
    with pytest.raises(BrokenPipeError) as caught:
        run_batch(FakeEngine(act), plan, on_event=break_at_progress("2", error))
    assert caught.value is error
    assert statuses(tmp_path / "out") == {"1": "done"}


def test_a_second_error_while_stopping_does_not_hide_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_writing(*args: Any, **options: Any) -> tuple[str, ...]:
        time.sleep(0.1)
        return write_picture(*args, **options)

    def watch(event: Event) -> None:
        if isinstance(event, Finished) or (isinstance(event, Progress) and event.number == 2):
            raise RuntimeError(type(event).__name__)

    monkeypatch.setattr(batch_steps, "write_picture", slow_writing)
    with pytest.raises(RuntimeError, match="Progress"):
        run_batch(ENGINE, three_pairs(tmp_path), on_event=watch)
    assert statuses(tmp_path / "out") == {"1": "done"}


def test_the_first_error_is_told_and_nothing_twice(tmp_path: Path) -> None:
    finished: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, Finished):
            finished.append(event.record.name)
            raise RuntimeError(event.record.name)

    with pytest.raises(RuntimeError, match=r"^1$"):
        run_batch(ENGINE, three_pairs(tmp_path), on_event=watch)
    assert len(finished) == len(set(finished))
    assert set(statuses(tmp_path / "out").values()) == {"done"}
    done = {path.stem for path in (tmp_path / "out").glob("*.png")}
    assert done == set(statuses(tmp_path / "out"))


def test_an_error_of_the_manifest_stops_the_batch_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = UnwritableOutputError(tmp_path / MANIFEST_NAME, "the disk is full")
    add = Manifest.add

    def refuse(manifest: Manifest, *records: Record) -> None:
        add(manifest, *records)
        if records:
            raise error

    written = threading.Event()

    def writing(*args: Any, **options: Any) -> tuple[str, ...]:
        result = write_picture(*args, **options)
        written.set()
        return result

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        if pair.info.path.stem == "2_L":  # so that the first is recorded in this one's progress
            assert written.wait(10)
            time.sleep(0.05)
        return fake_run(pair, progress)

    monkeypatch.setattr(batch_steps, "write_picture", writing)
    monkeypatch.setattr(Manifest, "add", refuse)
    events: list[Event] = []
    with pytest.raises(UnwritableOutputError) as caught:
        run_batch(FakeEngine(act), three_pairs(tmp_path), on_event=events.append)
    assert caught.value is error
    assert isinstance(events[-1], Progress)
    assert events[-1].job.pair.name == "2"
    assert statuses(tmp_path / "out") == {"1": "done"}


def test_a_full_disk_ends_the_batch_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 7):
        write_pair(tmp_path / "in", f"{number}", number)
    restored: list[str] = []

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        restored.append(pair.info.path.stem)
        return fake_run(pair, progress)

    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.suffix == ".part" and len(restored) > 1 and b"IDAT" in data:
            raise OSError(28, "No space left on device")
        return write(self, data)

    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(
            DiskFullError, match="pictures still to be written need about"
        ) as caught:
            run_batch(FakeEngine(act), plan)
    assert len(restored) <= 4
    made = len(list((tmp_path / "out").glob("*.png")))
    assert caught.value.pictures == 6 - made
    assert set(statuses(tmp_path / "out").values()) <= {"done"}
    assert run_batch(ENGINE, plan_jobs(tmp_path / "in", tmp_path / "out")).count("failed") == 0


def test_one_batch_at_a_time_in_a_folder(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    second: list[BaseException] = []

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        if not second:
            with pytest.raises(UnwritableOutputError, match="another batch is at work") as caught:
                run_batch(ENGINE, plan)
            second.append(caught.value)
        return fake_run(pair, progress)

    assert run_batch(FakeEngine(act), plan).count("done") == 3
    assert len(second) == 1
    assert statuses(tmp_path / "out") == dict.fromkeys("123", "done")
    assert no_leftovers(tmp_path)


def test_results_that_have_come_meanwhile_are_no_failures(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        if pair.info.path.stem == "1_L":
            write_picture(tmp_path / "out/1.png", view(50))
        return fake_run(pair, progress)

    write_picture(tmp_path / "out/3.png", view(50))
    report = run_batch(FakeEngine(act), plan)
    assert [record.status for record in report.records] == ["skipped", "done", "skipped"]
    assert np.array_equal(read_picture(tmp_path / "out/1.png").srgb().shape, view(50).shape)


def test_damaged_results_are_made_again(tmp_path: Path) -> None:
    first = run_batch(ENGINE, three_pairs(tmp_path))
    out = tmp_path / "out"
    whole = {path.name: path.read_bytes() for path in out.glob("*.png")}
    assert [record.size for record in first.records] == [*map(len, whole.values())]
    (out / "1.png").write_bytes(b"")
    (out / "2.png").write_bytes(bytes(len(whole["2.png"])))
    (out / "3.png").write_bytes(whole["3.png"][:-20])
    plan = plan_jobs(tmp_path / "in", out)
    assert [job.replaces for job in plan.todo] == [True] * 3
    assert plan.warnings == (
        f"To be made again: damaged results, 3 in all (the first is {out / '1.png'}).",
    )
    assert run_batch(ENGINE, plan).count("done") == 3
    assert {path.name: path.read_bytes() for path in out.glob("*.png")} == whole
    assert plan_jobs(tmp_path / "in", out).warnings == ()


def test_results_of_a_batch_that_was_killed_are_known(tmp_path: Path) -> None:
    for name in "123":
        write_pair(tmp_path, name, int(name))
    plan = plan_jobs(tmp_path, tmp_path)
    planned = [job.output.name for job in plan.todo]
    Manifest(tmp_path, {}, planned=planned)  # and no record of what comes now
    write_picture(tmp_path / "1.png", view(1))
    (tmp_path / "2.png").write_bytes(b"")
    for _ in range(2):
        again = plan_jobs(tmp_path, tmp_path)
        assert [job.done for job in again.jobs] == [True, False, False]
    assert run_batch(ENGINE, again).count("done") == 2
    assert len(plan_jobs(tmp_path, tmp_path).todo) == 0
    (tmp_path / "3.png").unlink()
    assert read_manifest(tmp_path)["planned"] == ["1.png"]


def test_a_list_whose_names_say_swapped_is_pointed_out(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", 1)
    write_pair(tmp_path, "b", 2)
    table = tmp_path / "list.csv"
    table.write_text("a_R.png,a_L.png\nb_L.png,b_R.png\n")
    plan = plan_jobs(tmp_path, tmp_path / "out", pairs=table)
    swapped, sound = run_batch(ENGINE, plan).records
    left, right = tmp_path / "a_R.png", tmp_path / "a_L.png"
    assert swapped.notes == (
        f"The names say that {left} is the right view and {right} the left one; check the order.",
    )
    assert sound.notes == ()
