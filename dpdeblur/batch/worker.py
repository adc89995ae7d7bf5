"""What runs on each machine of a cluster: a process with an engine, which several threads share."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dpdeblur import __version__
from dpdeblur.batch.executor import Identity
from dpdeblur.batch.manifest import MANIFEST_NAME
from dpdeblur.batch.plan import Job
from dpdeblur.batch.steps import Failed, Loaded, Outcome, Steps
from dpdeblur.engines import Engine
from dpdeblur.errors import ClusterError, DiskFullError, DPDeblurError


class Worker:
    """One engine on a machine of the cluster; its methods run in several threads."""

    def __init__(self, make: Callable[[], Engine], folder: str) -> None:
        self._make, self._folder = make, folder
        self._engine: Engine | None = None
        self._turn, self._writing = threading.Lock(), threading.Lock()
        self._stopping = threading.Event()

    def describe(self) -> tuple[str, Identity] | DPDeblurError:
        """This version, and the engine's identity; or why there is no engine."""
        try:
            with self._turn:
                engine = self._ready()
        except DPDeblurError as error:
            return error
        return __version__, Identity(engine.name, engine.settings, engine.digest)

    def restore(self, steps: Steps, job: Job) -> Outcome | DPDeblurError | None:
        """What became of a picture; an error that ends the batch; None if it has been stopped."""
        try:
            self._look(steps.output_dir)
            loaded = steps.read(job)
            return self._restore(steps, job, loaded) if isinstance(loaded, Loaded) else loaded
        except (ClusterError, DiskFullError) as error:  # as values, lest Ray wrap them
            return error

    def stop(self) -> None:
        """Begin nothing any more, and wait until a picture being written is whole."""
        self._stopping.set()
        with self._writing:
            pass

    def _restore(self, steps: Steps, job: Job, loaded: Loaded) -> Outcome | None:
        with self._turn:
            if self._stopping.is_set():
                return None
            try:
                restored = self._ready().run(loaded.pair)
            except Exception as error:
                return Failed.by(job, error)
        with self._writing:
            if self._stopping.is_set():
                return None
            return steps.write(job, restored, loaded.pair.info, loaded.seconds)

    def _ready(self) -> Engine:
        if self._engine is None:
            self._look(Path())
            self._engine = self._make()
        return self._engine

    def _look(self, output_dir: Path) -> None:
        """Go where relative paths start. Raises ClusterError if the folders are not shared."""
        folder = Path(self._folder)
        with suppress(OSError):
            os.chdir(folder)
            folder = output_dir
            if output_dir == Path() or (output_dir / MANIFEST_NAME).is_file():
                return
        raise ClusterError(
            f"{platform.node()} does not see {folder}; share it with all machines under the same "
            "path"
        )
