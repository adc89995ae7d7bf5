"""Differences against sparse matrices, and Gaussian windows against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.ndimage import gaussian_filter

from dpdeblur.engines.optimiser.stencils import (
    gaussian,
    gradient,
    gradient_adjoint,
    gradient_diagonal,
)
from support.optimiser_reference import FloatArray64, double

RNG = np.random.default_rng(17)
SIZES = [(5, 7), (1, 6), (6, 1), (1, 1), (2, 2)]
sizes = pytest.mark.parametrize("size", SIZES)


def differences(size: tuple[int, int]) -> sparse.csr_matrix:
    """From a picture's pixels, row by row, to all differences to the right, then to below."""

    def along_one_axis(side: int) -> sparse.csr_matrix:
        matrix = sparse.diags([-np.ones(side), np.ones(side - 1)], [0, 1]).tolil()
        matrix[side - 1] = 0
        return matrix.tocsr()

    height, width = size
    right = sparse.kron(sparse.identity(height), along_one_axis(width))
    below = sparse.kron(along_one_axis(height), sparse.identity(width))
    return sparse.vstack([right, below]).tocsr()


def pictures(size: tuple[int, int], *more: int) -> FloatArray64:
    return RNG.uniform(-1, 1, (*more, *size))


@sizes
def test_gradient(size: tuple[int, int]) -> None:
    picture = pictures(size, 3)
    found = gradient(double(picture))
    assert found.shape == (2, 3, *size)
    for number, each in enumerate(picture):
        expected = (differences(size) @ each.ravel()).reshape(2, *size)
        np.testing.assert_allclose(found[:, number], expected, atol=1e-15)


@sizes
def test_adjoint(size: tuple[int, int]) -> None:
    slopes = pictures(size, 2, 3)
    found = gradient_adjoint(double(slopes))
    for number in range(3):
        expected = (differences(size).T @ slopes[:, number].ravel()).reshape(size)
        np.testing.assert_allclose(found[number], expected, atol=1e-15)


@sizes
def test_diagonal(size: tuple[int, int]) -> None:
    weights = pictures(size, 2, 3)
    found = gradient_diagonal(double(weights))
    matrix = differences(size)
    for number in range(3):
        weighted = matrix.T @ sparse.diags(weights[:, number].ravel()) @ matrix
        np.testing.assert_allclose(found[number], weighted.diagonal().reshape(size), atol=1e-15)


def test_inputs_stay_as_they_are() -> None:
    slopes = double(pictures((4, 5), 2, 1))
    before = slopes.clone()
    gradient_adjoint(slopes)
    gradient_diagonal(slopes)
    assert torch.equal(slopes, before)


@pytest.mark.parametrize("deviation", [0.6, 2.0, 3.3])
@pytest.mark.parametrize("size", [(30, 21), (4, 40)])
def test_gaussian(size: tuple[int, int], deviation: float) -> None:
    picture = pictures(size, 2, 3)
    expected = gaussian_filter(
        picture, deviation, axes=(-2, -1), mode="nearest", radius=int(np.ceil(3 * deviation))
    )
    np.testing.assert_allclose(gaussian(double(picture), deviation), expected, atol=1e-14)


def test_gaussian_keeps_a_constant_and_the_type() -> None:
    blurred = gaussian(torch.full((1, 9, 4), 0.3), 2.0)
    assert blurred.dtype == torch.float32
    torch.testing.assert_close(blurred, torch.full((1, 9, 4), 0.3))
