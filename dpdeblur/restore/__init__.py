"""The engine: the only room that knows about devices and memory."""

from __future__ import annotations

from dpdeblur.restore.device import DeviceInfo, autocast, choose, list_devices
from dpdeblur.restore.engine import restore
from dpdeblur.restore.memory import parse_memory
from dpdeblur.restore.options import ProgressCallback, Restored, RestoreOptions
from dpdeblur.restore.plan import Strip, plan_strips

__all__ = [
    "DeviceInfo",
    "ProgressCallback",
    "RestoreOptions",
    "Restored",
    "Strip",
    "autocast",
    "choose",
    "list_devices",
    "parse_memory",
    "plan_strips",
    "restore",
]
