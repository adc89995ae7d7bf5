"""Photographs of a dot grid by a lens whose kernels, vignetting and drift are known."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from dpdeblur.optics import DiskPSF

FloatArray64 = NDArray[np.float64]
REACH = 9
ROWS, COLUMNS = 2, 3
HEIGHT, WIDTH = 216, 318
SPACING, DOT = 22.0, 3.5


@dataclass(frozen=True)
class Taken:
    """What was photographed, in linear light, and what it was photographed with."""

    left: FloatArray64
    right: FloatArray64
    sharp: FloatArray64
    whites: tuple[FloatArray64, FloatArray64]
    kernels: FloatArray64
    """2 x ROWS x COLUMNS x K x K."""
    ratio: FloatArray64


def grid_of_dots(rows: FloatArray64, columns: FloatArray64) -> FloatArray64:
    """Discs at multiples of SPACING, seen at these places, as soft as a lens in focus is."""
    down, along = ((place + SPACING / 2) % SPACING - SPACING / 2 for place in (rows, columns))
    rim = np.clip((DOT / 2 - np.hypot(down, along)) / 2.5 + 0.5, 0, 1)
    return rim**2 * (3 - 2 * rim)


def lens(radius: float) -> FloatArray64:
    """A disk split otherwise from tile to tile, with a spot and a skew that DiskPSF lacks."""
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    kernels = np.empty((2, ROWS, COLUMNS, 2 * REACH + 1, 2 * REACH + 1))
    for row, column in np.ndindex(ROWS, COLUMNS):
        size = radius * (0.95 + 0.1 * row)
        pair = DiskPSF(0.7 + 0.1 * column, REACH)(torch.tensor([[size]], dtype=torch.float64))
        for view, kernel in enumerate(pair):
            spot = 1 + 0.6 * np.exp(-((y - 2 * row) ** 2 + (x - 2 * column) ** 2) / 5)
            skew = 1 + 0.4 * np.tanh(y / 4) * (2 * view - 1)
            lopsided = kernel[0, 0].numpy() * spot * skew
            kernels[view, row, column] = lopsided / lopsided.sum()
    return kernels


def noisy(light: FloatArray64, rng: np.random.Generator) -> FloatArray64:
    """Shot and read noise of a phone's sensor (0.0148 and 3 in squared numbers of 14 bits)."""
    numbers = 16383 * light
    return (numbers + rng.normal(size=light.shape) * np.sqrt(3 + 0.0148 * numbers)) / 16383


@functools.cache
def take(radius: float = 6.0, scale: float = 1.005, noise: bool = True) -> Taken:
    """The blurred views; the sharp picture differs in place and brightness, as focus breathes."""
    rng = np.random.default_rng(3)
    kernels = lens(radius)
    rows, columns = np.mgrid[-REACH : HEIGHT + REACH, -REACH : WIDTH + REACH].astype(float)
    around = grid_of_dots(rows - 3.3, columns - 7.8)
    views = np.empty((2, HEIGHT, WIDTH))
    tall, wide = HEIGHT // ROWS, WIDTH // COLUMNS
    for view, row, column in np.ndindex(2, ROWS, COLUMNS):
        top, left = row * tall, column * wide
        part = around[top : top + tall + 2 * REACH, left : left + wide + 2 * REACH]
        views[view, top : top + tall, left : left + wide] = fftconvolve(
            part, kernels[view, row, column], mode="valid"
        )
    y, x = np.mgrid[:HEIGHT, :WIDTH] / np.array([HEIGHT, WIDTH])[:, None, None] - 0.5
    fall = 0.8 * (1 - 0.5 * (y**2 + x**2))
    ratio = 1.2 + 0.3 * x + 0.1 * y
    moved = scale * HEIGHT * y + HEIGHT / 2 + 1.3, scale * WIDTH * x + WIDTH / 2 - 0.8
    sharp = 0.7 * (1 - 0.3 * (y**2 + x**2)) * grid_of_dots(moved[0] - 3.3, moved[1] - 7.8)
    shots = [views[0] * fall, views[1] * fall / ratio, sharp, 0.5 * fall, 0.5 * fall / ratio]
    if noise:
        shots = [noisy(shot, rng).clip(0) for shot in shots]
    left, right, sharp, *whites = shots
    return Taken(left, right, sharp, (whites[0], whites[1]), kernels, ratio)
