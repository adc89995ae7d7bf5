"""The batch: every pair once, failures alone, nothing half done, three pictures in memory."""

from __future__ import annotations

import json
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
from numpy.typing import NDArray

import dpdeblur.batch.run as batch_run
from dpdeblur.batch import (
    MANIFEST_NAME,
    Event,
    Finished,
    Manifest,
    Plan,
    Progress,
    Record,
    Started,
    plan_jobs,
    run_batch,
)
from dpdeblur.engines import ProgressCallback, Restored, RestoreOptions
from dpdeblur.engines import restore as real_restore
from dpdeblur.errors import (
    MissingFileError,
    OutOfMemoryError,
    PairingError,
    UnreadableFileError,
    UnsupportedFormatError,
    UnwritableOutputError,
)
from dpdeblur.io import read_picture, read_views, write_picture
from dpdeblur.io.picture import FileViews
from dpdeblur.models import PAPER, LoadedModel, MCCNet

MODEL = LoadedModel(MCCNet(PAPER), {}, "untrained", "0" * 64)


def view(seed: int, height: int = 18, width: int = 24) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def write_pair(folder: Path, name: str, seed: int, extension: str = ".png") -> None:
    for side, extra in (("L", 0), ("R", 1000)):
        write_picture(folder / f"{name}_{side}{extension}", view(seed + extra))


def fake_restore(
    model: LoadedModel,
    views: FileViews,
    options: RestoreOptions,
    progress: ProgressCallback | None,
) -> Restored:
    """The combined picture, with what a real engine reports; instant."""
    rows = len(views.left)
    for done in (0, rows):
        if progress is not None:
            progress(done, rows)
    return Restored(views.combined(), "cpu", "fp32", 24, 1, 0.25, None, ("a note",))


def read_manifest(folder: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    content = json.loads((folder / MANIFEST_NAME).read_text("utf-8"), parse_constant=refuse)
    assert isinstance(content, dict)
    return content


def statuses(folder: Path) -> dict[str, str]:
    return {entry["name"]: entry["status"] for entry in read_manifest(folder)["pictures"]}


def no_leftovers(folder: Path) -> bool:
    return not any(path.name.startswith(".") for path in folder.rglob("*"))


def three_pairs(tmp_path: Path) -> Plan:
    for number in (1, 2, 3):
        write_pair(tmp_path / "in", f"{number}", number)
    return plan_jobs(tmp_path / "in", tmp_path / "out")


# ---- plan


def test_plan_keeps_the_tree_and_sees_what_is_done(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "in/results"
    write_pair(source, "day1/A.v2", 1)
    write_pair(source, "day2/B", 2, ".tif")
    write_pair(output, "old", 3)
    write_picture(output / "day2/B.png", view(4))
    (source / "C_L.png").touch()
    with Manifest(output, {}) as manifest:
        manifest.add(Record("B", "done", "", "", "day2/B.png", weights="1"))
    plan = plan_jobs(source, output)
    assert [(job.pair.name, job.output, job.done) for job in plan.jobs] == [
        ("day1/A.v2", output / "day1/A.v2.png", False),
        ("day2/B", output / "day2/B.png", True),
    ]
    assert [job.pair.name for job in plan.todo] == ["day1/A.v2"]
    assert plan.orphans == (source / "C_L.png",)
    assert len(plan_jobs(source, output, overwrite=True).todo) == 2
    endings = [job.output.name for job in plan_jobs(source, output, extension=None).jobs]
    assert endings == ["A.v2.png", "B.tif"]


def test_plan_from_a_list(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("left,right,name\na.png,b.png,x/one\n")
    (job,) = plan_jobs(tmp_path, tmp_path / "out", pairs=table).jobs
    with pytest.raises(MissingFileError):
        plan_jobs(tmp_path / "none", tmp_path / "out", pairs=table)
    assert (job.pair.left, job.output) == (tmp_path / "a.png", tmp_path / "out/x/one.png")


def test_plan_never_replaces_a_view(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("in/a.png,in/b.png,b\n")
    with pytest.raises(UnwritableOutputError, match="would replace this view"):
        plan_jobs(tmp_path, tmp_path / "x/../in", pairs=table, overwrite=True)
    assert plan_jobs(tmp_path, tmp_path / "in", pairs=table, extension=".tif").jobs


def test_plan_refuses_unknown_formats_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(UnsupportedFormatError):
        plan_jobs(tmp_path / "in", tmp_path / "out", extension=".bmp")
    with pytest.raises(PairingError):
        plan_jobs(tmp_path / "in", tmp_path / "out")
    with pytest.raises(MissingFileError):
        plan_jobs(tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_plan_never_takes_the_users_photograph_for_a_result(
    tmp_path: Path, overwrite: bool
) -> None:
    write_pair(tmp_path, "A", 1)
    write_pair(tmp_path, "day/B", 2)
    write_picture(tmp_path / "day/B.png", view(3))
    with pytest.raises(UnwritableOutputError, match=r"day/B\.png.*choose another output folder"):
        plan_jobs(tmp_path, tmp_path, overwrite=overwrite)
    # A record that it was skipped does not make it ours.
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(Record("day/B", "skipped", "l", "r", "day/B.png"))
    with pytest.raises(UnwritableOutputError):
        plan_jobs(tmp_path, tmp_path / "day/..", overwrite=overwrite)
    assert len(plan_jobs(tmp_path, tmp_path / "out").todo) == 2


def test_results_beside_their_views_are_skipped_and_made_anew(tmp_path: Path) -> None:
    write_pair(tmp_path, "A", 1)
    run_batch(MODEL, plan_jobs(tmp_path, tmp_path), restore=fake_restore)
    assert plan_jobs(tmp_path, tmp_path).todo == ()

    def fail(*_: object) -> Restored:
        raise RuntimeError("boom")

    # The earlier result survives a failure, and is still known as one.
    again = plan_jobs(tmp_path, tmp_path, overwrite=True)
    assert run_batch(MODEL, again, restore=fail).count("failed") == 1
    assert plan_jobs(tmp_path, tmp_path).todo == ()


def test_names_the_system_refuses_fail_alone(tmp_path: Path) -> None:
    write_pair(tmp_path / "in", "A", 1)
    table = tmp_path / "list.csv"
    long = "x" * 300
    table.write_text(f"A_L.png,A_R.png,{long}\n{long}.png,A_R.png,B\nA_L.png,A_R.png,C\n")
    with pytest.raises(UnreadableFileError, match="too long"):
        plan_jobs(tmp_path / long, tmp_path / "out")
    plan = plan_jobs(tmp_path / "in", tmp_path / "out", pairs=table)
    records = run_batch(MODEL, plan, restore=fake_restore).records
    assert {record.name: record.error_type for record in records} == {
        long: "UnwritableOutputError",
        "B": "UnreadableFileError",
        "C": None,
    }


# ---- run


def test_pictures_are_written_as_restored(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    events: list[Event] = []
    report = run_batch(MODEL, plan, on_event=events.append, restore=fake_restore)
    assert [record.status for record in report.records] == ["done"] * 3
    for job in plan.jobs:
        views = read_views(job.pair.left, job.pair.right)
        written = read_picture(job.output)
        assert written.info.bit_depth == 16
        np.testing.assert_allclose(written.pixels, views.combined(), atol=1 / 65535)
    record = report.records[0]
    assert (record.name, record.output, record.device, record.notes) == (
        *("1", "1.png", "cpu", ("a note",)),
    )
    assert record.seconds is not None
    assert record.seconds >= 0.25
    assert no_leftovers(tmp_path)
    started = [event for event in events if isinstance(event, Started)]
    assert [(e.job.pair.name, e.number, e.total) for e in started] == [
        *(("1", 1, 3), ("2", 2, 3), ("3", 3, 3)),
    ]
    assert [e.record for e in events if isinstance(e, Finished)] == list(report.records)
    assert [(e.rows_done, e.rows) for e in events if isinstance(e, Progress)] == [
        (0, 18),
        (18, 18),
    ] * 3


def test_the_real_engine_does_it_too(tmp_path: Path) -> None:
    write_pair(tmp_path / "in", "deep/A", 1)
    plan = plan_jobs(tmp_path / "in", tmp_path / "out", extension=".tif")
    options = RestoreOptions(device="cpu", precision="fp32")
    (record,) = run_batch(MODEL, plan, options).records
    assert (record.status, record.device, record.precision) == ("done", "cpu", "fp32")
    views = read_views(plan.jobs[0].pair.left, plan.jobs[0].pair.right)
    expected = real_restore(MODEL, views, options).pixels
    np.testing.assert_allclose(
        read_picture(tmp_path / "out/deep/A.tif").pixels, expected, atol=1 / 65535
    )


def test_manifest_says_what_was_done_and_how(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    (tmp_path / "in/4_L.png").touch()
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    run_batch(MODEL, plan, RestoreOptions(max_memory=10**9), bit_depth=8, restore=fake_restore)
    content = read_manifest(tmp_path / "out")
    assert content["schema"] == 1
    assert content["weights"] == {"name": "untrained", "sha256": "0" * 64}
    assert content["options"] == {
        "device": "auto",
        "precision": "auto",
        "max_memory": 10**9,
        "strip_height": None,
        "ensemble": False,
        "bit_depth": 8,
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

    def restore(
        model: LoadedModel,
        views: FileViews,
        options: RestoreOptions,
        progress: ProgressCallback | None,
    ) -> Restored:
        name = views.source.path.stem
        if name == "engine_L":
            raise RuntimeError("boom")
        if name == "memory_L":
            raise OutOfMemoryError(2**40, 2**30)
        result = fake_restore(model, views, options, progress)
        return replace(result, pixels=result.pixels * np.nan) if name == "nan_L" else result

    report = run_batch(MODEL, plan, restore=restore)
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


def test_resuming_skips_what_is_done_and_repeats_what_failed(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    broken = plan.jobs[1].pair.right
    sound = broken.read_bytes()
    broken.write_bytes(b"")
    first = run_batch(MODEL, plan, restore=fake_restore)
    assert [record.status for record in first.records] == ["done", "failed", "done"]
    before = (tmp_path / "out/1.png").stat().st_mtime_ns
    broken.write_bytes(sound)
    events: list[Event] = []
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    second = run_batch(MODEL, plan, on_event=events.append, restore=fake_restore)
    assert [record.status for record in second.records] == ["skipped", "done", "skipped"]
    assert [(e.number, e.total) for e in events if isinstance(e, Started)] == [(1, 1)]
    assert (tmp_path / "out/1.png").stat().st_mtime_ns == before
    # How the skipped ones came about is still known.
    assert statuses(tmp_path / "out") == {"1": "done", "2": "done", "3": "done"}
    assert read_manifest(tmp_path / "out")["pictures"][0]["device"] == "cpu"
    assert second.notes == ()


def test_overwrite_makes_all_anew(tmp_path: Path) -> None:
    run_batch(MODEL, three_pairs(tmp_path), restore=fake_restore)
    write_picture(tmp_path / "out/2.png", view(99), overwrite=True)
    plan = plan_jobs(tmp_path / "in", tmp_path / "out", overwrite=True)
    report = run_batch(MODEL, plan, restore=fake_restore)
    assert report.count("done") == 3
    views = read_views(plan.jobs[1].pair.left, plan.jobs[1].pair.right)
    np.testing.assert_allclose(
        read_picture(tmp_path / "out/2.png").pixels, views.combined(), atol=1 / 65535
    )


def test_results_of_other_weights_are_pointed_out(tmp_path: Path) -> None:
    run_batch(MODEL, three_pairs(tmp_path), restore=fake_restore)
    (tmp_path / "out/3.png").unlink()
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    report = run_batch(replace(MODEL, sha256="1" * 64), plan, restore=fake_restore)
    assert len(report.notes) == 1
    assert report.notes[0].startswith("2 of the pictures")


def test_a_picture_that_was_there_without_a_record_is_skipped(tmp_path: Path) -> None:
    write_picture(tmp_path / "out/1.png", view(50))
    report = run_batch(MODEL, three_pairs(tmp_path), restore=fake_restore)
    assert statuses(tmp_path / "out") == {"1": "skipped", "2": "done", "3": "done"}
    assert report.notes == ()


def test_all_done_calls_nothing(tmp_path: Path) -> None:
    run_batch(MODEL, three_pairs(tmp_path), restore=fake_restore)

    def never(*_: object) -> Restored:
        raise AssertionError

    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    assert run_batch(MODEL, plan, restore=never).count("skipped") == 3


# ---- threads


def test_reading_and_writing_overlap_with_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = three_pairs(tmp_path)
    reads = [threading.Event() for _ in range(3)]
    writes = [threading.Event() for _ in range(3)]
    network = [threading.Event() for _ in range(3)]
    me = threading.get_ident()

    def reading(left: Path, right: Path) -> FileViews:
        assert threading.get_ident() != me
        reads[int(left.stem[0]) - 1].set()
        return read_views(left, right)

    def writing(path: Path, *args: Any, **options: Any) -> tuple[str, ...]:
        assert threading.get_ident() != me
        number = int(path.stem) - 1
        # Picture i is not written before the network has picture i + 1.
        if number < 2:
            assert network[number + 1].wait(10)
        result = write_picture(path, *args, **options)
        writes[number].set()
        return result

    def restore(
        model: LoadedModel,
        views: FileViews,
        options: RestoreOptions,
        progress: ProgressCallback | None,
    ) -> Restored:
        assert threading.get_ident() == me
        number = int(views.source.path.stem[0]) - 1
        network[number].set()
        # The network waits for the next picture to be read and the last one to be written.
        if number < 2:
            assert reads[number + 1].wait(10)
        if number > 0:
            assert writes[number - 1].wait(10)
        return fake_restore(model, views, options, progress)

    monkeypatch.setattr(batch_run, "read_views", reading)
    monkeypatch.setattr(batch_run, "write_picture", writing)
    report = run_batch(MODEL, plan, restore=restore)
    assert [record.error for record in report.records] == [None] * 3


def test_one_picture_ahead_and_one_behind_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        write_pair(tmp_path / "in", f"{number}", number)
    views_alive: weakref.WeakSet[FileViews] = weakref.WeakSet()
    results_alive: weakref.WeakSet[Restored] = weakref.WeakSet()
    most = {"views": 0, "results": 0}

    def look() -> None:
        most["views"] = max(most["views"], len(views_alive))
        most["results"] = max(most["results"], len(results_alive))

    def reading(left: Path, right: Path) -> FileViews:
        views = read_views(left, right)
        views_alive.add(views)
        look()
        return views

    def slow_writing(*args: Any, **options: Any) -> tuple[str, ...]:
        time.sleep(0.02)
        return write_picture(*args, **options)

    def restore(*arguments: Any) -> Restored:
        time.sleep(0.005)
        look()
        result = fake_restore(*arguments)
        results_alive.add(result)
        look()
        return result

    monkeypatch.setattr(batch_run, "read_views", reading)
    monkeypatch.setattr(batch_run, "write_picture", slow_writing)
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    assert run_batch(MODEL, plan, restore=restore).count("done") == 8
    assert most == {"views": 2, "results": 2}


def interrupt_at(name: str) -> Callable[..., Restored]:
    def restore(
        model: LoadedModel,
        views: FileViews,
        options: RestoreOptions,
        progress: ProgressCallback | None,
    ) -> Restored:
        if views.source.path.stem == f"{name}_L":
            signal.raise_signal(signal.SIGINT)
        return fake_restore(model, views, options, progress)

    return restore


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

    monkeypatch.setattr(batch_run, "write_picture", slow_writing)
    events: list[Event] = []
    threads = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        run_batch(MODEL, plan, on_event=events.append, restore=interrupt_at("3"))
    assert set(threading.enumerate()) == threads
    assert statuses(tmp_path / "out") == {"1": "done", "2": "done"}
    assert [e.record.name for e in events if isinstance(e, Finished)] == ["1", "2"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("1.png", "2.png", MANIFEST_NAME)
    ]
    read_picture(tmp_path / "out/2.png")
    plan = plan_jobs(tmp_path / "in", tmp_path / "out")
    report = run_batch(MODEL, plan, restore=fake_restore)
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
            *(MODEL, three_pairs(tmp_path)),
            on_event=break_at_progress("2", error),
            restore=fake_restore,
        )
    assert caught.value is error
    assert error.__cause__ is cause
    # The picture that was being written is kept and known; the one in work has not failed.
    assert statuses(tmp_path / "out") == {"1": "done"}
    assert no_leftovers(tmp_path)


def test_an_engine_that_catches_errors_does_not_make_them_the_pictures(tmp_path: Path) -> None:
    def restore(*arguments: Any) -> Restored:
        try:
            return fake_restore(*arguments)
        except Exception as error:
            raise OutOfMemoryError(2**40, 2**30) from error

    error = BrokenPipeError("gone")
    plan = three_pairs(tmp_path)
    with pytest.raises(BrokenPipeError) as caught:
        run_batch(MODEL, plan, on_event=break_at_progress("2", error), restore=restore)
    assert caught.value is error
    assert statuses(tmp_path / "out") == {"1": "done"}


def test_a_second_error_while_stopping_does_not_hide_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_writing(*args: Any, **options: Any) -> tuple[str, ...]:
        time.sleep(0.1)
        return write_picture(*args, **options)

    def watch(event: Event) -> None:
        if isinstance(event, Finished) or (isinstance(event, Started) and event.number == 2):
            raise RuntimeError(type(event).__name__)

    monkeypatch.setattr(batch_run, "write_picture", slow_writing)
    with pytest.raises(RuntimeError, match="Started"):
        run_batch(MODEL, three_pairs(tmp_path), on_event=watch, restore=fake_restore)
    assert statuses(tmp_path / "out") == {"1": "done"}


def test_the_first_error_is_told_and_nothing_twice(tmp_path: Path) -> None:
    finished: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, Finished):
            finished.append(event.record.name)
            raise RuntimeError(event.record.name)

    with pytest.raises(RuntimeError, match=r"^1$"):
        run_batch(MODEL, three_pairs(tmp_path), on_event=watch, restore=fake_restore)
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

    def restore(
        model: LoadedModel,
        views: FileViews,
        options: RestoreOptions,
        progress: ProgressCallback | None,
    ) -> Restored:
        if views.source.path.stem == "2_L":  # so that the first is recorded in this one's progress
            assert written.wait(10)
            time.sleep(0.05)
        return fake_restore(model, views, options, progress)

    monkeypatch.setattr(batch_run, "write_picture", writing)
    monkeypatch.setattr(Manifest, "add", refuse)
    events: list[Event] = []
    with pytest.raises(UnwritableOutputError) as caught:
        run_batch(MODEL, three_pairs(tmp_path), on_event=events.append, restore=restore)
    assert caught.value is error
    assert isinstance(events[-1], Progress)
    assert events[-1].job.pair.name == "2"
    assert statuses(tmp_path / "out") == {"1": "done"}


def test_a_list_whose_names_say_swapped_is_pointed_out(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", 1)
    write_pair(tmp_path, "b", 2)
    table = tmp_path / "list.csv"
    table.write_text("a_R.png,a_L.png\nb_L.png,b_R.png\n")
    plan = plan_jobs(tmp_path, tmp_path / "out", pairs=table)
    swapped, sound = run_batch(MODEL, plan, restore=fake_restore).records
    left, right = tmp_path / "a_R.png", tmp_path / "a_L.png"
    assert swapped.notes == (
        f"By their names, {left} is the right view and {right} the left one.",
        "a note",
    )
    assert sound.notes == ("a note",)


# ---- manifest


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "{}", '{"schema": 2, "pictures": []}', '{"schema": 1}', "\xff", "[" * 10**5),
        '{"schema": 1, "pictures": 7}',
        '{"schema": 1, "pictures": [{"name": "no more"}]}',
        *(
            json.dumps({"schema": 1, "pictures": [vars(Record("1", "done", *"lro")) | wrong]})
            for wrong in (
                *({"output": 1}, {"name": None}, {"status": "fine"}, {"status": []}),
                *({"notes": "abc"}, {"notes": [1]}, {"weights": 1}, {"strips": "1"}, {"raw": 1}),
                *({"seconds": float("nan")}, {"seconds": float("inf")}, {"seconds": "1"}),
            )
        ),
    ],
)
def test_a_batch_json_of_others_is_not_touched(tmp_path: Path, text: str) -> None:
    plan = three_pairs(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST_NAME).write_text(text, "latin-1")
    with pytest.raises(UnreadableFileError, match=MANIFEST_NAME):
        run_batch(MODEL, plan, restore=fake_restore)
    assert (tmp_path / "out" / MANIFEST_NAME).read_text("latin-1") == text
    assert not (tmp_path / "out/1.png").exists()


def test_an_output_folder_that_cannot_be_is_told_before_the_work(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    (tmp_path / "out").touch()
    with pytest.raises(UnwritableOutputError):
        run_batch(MODEL, plan, restore=fake_restore)


def test_records_survive_names_that_are_no_text(tmp_path: Path) -> None:
    record = Record("caf\udce9", "done", "caf\udce9_L.png", "ü_R.png", "caf\udce9.png", seconds=1.5)
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(record)
    assert Manifest(tmp_path, {}).records == (record,)


def test_a_failure_keeps_how_the_result_that_is_there_was_made(tmp_path: Path) -> None:
    made = Record("1", "done", "1.CR2", None, "1.png", weights="w", raw={"size": 1680})
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(made)
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(Record("1", "failed", "1.CR2", None, "1.png", error="It failed."))
    (record,) = Manifest(tmp_path, {}).records
    assert (record.status, record.weights, record.raw) == ("failed", made.weights, made.raw)


def test_records_of_other_runs_and_later_versions_fields_are_kept_apart(tmp_path: Path) -> None:
    old = Record("old", "failed", "l", "r", "old.png", error="It failed.")
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(old)
    path = tmp_path / MANIFEST_NAME
    content = json.loads(path.read_text("utf-8"))
    content["pictures"][0]["a field to come"] = 1
    path.write_text(json.dumps(content), "utf-8")
    new = Record("new", "done", "l", "r", "new.png")
    with Manifest(tmp_path, {"weights": "new"}) as manifest:
        manifest.add(new)
    assert Manifest(tmp_path, {}).records == (new, old)


def test_the_file_is_written_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    first, second = (Record(name, "done", "l", "r", f"{name}.png") for name in "12")
    with Manifest(tmp_path, {}, interval=1000) as manifest:
        assert statuses(tmp_path) == {}
        manifest.add(first)
        manifest.add(second)
        assert statuses(tmp_path) == {}
    assert statuses(tmp_path) == {"1": "done", "2": "done"}
    with Manifest(tmp_path, {}, interval=0) as manifest:
        manifest.add(replace(first, status="failed"))
        assert statuses(tmp_path) == {"1": "failed", "2": "done"}


@pytest.mark.parametrize("ending", [KeyboardInterrupt, RuntimeError])
def test_records_are_kept_whatever_ends_the_work(
    tmp_path: Path, ending: type[BaseException]
) -> None:
    record = Record("1", "done", "l", "r", "1.png")

    def work() -> None:
        with Manifest(tmp_path / "out", {}, interval=1000) as manifest:
            manifest.add(record)
            raise ending

    with pytest.raises(ending):
        work()
    assert statuses(tmp_path / "out") == {"1": "done"}


def test_a_manifest_that_cannot_be_written_at_the_end_is_told(tmp_path: Path) -> None:
    def work(ending: BaseException | None) -> None:
        folder = tmp_path / f"{ending!r}"
        with Manifest(folder, {}, interval=1000) as manifest:
            manifest.add(Record("1", "done", "l", "r", "1.png"))
            (folder / MANIFEST_NAME).unlink()
            (folder / MANIFEST_NAME).mkdir()
            if ending:
                raise ending

    with pytest.raises(UnwritableOutputError):
        work(None)
    with pytest.raises(KeyboardInterrupt):
        work(KeyboardInterrupt())
