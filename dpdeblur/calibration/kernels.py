"""Kernels from a sharp picture and its blurred views: non-negative least squares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

FloatArray32 = NDArray[np.float32]

_ITERATIONS = 800
"""At most."""
_TOLERANCE = 2e-4
"""Change in one step, a fraction of a kernel's light, that ends the iteration."""
_ENERGY = 1e-3
"""Weight of a kernel's energy, as a fraction of the sharp picture's."""
_SMOOTHNESS = 1e-3
"""Weight of the energy of a kernel's gradient, likewise."""

_RING = 2.0
"""Width in pixels of the rings around a kernel's middle."""
_FAINT = 0.01
"""Light of a ring that is noise, as a fraction of the brightest ring's."""


def solve_kernels(sharp: FloatArray32, views: FloatArray32) -> tuple[FloatArray32, FloatArray32]:
    """Kernels `V x K x K`, K odd, that turn a sharp picture into its `V x h x w` blurred views.

    `sharp` is `(h + K - 1) x (w + K - 1)`, the same part of the frame and K // 2 pixels around it,
    for each view about as bright as that: `V x ...`. A kernel is not negative and minimises

        |kernel * sharp - view|^2 + P (energy |kernel|^2 + smoothness |gradient of kernel|^2)

    where P is the sum of the squared sharp picture; then it is scaled to sum to one. Solved by
    accelerated projected gradients (Beck and Teboulle 2009) with restarts. Returned with the root
    mean square of what it leaves unexplained, `V`.
    """
    side = sharp.shape[-2] - views.shape[-2] + 1
    size = [fft.next_fast_len(length, real=True) for length in sharp.shape[-2:]]
    spectrum = fft.rfft2(sharp, size)
    power = np.square(sharp).sum((1, 2), keepdims=True)
    inside = np.s_[:, side - 1 : sharp.shape[1], side - 1 : sharp.shape[2]]
    seen = np.zeros((len(views), *size), np.float32)

    def residual(kernels: FloatArray32) -> FloatArray32:
        blurred: FloatArray32 = fft.irfft2(spectrum * fft.rfft2(kernels, size), size)[inside]
        return blurred - views

    def gradient(kernels: FloatArray32) -> FloatArray32:
        seen[inside] = residual(kernels)
        data: FloatArray32 = fft.irfft2(spectrum.conj() * fft.rfft2(seen), size)[:, :side, :side]
        slope: FloatArray32 = data + power * (_ENERGY * kernels - _SMOOTHNESS * _laplacian(kernels))
        return slope

    # The spectrum's largest power bounds the curvature that the data give.
    steepest = np.square(np.abs(spectrum)).max((1, 2), keepdims=True)
    step = 1 / (steepest + power * (_ENERGY + 8 * _SMOOTHNESS))
    kernels = np.full((len(views), side, side), 1 / side**2, np.float32)
    ahead, momentum = kernels, 1.0
    for _ in range(_ITERATIONS):
        slope = gradient(ahead)
        new = (ahead - step * slope).clip(0)
        if (slope * (new - kernels)).sum() > 0:  # the momentum leads uphill
            momentum = 1.0
        next_momentum = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / next_momentum * (new - kernels)
        change = np.abs(new - kernels).sum((1, 2)).max()
        kernels, momentum = new, next_momentum
        if change < _TOLERANCE:
            break
    left_over = np.sqrt(np.square(residual(kernels)).mean((1, 2)))
    return kernels / kernels.sum((1, 2), keepdims=True), left_over


def without_outskirts(kernels: FloatArray32) -> tuple[FloatArray32, float]:
    """Kernels `V x rows x columns x K x K` without what lies far outside the blur.

    Noise leaves faint light all over a kernel, since none of it can be negative, and that makes the
    blur seem wider. So the mean of all kernels is looked at ring by ring, and where one is faint,
    all from a few pixels farther out is taken away. Returned with the share of the light that was;
    kernels still sum to one.
    """
    reach = kernels.shape[-1] // 2
    distance = np.hypot(*np.ogrid[-reach : reach + 1, -reach : reach + 1])
    rings = (distance / _RING).astype(int)
    light = np.bincount(rings.ravel(), kernels.mean((0, 1, 2)).ravel()) / np.bincount(rings.ravel())
    brightest = int(light.argmax())
    faint = np.flatnonzero(light[brightest:] < _FAINT * light[brightest])
    if not len(faint):
        return kernels, 0.0
    inside = distance < _RING * (brightest + faint[0] + 1)
    kept = kernels * inside
    share = 1 - float(kept.sum((-2, -1)).mean())
    return kept / kept.sum((-2, -1), keepdims=True), share


def _laplacian(kernels: FloatArray32) -> FloatArray32:
    """Of pictures that are zero beyond their border."""
    padded = np.pad(kernels, ((0, 0), (1, 1), (1, 1)))
    beside = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return beside - 4 * kernels
