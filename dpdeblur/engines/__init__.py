"""What makes the all-in-focus picture: the network here, the optimiser in its own room."""

from __future__ import annotations

from dpdeblur.engines.network import restore
from dpdeblur.engines.options import ProgressCallback, Restored, RestoreOptions
from dpdeblur.engines.plan import Strip, plan_strips

__all__ = [
    "ProgressCallback",
    "RestoreOptions",
    "Restored",
    "Strip",
    "plan_strips",
    "restore",
]
