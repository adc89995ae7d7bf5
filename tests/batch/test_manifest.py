"""The record of a batch: never lost, never another program's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dpdeblur.batch import MANIFEST_NAME, Manifest, Record, run_batch
from dpdeblur.errors import UnreadableFileError, UnwritableOutputError
from support.batches import ENGINE, RUN, statuses, three_pairs


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "{}", '{"schema": 3, "pictures": []}', '{"schema": 1}', "\xff", "[" * 10**5),
        '{"schema": 1, "pictures": 7}',
        '{"schema": 1, "pictures": [{"name": "no more"}]}',
        *(
            json.dumps({"schema": schema, "pictures": [vars(Record("1", "done", *"lro")) | wrong]})
            for schema, wrong in (
                *((2, wrong) for wrong in ({"output": 1}, {"name": None}, {"status": "fine"})),
                *((2, wrong) for wrong in ({"status": []}, {"notes": "abc"}, {"notes": [1]})),
                *((2, wrong) for wrong in ({"raw": 1}, {"run": 1}, {"run": {"engine": "mccnet"}})),
                *((2, {"seconds": number}) for number in (float("nan"), float("inf"), "1 s")),
                (2, {"run": vars(replace(RUN, seconds=float("nan")))}),
                (2, {"run": vars(replace(RUN, settings={"radii": [float("inf")]}))}),
                *((1, {"weights": 1}), (1, {"weights": "1", "strips": "one"})),
            )
        ),
    ],
)
def test_a_batch_json_of_others_is_not_touched(tmp_path: Path, text: str) -> None:
    plan = three_pairs(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST_NAME).write_text(text, "latin-1")
    with pytest.raises(UnreadableFileError, match=MANIFEST_NAME):
        run_batch(ENGINE, plan)
    assert (tmp_path / "out" / MANIFEST_NAME).read_text("latin-1") == text
    assert not (tmp_path / "out/1.png").exists()


def test_an_output_folder_that_cannot_be_is_told_before_the_work(tmp_path: Path) -> None:
    plan = three_pairs(tmp_path)
    (tmp_path / "out").touch()
    with pytest.raises(UnwritableOutputError):
        run_batch(ENGINE, plan)


def test_records_survive_names_that_are_no_text(tmp_path: Path) -> None:
    record = Record("caf\udce9", "done", "caf\udce9_L.png", "ü_R.png", "caf\udce9.png", seconds=1.5)
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(record)
    assert Manifest(tmp_path, {}).records == (record,)


def test_names_in_the_file_are_safe_to_show(tmp_path: Path) -> None:
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(Record("a\x9b\u202eb", "done", "l", "r", "a.png"))
    assert (tmp_path / MANIFEST_NAME).read_bytes().isascii()


def test_a_failure_keeps_how_the_result_that_is_there_was_made(tmp_path: Path) -> None:
    made = Record("1", "done", "1.CR2", None, "1.png", run=RUN, raw={"size": 1680})
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(made)
    with Manifest(tmp_path, {}) as manifest:
        manifest.add(Record("1", "failed", "1.CR2", None, "1.png", error="It failed."))
    (record,) = Manifest(tmp_path, {}).records
    assert (record.status, record.run, record.raw) == ("failed", made.run, made.raw)


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


def test_a_manifest_of_the_first_schema_is_understood(tmp_path: Path) -> None:
    row = {"name": "1", "status": "done", "left": "1_L.png", "right": "1_R.png", "output": "1.png"}
    how = {"weights": "w", "device": "cpu", "precision": "fp32", "strip_height": 18, "strips": 2}
    rows = [row | how | {"seconds": 2.5, "peak_memory": None, "notes": ["a note"]}]
    rows += [row | {"output": "2.png", "status": "failed", "error": "It failed."}]
    text = json.dumps({"schema": 1, "pictures": rows})
    (tmp_path / MANIFEST_NAME).write_text(text, "utf-8")
    first, second = Manifest(tmp_path, {}).records
    assert first.run == replace(RUN, tiles=2, tile_size=None)
    assert first.notes == ("a note",)
    assert (second.run, second.error) == (None, "It failed.")
