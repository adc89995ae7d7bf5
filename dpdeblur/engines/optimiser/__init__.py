"""Defocus map and all-in-focus picture without training, after Xin et al. (ICCV 2021)."""

from __future__ import annotations

from dpdeblur.engines.optimiser.engine import Optimiser
from dpdeblur.engines.optimiser.solve import OptimiserOptions, Solution, solve

__all__ = ["Optimiser", "OptimiserOptions", "Solution", "solve"]
