"""The forward model: dual-pixel blur of layered scenes in linear light, differentiable."""

from dpdeblur.optics.calibrated import CalibratedPSF, Calibration
from dpdeblur.optics.calibration_file import read_calibration, write_calibration
from dpdeblur.optics.layers import (
    disparity_from_distance,
    layers_from_defocus,
    radius_from_depth,
    radius_from_disparity,
    resize_radius,
)
from dpdeblur.optics.photograph import photograph
from dpdeblur.optics.psf import PSF, DiskPSF
from dpdeblur.optics.render import Layer, render_sharp, render_views
from dpdeblur.optics.sensor import add_sensor_noise, encode

__all__ = [
    "PSF",
    "CalibratedPSF",
    "Calibration",
    "DiskPSF",
    "Layer",
    "add_sensor_noise",
    "disparity_from_distance",
    "encode",
    "layers_from_defocus",
    "photograph",
    "radius_from_depth",
    "radius_from_disparity",
    "read_calibration",
    "render_sharp",
    "render_views",
    "resize_radius",
    "write_calibration",
]
