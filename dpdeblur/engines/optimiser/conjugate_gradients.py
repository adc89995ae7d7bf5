"""Conjugate gradients for linear maps that are functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor


def conjugate_gradients(
    normal: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    rest: Tensor,
    start: Tensor,
    steps: int,
    enough: float = 0.0,
) -> Iterator[Tensor]:
    """Better and better solutions of normal(x) = b, with rest = b - normal(start).

    All tensors have one shape, whichever. `normal` is symmetric and positive, `precondition` about
    its inverse: Polak and Ribiere's direction bears one that is not quite symmetric. Yields less
    than `steps` solutions, or none, where nothing is left to do: the norm of the rest is at most
    `enough`.
    """
    solution, filtered = start, precondition(rest)
    direction, size = filtered, (rest * filtered).sum()
    for _ in range(steps):
        if not size > 0 or (enough > 0 and rest.norm() <= enough):
            return
        along = normal(direction)
        stride = size / (direction * along).sum()
        solution = solution + stride * direction
        last, rest = rest, rest - stride * along
        filtered = precondition(rest)
        turn = ((rest - last) * filtered).sum() / size
        size = (rest * filtered).sum()
        direction = filtered + turn * direction
        yield solution
