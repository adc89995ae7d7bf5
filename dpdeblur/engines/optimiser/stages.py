"""One progress of a work that has several stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_PARTS = 1000
"""In all that is told of."""


class Stages:
    """Tells `progress` of the whole work; each stage tells of its own by what `part` gives.

    `weights` are the stages' shares of the time, in any unit, in their order. Never goes back, and
    says nothing twice.
    """

    def __init__(
        self, progress: Callable[[int, int], None] | None, weights: Mapping[str, float]
    ) -> None:
        self._progress, self._told = progress, -1
        whole, before = sum(weights.values()), 0.0
        self._spans: dict[str, tuple[float, float]] = {}
        for name, weight in weights.items():
            self._spans[name] = before / whole, weight / whole
            before += weight

    def part(self, name: str) -> Callable[[int, int], None]:
        """What the stage `name` calls with its parts done and its parts in all."""
        start, length = self._spans[name]

        def tell(done: int, parts: int) -> None:
            reached = round(_PARTS * (start + length * done / parts))
            if self._progress is not None and reached > self._told:
                self._told = reached
                self._progress(reached, _PARTS)

        return tell
