"""The batch with one engine: pictures are read and written while it works.

The engine stays in the calling thread. One picture is read ahead and one written behind, so memory
holds three. Only where the engine has to wait for them, as a fast GPU does, more threads read and
write at once, and more pictures are in hand.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from typing import TypeVar

from dpdeblur.batch.events import Progress
from dpdeblur.batch.executor import Executor, Identity, Watch
from dpdeblur.batch.plan import Job
from dpdeblur.batch.steps import Failed, Loaded, Outcome, Steps
from dpdeblur.engines import Engine, Restored
from dpdeblur.io import PictureInfo

_MOST = 8
_IDLE = 0.03  # of the engine's time that it may wait
_HELD = 200  # bytes for each pixel that must be free for one more picture in hand
_T = TypeVar("_T")


class Threads(Executor):
    """Threads around one engine.

    `most` is how many pictures may be read at once, and written at once; None is one for each core,
    and 8 at most. It begins with one.
    """

    def __init__(self, engine: Engine, *, most: int | None = None) -> None:
        self.engine = engine
        self.most = most or min(_MOST, os.cpu_count() or 1)
        self.identity = Identity(engine.name, engine.settings, engine.digest)

    def run(self, steps: Steps, todo: Sequence[Job], watch: Watch) -> None:
        """Do all jobs, each once."""
        line = _Line(self, steps, todo, watch)
        with (
            ThreadPoolExecutor(self.most, "reader") as line.readers,
            ThreadPoolExecutor(self.most, "writer") as line.writers,
            self.engine.warm(),
        ):
            # Its thread starts now: one that an interrupt finds starting would not be waited for.
            line.writers.submit(bool).result()
            try:
                line.work()
            except BaseException:
                for _ in range(len(line.writing)):
                    with suppress(Exception):  # what came first is the thing to tell
                        line.settle()
                raise
            finally:
                line.readers.shutdown(wait=False, cancel_futures=True)


class _Line:
    """One batch under way."""

    readers: ThreadPoolExecutor
    writers: ThreadPoolExecutor

    def __init__(self, threads: Threads, steps: Steps, todo: Sequence[Job], watch: Watch) -> None:
        self.engine, self.most = threads.engine, threads.most
        self.steps, self.todo, self.watch = steps, todo, watch
        self.ahead: deque[Future[Loaded | Outcome]] = deque()
        self.writing: deque[Future[Outcome]] = deque()
        self.asked = 0  # of how many the reading has begun
        self.hands = 1  # in which pictures are read, and written, at once
        self.waited = 0.0

    def work(self) -> None:
        """Take all pictures through the engine."""
        self._ask()
        for number, job in enumerate(self.todo, start=1):
            # Taken before the next is asked for: that lets go of the views before last.
            read = self._waiting(self.ahead.popleft().result)
            self._ask()
            if not isinstance(read, Loaded):
                self.watch.finish(read)
                continue
            self.watch.progress(Progress(job, number, len(self.todo), 0.0))
            try:
                restored = self.engine.run(read.pair, partial(self._progress, job, number))
            except _BatchStopped as stop:
                raise stop.error from stop.error.__cause__
            except Exception as error:
                self.watch.finish(Failed.by(job, error))
                continue
            while len(self.writing) >= self.hands:
                self._waiting(self.settle)
            # The writer is given what the file carried but not the views, so that they can go.
            info, seconds = read.pair.info, read.seconds
            self.writing.append(self.writers.submit(self._write, job, restored, info, seconds))
            self._keep_up(number, restored.run.seconds, read.pair.shape)
        while self.writing:
            self.settle()

    def settle(self) -> None:
        """Wait for the picture that has been written for longest, and tell of it."""
        first = self.writing[0]
        wait([first])  # an interrupt meanwhile leaves it to be settled
        self.writing.popleft()
        self.watch.finish(first.result())

    def _ask(self) -> None:
        while len(self.ahead) < self.hands and self.asked < len(self.todo):
            self.ahead.append(self.readers.submit(self.steps.read, self.todo[self.asked]))
            self.asked += 1

    def _write(
        self, job: Job, restored: Restored, info: PictureInfo | None, read_seconds: float
    ) -> Outcome:
        outcome = self.steps.write(job, restored, info, read_seconds)
        self.watch.written(outcome)
        return outcome

    def _progress(self, job: Job, number: int, done: int, parts: int) -> None:
        """Tell of the engine's progress, and of pictures that are written by now."""
        try:
            self.watch.progress(Progress(job, number, len(self.todo), done / parts))
            while self.writing and self.writing[0].done():
                self.settle()
        except Exception as error:  # no fault of the picture that the engine is at
            raise _BatchStopped(error) from None

    def _waiting(self, until: Callable[[], _T]) -> _T:
        began = time.perf_counter()
        try:
            return until()
        finally:
            self.waited += time.perf_counter() - began

    def _keep_up(self, number: int, busy: float, shape: tuple[int, int]) -> None:
        """Take one more hand if the engine waited for pictures, and there is memory for them."""
        idle, self.waited = self.waited > _IDLE * busy, 0.0
        if idle and number > 1 and self.hands < self.most:  # the first is always waited for
            import torch

            from dpdeblur.memory import free_memory

            needed = _HELD * shape[0] * shape[1]
            self.hands += free_memory(torch.device("cpu")) > needed
            self._ask()


class _BatchStopped(BaseException):
    """Takes an error of the manifest or a callback past those who handle a picture's errors."""

    def __init__(self, error: Exception) -> None:
        self.error = error
