"""A map's jumps in their places: found again with the sharp picture, within a small window.

Two blurred views tell the blur of a neighbourhood only, so the map of the cost volume smears
jumps, over several per cent of the width where little can be seen. A sharp picture tells more: at
the right radius, blurring it gives the views again, and a few pixels show that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, median_filter, minimum_filter, uniform_filter

from dpdeblur.colour import linear_to_srgb
from dpdeblur.engines.optimiser.guided import guided
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.optics import Calibration
from dpdeblur.optics.fourier import spectra

Array = NDArray[np.float32]

_RADII = 16
"""Tried between the map's least and largest."""
_SMEAR = 0.04
"""To each side of a jump, as a share of the longer side."""
_JUMP = 1 / 600
"""Difference of radii that is a jump, likewise."""
_WINDOW = 2
"""Pixels to each side over which the mismatch is summed."""
_DARK = 1e-3
"""Light below which noise does not fall any more."""
_TRUST = 0.018
"""Of the map given, where nothing is seen: mismatch per difference as large as the longer side."""
_ISLAND = 9
"""Side in pixels of the window whose median removes islands."""


def sharpen_jumps(
    defocus: Array, sharp: Array, views: Array, calibration: Calibration | None = None
) -> Array:
    """The map with its jumps where the sharp picture and the views together put them.

    Elsewhere it stays. Near a jump it becomes the radius, out of those on both sides, at which
    `sharp` blurred is most like the views.

    Args:
        defocus: the map, `h x w`, signed radii in pixels of this size.
        sharp: the restored picture's luminance, `h x w`, linear light.
        views: that of the left and the right view, `2 x h x w`.
        calibration: the lens, averaged over the frame; None is a generic one.

    Returns:
        The map, float32 `h x w`.
    """
    height, width = defocus.shape
    longest = max(height, width)
    around = 2 * round(_SMEAR * longest) + 1
    low, high = minimum_filter(defocus, around), maximum_filter(defocus, around)
    jump = high - low > _JUMP * longest
    if not jump.any():
        return defocus
    radii = np.linspace(defocus.min(), defocus.max(), _RADII)
    margin = (radii[1] - radii[0]) / 2
    guide = linear_to_srgb(sharp.clip(0, 1))
    if calibration is not None:
        views = np.stack((views[0], views[1] * calibration.match_right(height, width)))
    doubt = _TRUST / longest
    found, least = defocus.copy(), np.full_like(defocus, np.inf)
    for radius, mismatch in zip(
        radii, _mismatches(radii, sharp, views, Lens(calibration)), strict=True
    ):
        slope, offset = guided(mismatch, guide)
        cost = slope * guide + offset + doubt * np.abs(radius - defocus)
        better = (cost < least) & (radius >= low - margin) & (radius <= high + margin)
        found, least = np.where(better, radius, found), np.where(better, cost, least)
    sharpened: Array = np.where(jump, found.clip(low, high), defocus).astype(np.float32)
    return np.where(jump, median_filter(sharpened, _ISLAND, mode="nearest"), defocus)


def _mismatches(
    radii: NDArray[np.float64], sharp: Array, views: Array, lens: Lens
) -> Iterator[Array]:
    """How unlike the views `sharp` is when blurred by each radius; noise grows with light."""
    height, width = sharp.shape
    kernels = [lens.kernels(radius).mean(1) for radius in radii]
    reach = max(kernel.shape[-1] for kernel in kernels) // 2
    padded = torch.from_numpy(np.pad(sharp, reach, mode="edge"))
    size = padded.shape[0], padded.shape[1]
    spectrum = torch.fft.rfft2(padded)
    for kernel in kernels:
        blurred = torch.fft.irfft2(spectrum * spectra(kernel, size), s=size)
        apart = blurred[:, reach : reach + height, reach : reach + width].numpy() - views
        mismatch = (apart**2 / views.clip(_DARK)).sum(0)
        yield uniform_filter(mismatch, 2 * _WINDOW + 1, mode="nearest")
