"""Reading raw files in another process, so that a crash or hang in LibRaw is seen as a failure."""

from __future__ import annotations

import contextlib
import os
import warnings
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dpdeblur.cli.info import photo_table
from dpdeblur.errors import DPDeblurError, IdenticalViewsError, OptionError, PictureTooSmallError
from dpdeblur.raw import RawOptions, RawPhoto, describe, develop, examine_raw, read_raw_pair
from support.cr2_writer import Mosaic

PATIENCE = 90.0  # seconds for a small file, on a machine that has other things to do


@dataclass(frozen=True)
class Outcome:
    """What became of a file: refused by a typed error, or its visible frames were read."""

    error: str = ""
    text: str = ""
    frames: tuple[Mosaic, ...] = ()
    warned: bool = False
    window: tuple[slice, slice] = np.s_[:, :]


class Reader:
    """Reads files in a process of its own, which a damaged file may bring down."""

    def __init__(self) -> None:
        self._start()

    def __call__(self, data: bytes, *, develop: bool = False) -> Outcome:
        try:
            self._pipe.send((data, develop))
            answered = self._pipe.poll(PATIENCE)
            outcome = self._pipe.recv() if answered else None
        except (EOFError, OSError):
            self._process.join()
            outcome = f"the process died with exit code {self._process.exitcode}"
        if not isinstance(outcome, Outcome):
            self.close()
            self._start()
            raise AssertionError(outcome or f"not read within {PATIENCE} s")
        return outcome

    def close(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()


def serve(pipe: Connection) -> None:
    """Answer each file's bytes by an Outcome, or by a line about an untyped exception."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # LibRaw speaks of damage there
    warnings.simplefilter("error")
    with TemporaryDirectory() as folder, contextlib.suppress(EOFError, OSError):
        path = Path(folder) / "IMG_1.CR2"
        while True:
            data, developed = pipe.recv()
            path.write_bytes(data)
            try:
                raw = examine_raw(path)
                if developed:
                    photo_table(describe(raw))
                if raw.problem is not None:
                    raise raw.problem
                if developed:
                    develop_all(raw)
                mosaics = tuple(frame.mosaic for frame in raw.frames)
                window, warned = (
                    raw.visible.window,
                    any("masked pixels" not in each for each in raw.warnings),
                )
                pipe.send(Outcome(frames=mosaics, window=window, warned=warned))
            except DPDeblurError as error:
                text = str(error).replace(str(path), "FILE")
                pipe.send(Outcome(type(error).__name__, text))
            except Exception as error:
                pipe.send(f"untyped {error!r}")


def develop_all(raw: RawPhoto) -> None:
    """As the commands do; what comes out may be odd, but must be pictures."""
    pictures, _ = develop(raw, RawOptions(), combined=True)
    assert {picture.shape for picture in pictures.values()} == {pictures["left"].shape}
    for options in (RawOptions(size=32), RawOptions(half=True, balance=False)):
        with contextlib.suppress(IdenticalViewsError, OptionError, PictureTooSmallError):
            read_raw_pair(raw.path, options)
