"""Conjugate gradients for linear maps that are functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor


def conjugate_gradients(
    normal: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    residual: Tensor,
    start: Tensor,
    steps: int,
    enough: float = 0.0,
) -> Iterator[Tensor]:
    """Better and better solutions of normal(x) = b, with residual = b - normal(start).

    All tensors have one shape, whichever. `normal` is symmetric and positive, `precondition` about
    its inverse: Polak and Ribiere's direction bears one that is not quite symmetric. Yields less
    than `steps` solutions, or none, where nothing is left to do: the residual's norm is at most
    `enough`.
    """
    solution, filtered = start, precondition(residual)
    direction, size = filtered, (residual * filtered).sum()
    for _ in range(steps):
        if not size > 0 or (enough > 0 and residual.norm() <= enough):
            return
        along = normal(direction)
        stride = size / (direction * along).sum()
        solution = solution + stride * direction
        last, residual = residual, residual - stride * along
        filtered = precondition(residual)
        turn = ((residual - last) * filtered).sum() / size
        size = (residual * filtered).sum()
        direction = filtered + turn * direction
        yield solution
