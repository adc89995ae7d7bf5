"""Conjugate gradients against a dense solve."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from dpdeblur.engines.optimiser.conjugate_gradients import conjugate_gradients
from support.optimiser_reference import FloatArray64, double

SIDE = 12


def system(seed: int = 0, condition: float = 30) -> tuple[FloatArray64, FloatArray64, FloatArray64]:
    """A symmetric positive matrix, its right side, and the solution."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(SIDE, SIDE)))
    matrix = basis @ np.diag(np.geomspace(1, condition, SIDE)) @ basis.T
    target = rng.normal(size=SIDE)
    return matrix, target, np.linalg.solve(matrix, target)


def steps(
    matrix: FloatArray64,
    target: FloatArray64,
    start: FloatArray64,
    count: int,
    filters: FloatArray64 | None = None,
    enough: float = 0.0,
) -> list[FloatArray64]:
    matrix_, target_, start_ = map(double, (matrix, target, start))
    filter_ = double(np.eye(SIDE) if filters is None else filters)
    residual = target_ - matrix_ @ start_
    better = conjugate_gradients(
        lambda x: matrix_ @ x, lambda x: filter_ @ x, residual, start_, count, enough
    )
    return [each.numpy() for each in better]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("filtered", [False, True])
def test_as_many_steps_as_unknowns_solve_it(seed: int, filtered: bool) -> None:
    matrix, target, solution = system(seed)
    filters = np.diag(1 / np.diag(matrix)) if filtered else None
    start = np.random.default_rng(9).normal(size=SIDE)
    found = steps(matrix, target, start, SIDE, filters)
    assert len(found) == SIDE
    np.testing.assert_allclose(found[-1], solution, atol=1e-8)


def test_each_step_is_nearer_in_the_matrix_s_norm() -> None:
    matrix, target, solution = system()
    errors = [x - solution for x in steps(matrix, target, np.zeros(SIDE), SIDE)]
    norms = [solution @ matrix @ solution, *(error @ matrix @ error for error in errors)]
    assert all(after < before for before, after in pairwise(norms))


def test_the_inverse_as_filter_takes_one_step() -> None:
    matrix, target, solution = system()
    (found,) = steps(matrix, target, np.zeros(SIDE), 1, np.linalg.inv(matrix))
    np.testing.assert_allclose(found, solution, atol=1e-10)


def test_a_solution_is_left_alone() -> None:
    identity, target = np.eye(SIDE), np.arange(float(SIDE))
    assert steps(identity, target, target, 5) == []
    assert len(steps(identity, target, np.zeros(SIDE), 5)) == 1


def test_it_stops_where_the_residual_is_small_enough() -> None:
    matrix, target, _ = system()
    every = steps(matrix, target, np.zeros(SIDE), SIDE)
    residuals = [float(np.linalg.norm(target - matrix @ x)) for x in every]
    enough = 0.05
    wanted = next(number for number, residual in enumerate(residuals, 1) if residual <= enough)
    assert 1 < wanted < SIDE
    found = steps(matrix, target, np.zeros(SIDE), SIDE, enough=enough)
    assert len(found) == wanted
    assert np.array_equal(found[-1], every[wanted - 1])


def test_it_bears_a_filter_that_is_not_quite_symmetric() -> None:
    matrix, target, solution = system()
    skew = np.random.default_rng(3).normal(size=(SIDE, SIDE))
    filters = np.linalg.inv(matrix) + 1e-3 * (skew - skew.T)
    found = steps(matrix, target, np.zeros(SIDE), 2 * SIDE, filters)
    np.testing.assert_allclose(found[-1], solution, atol=1e-8)


def test_any_shape_is_one_unknown_each() -> None:
    weights = double(np.random.default_rng(1).uniform(1, 2, (2, 3, 4)))
    target = torch.ones_like(weights)
    *_, found = conjugate_gradients(
        lambda x: weights * x, lambda x: x, target, torch.zeros_like(target), 24
    )
    torch.testing.assert_close(found, 1 / weights, rtol=1e-8, atol=1e-10)
