"""Files are read whole, written whole or not at all, and never over an input."""

from __future__ import annotations

import os
import stat
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from dpdeblur.errors import (
    DiskFullError,
    DPDeblurError,
    MissingFileError,
    OutputExistsError,
    UnreadableFileError,
    UnsupportedFormatError,
    UnwritableOutputError,
)
from dpdeblur.io.atomic import FileSet, check_writable, read_at_most, read_whole, write_whole

as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestReadWhole:
    def test_all_bytes(self, tmp_path: Path) -> None:
        data = bytes(range(256)) * 50
        (tmp_path / "a.PNG").write_bytes(data)
        assert read_whole(tmp_path / "a.PNG") == data
        assert read_whole(tmp_path / "a.PNG", (".tif", ".png")) == data

    def test_links_are_followed(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"data")
        (tmp_path / "b.png").symlink_to("a.png")
        assert read_whole(tmp_path / "b.png") == b"data"

    @pytest.mark.parametrize(
        ("name", "error", "says"),
        [
            ("none.png", MissingFileError, "none.png"),
            ("empty.png/below.png", MissingFileError, "below.png"),
            ("dangling.png", MissingFileError, "dangling.png"),
            ("folder.png", UnreadableFileError, "it is a folder"),
            ("pipe.png", UnreadableFileError, "not an ordinary file"),
            ("empty.png", UnreadableFileError, "it is empty"),
            ("note.txt", UnsupportedFormatError, "note.txt"),
            ("circle.png", UnreadableFileError, "symbolic link"),
            ("null\0.png", UnreadableFileError, "null"),
            ("x" * 300 + ".png", UnreadableFileError, "too long"),
        ],
    )
    def test_what_is_no_file(
        self, tmp_path: Path, name: str, error: type[DPDeblurError], says: str
    ) -> None:
        (tmp_path / "folder.png").mkdir()
        os.mkfifo(tmp_path / "pipe.png")
        (tmp_path / "empty.png").touch()
        (tmp_path / "note.txt").write_text("note")
        (tmp_path / "dangling.png").symlink_to("nowhere")
        (tmp_path / "circle.png").symlink_to("circle.png")
        with pytest.raises(error, match=says):
            read_whole(tmp_path / name, (".png",))


class TestWriteWhole:
    def test_folders_are_made_and_nothing_else_is_left(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "a.bin"
        write_whole(path, b"one")
        assert path.read_bytes() == b"one"
        assert names(path.parent) == ["a.bin"]
        write_whole(path, b"two")
        assert path.read_bytes() == b"two"
        assert names(path.parent) == ["a.bin"]

    def test_a_file_that_is_there_stays_unless_told(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"old")
        with pytest.raises(OutputExistsError):
            write_whole(path, b"new", overwrite=False)
        assert path.read_bytes() == b"old"
        assert names(tmp_path) == ["a.bin"]

    def test_a_write_that_fails_leaves_the_old_file_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"old")
        write = Path.write_bytes

        def disk_full(self: Path, data: bytes) -> int:
            write(self, data[:2])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", disk_full)
        with pytest.raises(
            DiskFullError, match=r"the disk is full; it needs 2\.00 MiB, and "
        ) as caught:
            write_whole(path, bytes(2**21))
        assert caught.value.needed == 2**21
        assert path.read_bytes() == b"old"
        assert names(tmp_path) == ["a.bin"]

    def test_it_is_on_the_disk_before_it_has_its_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "new" / "a.bin"
        done: list[str] = []
        replace, flush = Path.replace, os.fsync

        def replacing(self: Path, target: Path) -> Path:
            done.append("rename")
            return replace(self, target)

        def flushing(handle: int) -> None:
            found = os.fstat(handle)
            folders = {each.stat().st_ino: each.name for each in (tmp_path, path.parent)}
            done.append(folders.get(found.st_ino, f"file of {found.st_size}"))
            flush(handle)

        monkeypatch.setattr(Path, "replace", replacing)
        monkeypatch.setattr(os, "fsync", flushing)
        write_whole(path, b"data")
        assert done == [tmp_path.name, "file of 4", "rename", "new"]

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
    def test_a_new_file_has_the_permissions_of_the_old_one(self, tmp_path: Path, mode: int) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"old")
        path.chmod(mode)
        write_whole(path, b"new")
        assert path.read_bytes() == b"new"
        assert stat.S_IMODE(path.stat().st_mode) == mode

    def test_what_is_no_ordinary_file_stays(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "null").symlink_to(os.devnull)
        for path in (tmp_path / "pipe", tmp_path / "null"):
            with pytest.raises(UnwritableOutputError, match="pipe or device"):
                check_writable(path, overwrite=True)
            with pytest.raises(UnwritableOutputError, match="pipe or device"):
                write_whole(path, b"new")
        assert names(tmp_path) == ["null", "pipe"]
        assert (tmp_path / "pipe").is_fifo()
        assert (tmp_path / "null").is_symlink()

    def test_a_folder_that_is_a_link_to_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("nowhere")
        with pytest.raises(UnwritableOutputError, match="link is not a folder"):
            check_writable(tmp_path / "link" / "a.png", overwrite=True)

    def test_an_interrupt_leaves_nothing_behind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(self: Path, target: Path) -> Path:
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_whole(tmp_path / "a.bin", b"new")
        assert names(tmp_path) == []

    def test_readers_never_see_half_of_it(self, tmp_path: Path) -> None:
        path, size = tmp_path / "a.bin", 1 << 20
        contents = [bytes([n]) * size for n in (1, 2)]
        path.write_bytes(contents[0])
        done, seen = threading.Event(), set()

        def read() -> None:
            while not done.is_set():
                data = path.read_bytes()
                seen.add((len(data), data[0], data[-1]))

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(20):
            write_whole(path, contents[number % 2])
        done.set()
        reader.join()
        assert seen
        assert seen <= {(size, 1, 1), (size, 2, 2)}

    def test_what_cannot_be_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"data")
        with pytest.raises(UnwritableOutputError):
            write_whole(tmp_path / "file" / "a.bin", b"new")
        with pytest.raises(UnwritableOutputError):
            write_whole(tmp_path, b"new")
        assert names(tmp_path) == ["file"]


class TestCheckPlace:
    def test_it_writes_nothing(self, tmp_path: Path) -> None:
        check_writable(tmp_path / "new" / "folder" / "a.png", overwrite=False)
        assert names(tmp_path) == []

    def test_the_name_must_end_in_one_of_the_extensions(self, tmp_path: Path) -> None:
        check_writable(tmp_path / "a.PNG", overwrite=False, extensions=(".npz", ".png"))
        with pytest.raises(UnsupportedFormatError, match=r"one of \.npz"):
            check_writable(tmp_path / "a.png", overwrite=False, extensions=(".npz",))

    def test_a_file_that_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").touch()
        check_writable(tmp_path / "a.png", overwrite=True)
        with pytest.raises(OutputExistsError):
            check_writable(tmp_path / "a.png", overwrite=False)

    @pytest.mark.parametrize(
        "link",
        [
            lambda path, source: path.symlink_to(source.name),
            lambda path, source: path.hardlink_to(source),
        ],
        ids=["symbolic", "hard"],
    )
    def test_inputs_are_kept_whatever_they_are_called(
        self, tmp_path: Path, link: Callable[[Path, Path], None]
    ) -> None:
        source, other = tmp_path / "a.png", tmp_path / "c.png"
        source.touch()
        other.touch()
        link(tmp_path / "b.png", source)
        (tmp_path / "here").mkdir()
        for path in (source, tmp_path / "b.png", tmp_path / "here" / ".." / "a.png"):
            with pytest.raises(UnwritableOutputError, match="one of the inputs"):
                check_writable(path, overwrite=True, inputs=[other, source])
        check_writable(tmp_path / "d.png", overwrite=True, inputs=[other, source])

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("folder", "it is a folder"),
            ("file/a.png", "is not a folder"),
            ("file/new/a.png", "is not a folder"),
            ("null\0.png", "null"),
            ("x" * 300, "too long"),
        ],
    )
    def test_places_that_take_no_file(self, tmp_path: Path, name: str, says: str) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").touch()
        with pytest.raises(UnwritableOutputError, match=says):
            check_writable(tmp_path / name, overwrite=True, inputs=[tmp_path / "file"])

    @as_root
    def test_a_folder_that_may_not_be_written_to(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(UnwritableOutputError, match="no permission to write"):
                check_writable(tmp_path / "a.png", overwrite=True)
        finally:
            tmp_path.chmod(0o700)


def test_file_sets_also_where_no_file_is(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "circle").symlink_to("circle")
    files = FileSet([tmp_path / "folder" / "a", tmp_path / "circle", tmp_path / ("x" * 300)])
    assert tmp_path / "link" / "a" in files
    assert tmp_path / "circle" in files
    assert tmp_path / "folder" / "b" not in files


def test_what_is_too_large_is_not_read_first(tmp_path: Path) -> None:
    path = tmp_path / "sparse.npz"
    path.touch()
    os.truncate(path, 2**40)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFileError, match="larger than 512 MiB"):
            read_at_most(path, 2**29)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
