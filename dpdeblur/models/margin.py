"""What is computed around a part of a picture for the sake of its inside, and trimmed away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

Part = tuple[slice, slice]
"""Rows and columns."""


class Margin(NamedTuple):
    """Pixels of the full size on each side of what is wanted.

    The later in a network, the fewer of them still count. There is none where a side is the
    picture's own border.
    """

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def at_most(self, pixels: int) -> Margin:
        """No more than `pixels` on each side."""
        return Margin(*(min(side, pixels) for side in self))

    def flipped(self, axes: Collection[int]) -> Margin:
        """That of a picture that is mirrored along `axes`: -1 are the columns, -2 the rows."""
        top, bottom, left, right = self
        if -2 in axes:
            top, bottom = bottom, top
        if -1 in axes:
            left, right = right, left
        return Margin(top, bottom, left, right)

    def part(self, inner: Margin, shape: Sequence[int], scale: int = 1) -> Part:
        """Where what has the margin `inner` lies in a picture `... x H x W` that has this one.

        The picture is `scale` times as small as the full size.
        """
        top, bottom, left, right = (
            (outside - inside) // scale for outside, inside in zip(self, inner, strict=True)
        )
        height, width = shape[-2:]
        return slice(top, height - bottom), slice(left, width - right)

    def trim(self, picture: Tensor, inner: Margin, scale: int = 1) -> Tensor:
        """That part of the picture itself."""
        if inner == self:
            return picture
        return picture[(..., *self.part(inner, picture.shape, scale))]


NO_MARGIN = Margin()
