"""The batch on this machine's cores: several pictures at once, each on its share of them.

A picture on one core never waits for another core, nor for a file that is read or written meanwhile
for another picture.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from dpdeblur.batch.events import Progress
from dpdeblur.batch.executor import Executor, Identity, Watch
from dpdeblur.batch.plan import Job
from dpdeblur.batch.steps import Failed, Loaded, Outcome, Steps
from dpdeblur.engines import Engine

_OFTEN = 0.5  # seconds; Ctrl-C is not heard on all systems while a thread waits without end


class SideBySide(Executor):
    """Engines in threads, each of which reads, restores and writes one picture after the other.

    They restore alike, as those of `Engine.side_by_side` do. Memory holds one picture for each.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self.identity = Identity(engines[0].name, engines[0].settings, engines[0].digest)

    def run(self, steps: Steps, todo: Sequence[Job], watch: Watch) -> None:
        """Do all jobs, each once."""
        work = _Work(steps, todo, watch)
        with ExitStack() as stack:
            for engine in self.engines:
                stack.enter_context(engine.warm())
            pool = stack.enter_context(ThreadPoolExecutor(len(self.engines), "engine"))
            stack.callback(work.stop)  # before the pool waits for its threads
            for engine in self.engines:
                pool.submit(work.take_pictures, engine)
            for tell in work.told(len(self.engines)):
                tell()


class _Stopped(BaseException):
    """Takes an engine out of its picture."""


class _Work:
    """One batch under way. What the threads tell is told again in the thread that runs it."""

    def __init__(self, steps: Steps, todo: Sequence[Job], watch: Watch) -> None:
        self.steps, self.total, self.watch = steps, len(todo), watch
        self._left = iter([*enumerate(todo, start=1)])
        self._lock = threading.Lock()
        self._stopping = False
        self._told: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()

    def stop(self) -> None:
        """Begin nothing any more: engines leave their pictures, writers finish theirs."""
        self._stopping = True

    def told(self, threads: int) -> Iterator[Callable[[], object]]:
        """What to call for each event, until so many threads have ended."""
        while threads:
            try:
                tell = self._told.get(timeout=_OFTEN)
            except queue.Empty:
                continue
            if tell is None:
                threads -= 1
            else:
                yield tell

    def take_pictures(self, engine: Engine) -> None:
        """Do one picture after the other until none is left, in a thread of its own."""
        try:
            while (taken := self._next()) is not None:
                self._do(engine, *taken)
        except _Stopped:
            pass
        except BaseException as error:
            self._told.put(_raising(error))
        finally:
            self._told.put(None)

    def _next(self) -> tuple[int, Job] | None:
        with self._lock:
            return None if self._stopping else next(self._left, None)

    def _do(self, engine: Engine, number: int, job: Job) -> None:
        def progress(done: int, parts: int) -> None:
            if self._stopping:
                raise _Stopped
            event = Progress(job, number, self.total, done / parts)
            self._told.put(lambda: self.watch.progress(event))

        outcome = self._outcome(engine, job, progress)
        self.watch.written(outcome)
        self._told.put(lambda: self.watch.finish(outcome))

    def _outcome(self, engine: Engine, job: Job, progress: Callable[[int, int], None]) -> Outcome:
        read = self.steps.read(job)
        if not isinstance(read, Loaded):
            return read
        progress(0, 1)
        try:
            restored = engine.run(read.pair, progress)
        except Exception as error:
            return Failed.by(job, error)
        if self._stopping:
            raise _Stopped
        return self.steps.write(job, restored, read.pair.info, read.seconds)


def _raising(error: BaseException) -> Callable[[], object]:
    def tell() -> None:
        raise error

    return tell
