"""The edge-aware refinement against a dense solve."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dpdeblur.engines.optimiser import edge_aware
from support.optimiser_reference import FloatArray64, double

SIZE = (9, 12)
RNG = np.random.default_rng(5)


def smoothed(values: FloatArray64, confidence: FloatArray64, guide: FloatArray64) -> FloatArray64:
    return edge_aware.smooth_within_edges(*map(double, (values, confidence, guide))).numpy()


def solved_densely(
    values: FloatArray64, confidence: FloatArray64, guide: FloatArray64
) -> FloatArray64:
    """Normal equations of the stated objective, one neighbour pair after the other."""
    height, width = values.shape
    system, target = np.diag(confidence.ravel()), (confidence * values).ravel()
    for row in range(height):
        for column in range(width):
            for y, x in ((row, column + 1), (row + 1, column)):
                if y < height and x < width:
                    step = abs(guide[row, column] - guide[y, x])
                    weight = 4e4 * np.exp(-step / 0.02)
                    p, q = row * width + column, y * width + x
                    system[p, p] += weight
                    system[q, q] += weight
                    system[p, q] -= weight
                    system[q, p] -= weight
    return np.linalg.solve(system, target).reshape(height, width)


@pytest.mark.parametrize("confidence", [1.0, 1e3, 1e5])
def test_it_is_the_dense_solution(confidence: float) -> None:
    values, guide = RNG.uniform(-1, 1, SIZE), RNG.uniform(0, 0.1, SIZE)
    confident = confidence * RNG.uniform(0.1, 1, SIZE)
    smooth = smoothed(values, confident, guide)
    assert smooth.shape == SIZE
    np.testing.assert_allclose(smooth, solved_densely(values, confident, guide), atol=2e-3)


def test_it_has_the_type_of_the_values() -> None:
    values = torch.from_numpy(RNG.uniform(-1, 1, SIZE).astype(np.float32))
    smooth = edge_aware.smooth_within_edges(values, torch.ones(SIZE), torch.rand(SIZE))
    assert (smooth.dtype, smooth.shape) == (torch.float32, SIZE)


def test_certain_values_stay() -> None:
    values = RNG.uniform(-1, 1, SIZE)
    smooth = smoothed(values, np.full(SIZE, 1e9), np.full(SIZE, 0.5))
    np.testing.assert_allclose(smooth, values, atol=1e-3)


def test_a_constant_map_stays() -> None:
    values = np.full(SIZE, -0.7)
    smooth = smoothed(values, np.full(SIZE, 1.0), RNG.uniform(0, 1, SIZE))
    np.testing.assert_allclose(smooth, -0.7, atol=1e-6)


def test_uncertain_values_take_their_side_of_an_edge() -> None:
    guide = np.where(np.arange(40) < 20, 0.2, 0.8) * np.ones((10, 1))
    truth = np.where(guide < 0.5, -1.0, 1.0)
    confidence, values = np.full(truth.shape, 1e-3), RNG.uniform(-1, 1, truth.shape)
    confidence[:, 5], confidence[:, 33] = 1e6, 1e6
    values[:, 5], values[:, 33] = -1, 1
    smooth = smoothed(values, confidence, guide)
    np.testing.assert_allclose(smooth, truth, atol=0.1)


def test_equal_input_gives_equal_maps() -> None:
    values, guide = RNG.uniform(-1, 1, SIZE), RNG.uniform(0, 1, SIZE)
    confidence = np.full(SIZE, 50.0)
    first = smoothed(values, confidence, guide)
    assert np.array_equal(first, smoothed(values, confidence, guide))
