"""The batch on several machines, by Ray: the plan and the manifest stay with who calls.

Every GPU gets one worker. Where there is none, every machine gets one, or one for each group of its
cores. A worker is a process with an engine of its own, which holds three pictures: one being read,
one in the engine, one being written. All machines see the photographs and the output folder under
the same paths.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from dpdeblur import __version__
from dpdeblur.batch.events import Progress
from dpdeblur.batch.executor import Executor, Identity, Watch
from dpdeblur.batch.plan import Job
from dpdeblur.batch.steps import Failed, Outcome, Steps
from dpdeblur.batch.worker import Worker
from dpdeblur.engines import Engine
from dpdeblur.errors import ClusterError, DPDeblurError, MissingExtraError

_HANDS = 3  # pictures that a worker holds
_LIVES = 3  # workers in one place, and tries of one picture, that may die one after the other
_PATIENCE = 60  # seconds for pictures being written when the batch is stopped


@dataclass
class _Place:
    """Where a worker lives, with the means it takes: Ray's options of an actor.

    `deaths` counts the workers that died here since one finished a picture.
    """

    options: dict[str, Any]
    actor: Any = None
    deaths: int = 0


class Cluster(Executor):
    """The workers of a Ray cluster; to be used in a `with` block, after which they are gone.

    Args:
        make: makes the engine of a worker, on its machine; it can be pickled.
        address: of the cluster, as `ray.init` takes it: auto is the one that this machine belongs
            to, local a new one on this machine alone.
        cores: of each worker without a GPU; None is all of its machine's.
        gpus: use GPUs if there are any.

    Raises ClusterError if there is no such cluster, its machines have other versions of dpdeblur
    or different engines, and, from the `with` statement, what `make` raises.
    """

    def __init__(
        self,
        make: Callable[[], Engine],
        address: str = "auto",
        *,
        cores: int | None = None,
        gpus: bool = True,
    ) -> None:
        self._make, self._address, self._cores, self._gpus = make, address, cores, gpus
        self._places: list[_Place] = []
        self._joined = False

    def __enter__(self) -> Self:
        ray = _ray()
        try:
            self._join(ray)
            self._places = [_Place(options) for options in self._rooms(ray.nodes())]
            if not self._places:
                raise ClusterError(f"it has no machine of {self._cores or 1} cores or more")
            for place in self._places:
                self._start(place)
            self.identity = _agreed([self._described(ray, place) for place in self._places])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        ray = _ray()
        for place in self._places:
            if place.actor is not None:
                ray.kill(place.actor)
        if self._joined:
            ray.shutdown()

    def run(self, steps: Steps, todo: Sequence[Job], watch: Watch) -> None:
        """Do all jobs, each once."""
        work = _Work(_ray(), self._places, self._start, steps, todo, watch)
        try:
            work.run()
        except BaseException:
            work.stop()
            raise

    def _join(self, ray: Any) -> None:
        if ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        local = {"include_dashboard": False} if self._address == "local" else {}
        with _signals_kept():
            try:
                ray.init(self._address, log_to_driver=False, logging_level="ERROR", **local)
            except (ConnectionError, RuntimeError, ValueError) as error:
                reason = f"no Ray cluster answers at '{self._address}'; start it with ray start"
                raise ClusterError(reason) from error
        self._joined = True

    def _rooms(self, nodes: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The options of every worker that the cluster has room for."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        alive = [node for node in nodes if node["Alive"]]
        with_gpu = self._gpus and any(node["Resources"].get("GPU") for node in alive)
        for node in alive:
            means = node["Resources"]
            cpus = int(means.get("CPU", 0))
            here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            if with_gpu:
                count, need = int(means.get("GPU", 0)), {"num_gpus": 1, "num_cpus": 0}
            else:
                group = self._cores or cpus
                count, need = cpus // group if group else 0, {"num_cpus": group}
            for _ in range(count):
                yield need | {"scheduling_strategy": here, "max_concurrency": _HANDS + 1}

    def _start(self, place: _Place) -> None:
        worker = _ray().remote(Worker).options(**place.options)
        place.actor = worker.remote(self._make, str(Path.cwd()))

    def _described(self, ray: Any, place: _Place) -> tuple[str, Identity]:
        try:
            found = ray.get(place.actor.describe.remote())
        except ray.exceptions.RayError as error:
            reason = f"a worker cannot start: {str(error).strip().splitlines()[-1]}"
            raise ClusterError(reason.rstrip(".")) from error
        if isinstance(found, DPDeblurError):
            raise found
        return found  # type: ignore[no-any-return]


@dataclass
class _Work:
    """One batch under way: which picture is where."""

    ray: Any
    places: list[_Place]
    start: Callable[[_Place], None]
    steps: Steps
    todo: Sequence[Job]
    watch: Watch
    under_way: dict[Any, tuple[Job, _Place, Any]] = field(default_factory=dict)

    def run(self) -> None:
        """Give the workers pictures until all are done."""
        left, tries = deque(self.todo), Counter[Path]()
        steps = self.ray.put(self.steps)
        while True:
            while left and (place := self._free()):
                job = left.popleft()
                self.under_way[place.actor.restore.remote(steps, job)] = job, place, place.actor
                number = len(self.todo) - len(left)
                self.watch.progress(Progress(job, number, len(self.todo), 0.0))
            if not self.under_way:
                break
            for job in self._collect():
                tries[job.output] += 1
                if tries[job.output] < _LIVES:
                    left.appendleft(job)
                else:
                    text = f"Its worker died, {_LIVES} times; memory may be short."
                    self._finish(Failed(job, "WorkerDied", text))
        if left:
            raise ClusterError("all its workers have died; look after it and run the batch again")

    def stop(self) -> None:
        """Wait for the pictures being written, and tell of all that have been."""
        stopped = [place.actor.stop.remote() for place in self.places if place.actor is not None]
        self.ray.wait(stopped, num_returns=len(stopped), timeout=_PATIENCE)
        answers = [*self.under_way]
        ready, _ = self.ray.wait(answers, num_returns=len(answers), timeout=1)
        for answer in ready:
            try:
                outcome = self.ray.get(answer)
            except self.ray.exceptions.RayError:
                continue
            if outcome is not None and not isinstance(outcome, DPDeblurError):
                self.watch.written(outcome)

    def _free(self) -> _Place | None:
        """A living place with the fewest pictures in hand, if any has room for one more."""
        held = [place for _, place, _ in self.under_way.values()]
        living = [place for place in self.places if place.actor is not None]
        least = min(living, key=lambda place: sum(each is place for each in held), default=None)
        full = sum(each is least for each in held) >= _HANDS
        return None if full else least

    def _collect(self) -> list[Job]:
        """Tell of what is finished; the jobs whose workers have died."""
        # With a limit, since Ctrl-C is not heard within Ray's own waiting.
        ready, _ = self.ray.wait([*self.under_way], timeout=0.5)
        lost = []
        for answer in ready:
            job, place, actor = self.under_way[answer]
            del self.under_way[answer]
            try:
                outcome = self.ray.get(answer)
            except self.ray.exceptions.RayTaskError:  # a bug
                raise
            except self.ray.exceptions.RayError:
                lost.append(job)
                self._bury(place, actor)
                continue
            if isinstance(outcome, DPDeblurError):
                raise outcome
            if place.actor is actor:
                place.deaths = 0
            self._finish(outcome)
        return lost

    def _finish(self, outcome: Outcome) -> None:
        self.watch.written(outcome)
        self.watch.finish(outcome)

    def _bury(self, place: _Place, actor: Any) -> None:
        """Put a new worker in the place of one that is dead, unless too many have died there."""
        if place.actor is not actor:  # another of its pictures has told of it already
            return
        place.deaths += 1
        self.ray.kill(actor)
        place.actor = None
        if place.deaths < _LIVES:
            self.start(place)


def _agreed(found: Sequence[tuple[str, Identity]]) -> Identity:
    """The identity of all engines; raises ClusterError if they differ."""
    for version, identity in found:
        if version != __version__:
            raise ClusterError(
                f"one of its machines has dpdeblur {version} and this one {__version__}; install "
                "the same version on all"
            )
        if identity.digest != found[0][1].digest:
            raise ClusterError("its machines have different weights; give all the same file")
    return found[0][1]


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes over signals when it starts; give them back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ray() -> Any:
    """The library; raises MissingExtraError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", ["ray"]) from error
    return ray
