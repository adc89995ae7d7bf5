"""The batch on this machine's cores: several pictures at once, each on its share of them.

A picture on one core never waits for another core, nor for a file that is read or written meanwhile
for another picture.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from dpdeblur.batch.events import Progress
from dpdeblur.batch.executor import Executor, Identity, Watch
from dpdeblur.batch.plan import Job
from dpdeblur.batch.steps import Failed, Loaded, Outcome, Steps
from dpdeblur.engines import Engine

_OFTEN = 0.5  # seconds; Ctrl-C is not heard on all systems while a thread waits without end


class SideBySide(Executor):
    """Engines in threads, each of which reads, restores and writes one picture after the other.

    They restore alike, as those of `Engine.side_by_side` do. Memory holds one picture for each.
    Meanwhile PyTorch gives every new thread of this process its share of the CPU's threads.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self.identity = Identity(engines[0].name, engines[0].settings, engines[0].digest)

    def run(self, steps: Steps, todo: Sequence[Job], watch: Watch) -> None:
        """Do all jobs, each once."""
        from dpdeblur.device import shared_threads

        work = _Work(steps, todo, watch)
        with ExitStack() as stack:
            stack.enter_context(shared_threads(len(self.engines)))
            for engine in self.engines:
                stack.enter_context(engine.warm())
            try:
                work.run(self.engines)
            except BaseException:
                work.stop()
                raise


class _Stopped(BaseException):
    """Takes an engine out of its picture."""


_Told = Progress | Outcome | BaseException | None
"""The last of a thread is None."""


class _Work:
    """One batch under way. What its threads tell is told again in the thread that runs it."""

    def __init__(self, steps: Steps, todo: Sequence[Job], watch: Watch) -> None:
        self.steps, self.total, self.watch = steps, len(todo), watch
        self.threads: list[threading.Thread] = []
        self._left = iter([*enumerate(todo, start=1)])
        self._lock = threading.Lock()
        self._stopping = False
        self._told: queue.SimpleQueue[_Told] = queue.SimpleQueue()

    def run(self, engines: Sequence[Engine]) -> None:
        """Let each engine take pictures until none is left; tell of all that they tell."""
        # Known before they start, so that an interrupt meanwhile finds them.
        self.threads = [threading.Thread(target=self._take, args=(each,)) for each in engines]
        for thread in self.threads:
            thread.start()
        left = len(self.threads)
        while left:
            try:
                told = self._told.get(timeout=_OFTEN)
            except queue.Empty:
                continue
            if told is None:
                left -= 1
            else:
                self._tell(told)

    def stop(self) -> None:
        """Begin no more pictures; wait for those being written, and tell of what is finished."""
        self._stopping = True
        for thread in self.threads:
            with suppress(RuntimeError):  # not started
                thread.join()
        while not self._told.empty():
            told = self._told.get()
            if isinstance(told, Outcome):
                with suppress(Exception):  # what came first is the thing to tell
                    self.watch.finish(told)

    def _tell(self, told: Progress | Outcome | BaseException) -> None:
        if isinstance(told, BaseException):
            raise told
        if isinstance(told, Progress):
            self.watch.progress(told)
        else:
            self.watch.finish(told)

    def _take(self, engine: Engine) -> None:
        """One picture after the other, in a thread of its own."""
        try:
            while (taken := self._next()) is not None:
                self._do(engine, *taken)
        except _Stopped:
            pass
        except BaseException as error:
            self._told.put(error)
        finally:
            self._told.put(None)

    def _next(self) -> tuple[int, Job] | None:
        with self._lock:
            return None if self._stopping else next(self._left, None)

    def _do(self, engine: Engine, number: int, job: Job) -> None:
        def progress(done: int, parts: int) -> None:
            if self._stopping:
                raise _Stopped
            self._told.put(Progress(job, number, self.total, done / parts))

        outcome = self._outcome(engine, job, progress)
        self.watch.written(outcome)
        self._told.put(outcome)

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
        info, seconds = read.pair.info, read.seconds
        del read  # writing needs no views
        return self.steps.write(job, restored, info, seconds)
