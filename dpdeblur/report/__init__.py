"""Plots of what was measured."""

from __future__ import annotations

from dpdeblur.report.curve import draw_curve
from dpdeblur.report.defocus import draw_defocus

__all__ = ["draw_curve", "draw_defocus"]
