"""Defocus map and all-in-focus picture without training, after Xin et al. (ICCV 2021)."""

from dpdeblur.engines.optimiser.files import encoded, linear_views
from dpdeblur.engines.optimiser.solve import DefocusMap, MapOptions, map_defocus
from dpdeblur.engines.optimiser.views import LinearViews

__all__ = [
    "DefocusMap",
    "LinearViews",
    "MapOptions",
    "encoded",
    "linear_views",
    "map_defocus",
]
