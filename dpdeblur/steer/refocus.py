"""Focus moved after the shot: the sharp picture blurred again, as another setting would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.errors import OptionError
from dpdeblur.optics import ordinary_photograph
from dpdeblur.steer.depth import Array, Point, check_point, depth_at, follow_edges

_WIDEST = 4.0


@dataclass(frozen=True)
class Refocus:
    """Another focus or aperture.

    `at` is a point of the upright picture to focus on; None leaves the focus where it was.
    `aperture` is the diameter of the opening, as a share of what it was: 0.5 is two stops down, 0
    leaves everything sharp. Raises OptionError.
    """

    at: Point | None = None
    aperture: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.aperture <= _WIDEST:
            raise OptionError("aperture", f"{self.aperture:g} is not in the range 0 to {_WIDEST:g}")
        if self.at is None and self.aperture == 1:
            raise OptionError("at", "give a point to focus on, or another aperture")

    @property
    def settings(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"at": None if self.at is None else list(self.at), "aperture": self.aperture}

    @property
    def needs_map(self) -> bool:
        """It always does."""
        return True

    def check(self, size: tuple[int, ...]) -> None:
        """Raise OptionError if the point lies outside an upright picture of this size."""
        if self.at is not None:
            check_point(self.at, size, "at")

    def apply(
        self, sharp: Array, untouched: Callable[[], Array], defocus: Array | None
    ) -> tuple[Array, tuple[str, ...]]:
        """The picture blurred again, and what was found; see `Wishes.apply`."""
        del untouched
        assert defocus is not None
        radius = 0.0
        notes: tuple[str, ...] = ()
        if self.at is not None:
            radius = depth_at(defocus, self.at, sharp.shape[:2])
            x, y = self.at
            notes = (f"What lies at {x:g},{y:g} was blurred by {radius:+.1f} pixels.",)
        full = follow_edges(defocus, sharp)
        return refocus(sharp, full, focus=radius, aperture=self.aperture), notes


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
