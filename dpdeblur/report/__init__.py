"""Plots of what was measured."""

from __future__ import annotations

from dpdeblur.report.curve import draw_curve

__all__ = ["draw_curve"]
