"""The forward model: dual-pixel blur of layered scenes in linear light, differentiable."""

from dpdeblur.optics.calibrated import CalibratedPSF, Calibration
from dpdeblur.optics.calibration_file import read_calibration, write_calibration
from dpdeblur.optics.inverse import (
    InverseDesign,
    design_inverses,
    filter_views,
    mismatch_filters,
)
from dpdeblur.optics.layers import (
    disparity_from_distance,
    layers_from_defocus,
    radius_from_depth,
    radius_from_disparity,
    resize_radius,
)
from dpdeblur.optics.photograph import ordinary_photograph, photograph
from dpdeblur.optics.psf import PSF, DiskPSF
from dpdeblur.optics.render import Layer, render_picture, render_sharp, render_views
from dpdeblur.optics.sensor import add_sensor_noise, encode

__all__ = [
    "PSF",
    "CalibratedPSF",
    "Calibration",
    "DiskPSF",
    "InverseDesign",
    "Layer",
    "add_sensor_noise",
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
    "render_picture",
    "render_sharp",
    "render_views",
    "resize_radius",
    "write_calibration",
]
