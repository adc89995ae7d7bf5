"""Many pictures: what there is to do, doing it while disks work in parallel, and the record."""

from __future__ import annotations

from dpdeblur.batch.cluster import Cluster
from dpdeblur.batch.events import Event, EventCallback, Finished, Progress
from dpdeblur.batch.executor import Executor
from dpdeblur.batch.manifest import MANIFEST_NAME, SCHEMA, BatchReport, Manifest, Record, Status
from dpdeblur.batch.plan import Job, Plan, plan_jobs
from dpdeblur.batch.run import run_batch
from dpdeblur.batch.side_by_side import SideBySide
from dpdeblur.batch.threads import Threads

__all__ = [
    "MANIFEST_NAME",
    "SCHEMA",
    "BatchReport",
    "Cluster",
    "Event",
    "EventCallback",
    "Executor",
    "Finished",
    "Job",
    "Manifest",
    "Plan",
    "Progress",
    "Record",
    "SideBySide",
    "Status",
    "Threads",
    "plan_jobs",
    "run_batch",
]
