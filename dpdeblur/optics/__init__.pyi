from .blur import Blur
from .calibrated import CalibratedPSF, Calibration
from .calibration_file import read_calibration, write_calibration
from .inverse import (
    InverseDesign,
    design_inverses,
    filter_views,
    mismatch_filters,
)
from .jpeg import as_jpeg
from .layers import (
    disparity_from_distance,
    layers_from_defocus,
    radius_from_depth,
    radius_from_disparity,
    resize_radius,
)
from .photograph import ordinary_photograph, photograph
from .psf import PSF, DiskPSF
from .render import Layer, render_picture, render_sharp, render_views
from .sensor import add_sensor_noise, encode, spread_light
from .tone import add_contrast, remove_contrast

__all__ = [
    "PSF",
    "Blur",
    "CalibratedPSF",
    "Calibration",
    "DiskPSF",
    "InverseDesign",
    "Layer",
    "add_contrast",
    "add_sensor_noise",
    "as_jpeg",
    "design_inverses",
    "disparity_from_distance",
    "encode",
    "filter_views",
    "layers_from_defocus",
    "mismatch_filters",
    "ordinary_photograph",
    "photograph",
    "radius_from_depth",
    "radius_from_disparity",
    "read_calibration",
    "remove_contrast",
    "render_picture",
    "render_sharp",
    "render_views",
    "resize_radius",
    "spread_light",
    "write_calibration",
]
