"""The engine: a picture of any size through the network."""

from __future__ import annotations

from dpdeblur.restore.engine import restore
from dpdeblur.restore.options import ProgressCallback, Restored, RestoreOptions
from dpdeblur.restore.plan import Strip, plan_strips

__all__ = [
    "ProgressCallback",
    "RestoreOptions",
    "Restored",
    "Strip",
    "plan_strips",
    "restore",
]
