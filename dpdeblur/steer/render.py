"""Focus moved after the shot: the sharp picture blurred again, as another setting would."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.optics import ordinary_photograph


def refocus(
    sharp: NDArray[np.float32],
    defocus: NDArray[np.float32],
    *,
    focus: float = 0.0,
    aperture: float = 1.0,
) -> NDArray[np.float32]:
    """What the camera would have recorded with another focus or aperture.

    Blur radii are proportional to the aperture and to the difference of 1 / distance to the focus
    plane; so moving the focus adds the same to all of them (but for distances close to the focal
    length, where the lens also magnifies otherwise). Nearer surfaces cover farther ones.

    Args:
        sharp: the picture in focus everywhere, float32 `H x W x 3` in [0, 1], sRGB-encoded.
        defocus: its map, float32 `H x W`, signed radii in pixels, positive behind focus.
        focus: the radius in this map that is to become 0.
        aperture: the factor on all radii.

    Returns:
        The picture, likewise.
    """
    radius = torch.from_numpy((defocus - np.float32(focus)) * np.float32(aperture))[None, None]
    light = srgb_to_linear(torch.from_numpy(sharp)).movedim(-1, 0)[None]
    taken = ordinary_photograph(light, radius)[0].movedim(0, -1)
    picture: NDArray[np.float32] = linear_to_srgb(taken.clamp(0, 1)).contiguous().numpy()
    return picture
