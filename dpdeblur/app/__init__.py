"""A page for one's own machine: drop a photograph, look, choose, download."""

from __future__ import annotations

from dpdeblur.app.desk import Desk, State
from dpdeblur.app.photograph import Photograph

__all__ = ["Desk", "Photograph", "State"]
