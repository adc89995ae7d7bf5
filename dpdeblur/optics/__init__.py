"""The forward model: dual-pixel blur of layered scenes in linear light, differentiable."""

from dpdeblur.optics.psf import dp_disk_psf
from dpdeblur.optics.render import Layer, render_sharp, render_views
from dpdeblur.optics.sensor import add_sensor_noise, encode

__all__ = ["Layer", "add_sensor_noise", "dp_disk_psf", "encode", "render_sharp", "render_views"]
