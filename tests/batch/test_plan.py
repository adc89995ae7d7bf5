"""What a batch is going to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dpdeblur.batch import Manifest, Record, plan_jobs, run_batch
from dpdeblur.errors import (
    MissingFileError,
    PairingError,
    UnsupportedFormatError,
    UnwritableOutputError,
)
from dpdeblur.io import write_picture
from support.batches import RUN, FakeEngine, view, write_pair
from support.trees import fill


def test_plan_keeps_the_tree_and_sees_what_is_done(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "in/results"
    write_pair(source, "day1/A.v2", 1)
    write_pair(source, "day2/B", 2, ".tif")
    write_pair(output, "old", 3)
    write_picture(output / "day2/B.png", view(4))
    (source / "C_L.png").touch()
    with Manifest(output, {}) as manifest:
        manifest.add(Record("B", "done", "", "", "day2/B.png", run=RUN))
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
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "in" / name).touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").hardlink_to(tmp_path / "in" / "a.png")
    with pytest.raises(UnwritableOutputError, match="would replace this view"):
        plan_jobs(tmp_path, tmp_path / "out", pairs=table)


def test_plan_refuses_unknown_formats_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(UnsupportedFormatError):
        plan_jobs(tmp_path / "in", tmp_path / "out", extension=".bmp")
    with pytest.raises(PairingError):
        plan_jobs(tmp_path / "in", tmp_path / "out")
    with pytest.raises(MissingFileError):
        plan_jobs(tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_plan_keeps_what_somebody_has_changed(tmp_path: Path) -> None:
    for name in "123":
        write_pair(tmp_path / "in", name, 1)
    out = tmp_path / "out"
    edited, strange, other = (out / f"{name}.png" for name in "123")
    write_picture(edited, view(1))
    record = Record("1", "done", "", "", edited.name, run=RUN, size=1, sha256="0" * 64)
    with Manifest(out, {}) as manifest:
        manifest.add(record, replace(record, output=strange.name))
    strange.write_bytes(b"RIFF another format")
    other.write_bytes(edited.read_bytes()[:-20])  # damaged, but not known as ours
    plan = plan_jobs(tmp_path / "in", out)
    assert [(job.output, job.blocked) for job in plan.todo] == [(strange, True)]
    assert plan.warnings == (
        "Left as they are: results changed since they were made, 1 in all (the first is "
        f"{edited}).",
        f"Left as they are: results that cannot be read, 1 in all (the first is {other}).",
        f"In the way of results: files that are not pictures, 1 in all (the first is {strange}).",
    )
    report = run_batch(FakeEngine(), plan)
    assert [record.status for record in report.records] == ["skipped", "failed", "skipped"]
    assert "delete it or move it away" in str(report.records[1].error)
    assert strange.read_bytes() == b"RIFF another format"
    report = run_batch(FakeEngine(), plan_jobs(tmp_path / "in", out, overwrite=True))
    assert report.count("done") == 3


def test_pictures_that_are_not_recognised_are_pointed_out(tmp_path: Path) -> None:
    write_pair(tmp_path, "A", 1)
    fill(tmp_path, "A_GT.png", "A.png", "A_sharp.png", "IMG_1.jpg", "IMG_1.CR2", "x/target/1.png")
    assert plan_jobs(tmp_path, tmp_path / "out").warnings == ()
    fill(tmp_path, "web_L.bmp")
    (warning,) = plan_jobs(tmp_path, tmp_path / "out").warnings
    path = tmp_path / "web_L.bmp"
    assert warning == f"1 other picture was not recognised as a view: {path}."
    fill(tmp_path, "IMG_1 (L).png", "IMG_1 (R).png", "X_B.png")
    (warning,) = plan_jobs(tmp_path, tmp_path / "out").warnings
    some = ", ".join(str(tmp_path / name) for name in ("IMG_1 (L).png", "IMG_1 (R).png", "X_B.png"))
    assert warning == (f"4 other pictures were not recognised as views, for example {some}.")


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
