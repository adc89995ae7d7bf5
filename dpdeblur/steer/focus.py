"""Another focus or aperture, as a wish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dpdeblur.errors import OptionError
from dpdeblur.steer.points import Array, Point, check_point

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
        at = None if self.at is None else [float(each) for each in self.at]
        return {"at": at, "aperture": float(self.aperture)}

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
        # Not before: PyTorch takes seconds, and wrong wishes shall not wait for it.
        from dpdeblur.steer.depth import depth_at, follow_edges
        from dpdeblur.steer.render import refocus

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
