"""Map scores against a linear program, least squares by SVD, and SciPy's rank correlation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import spearmanr

from dpdeblur.errors import InvalidMapError, OptionError, ShapeMismatchError
from dpdeblur.evaluation import MapScores, aiwe, scale_error, score_map, spearman

Array = np.ndarray
SHAPE = (9, 13)


def maps(seed: int, levels: int | None = None, shape: tuple[int, int] = SHAPE) -> tuple[Array, ...]:
    """A prediction, a truth that depends on it with outliers, and weights; of few levels if so."""
    rng = np.random.default_rng(seed)
    prediction = rng.uniform(-20, 20, shape)
    outliers = rng.uniform(0, 1, shape) < 0.2
    truth = 0.4 - 0.01 * prediction + rng.normal(0, 0.05, shape) + outliers * rng.uniform(0, 1)
    if levels is not None:
        prediction = np.round(prediction / 40 * levels) / levels
        truth = np.round(truth * levels) / levels
    return prediction, truth, rng.integers(0, 4, shape) * rng.uniform(0.5, 2, shape)


def least_absolute(prediction: Array, truth: Array, weight: Array) -> float:
    """AIWE(1) as a linear program: minimise the weighted sum of bounds on the errors."""
    x, y, w = (each.ravel().astype(np.float64) for each in (prediction, truth, weight))
    fit, bounds = np.stack([x, np.ones_like(x)], axis=1), np.eye(x.size)
    solved = linprog(
        np.concatenate([[0, 0], w / w.sum()]),
        A_ub=np.block([[fit, -bounds], [-fit, -bounds]]),
        b_ub=np.concatenate([y, -y]),
        bounds=[(None, None)] * 2 + [(0, None)] * x.size,
    )
    assert solved.status == 0
    return float(solved.fun)


def least_squares(prediction: Array, truth: Array, weight: Array) -> float:
    x, y, w = (each.ravel().astype(np.float64) for each in (prediction, truth, weight))
    fit = np.stack([x, np.ones_like(x)], axis=1)
    found, *_ = np.linalg.lstsq(fit * np.sqrt(w)[:, None], y * np.sqrt(w), rcond=None)
    return float(np.sqrt((w * (fit @ found - y) ** 2).sum() / w.sum()))


class TestAffineInvariantError:
    @pytest.mark.parametrize("levels", [None, 2, 5, 40])
    @pytest.mark.parametrize("seed", range(4))
    def test_order_1_agrees_with_a_linear_program(self, seed: int, levels: int | None) -> None:
        prediction, truth, weight = maps(seed, levels)
        expected = least_absolute(prediction, truth, np.ones(SHAPE))
        assert aiwe(prediction, truth, order=1) == pytest.approx(expected, rel=1e-7)
        expected = least_absolute(prediction, truth, weight)
        assert aiwe(prediction, truth, order=1, weight=weight) == pytest.approx(expected, rel=1e-7)

    @pytest.mark.parametrize("levels", [None, 5])
    def test_order_2_agrees_with_a_singular_value_decomposition(self, levels: int | None) -> None:
        prediction, truth, weight = maps(7, levels)
        for given in (np.ones(SHAPE), weight):
            expected = least_squares(prediction, truth, given)
            found = aiwe(prediction, truth, order=2, weight=given)
            assert found == pytest.approx(expected, rel=1e-10)

    def test_no_nearby_fit_is_better_on_many_pixels(self) -> None:
        prediction, truth, _ = maps(3, levels=100, shape=(300, 400))
        found = aiwe(prediction, truth, order=1)
        slopes = np.linspace(-1, 1, 41)  # the true one is -0.4
        grid = [truth - a * prediction for a in slopes]
        brute = min(float(np.abs(rest - np.median(rest)).mean()) for rest in grid)
        assert brute * 0.98 < found <= brute * (1 + 1e-8)

    @pytest.mark.parametrize("order", [1, 2])
    def test_scale_offset_and_sign_of_the_prediction_do_not_matter(self, order: int) -> None:
        prediction, truth, _ = maps(1)
        found = aiwe(prediction, truth, order=order)
        for scale, offset in ((1e-6, 0), (-3, 50), (1e5, -1e7)):
            moved = scale * prediction + offset
            assert aiwe(moved, truth, order=order) == pytest.approx(found, rel=1e-6)
        assert aiwe(0.3 - 2 * truth, truth, order=order) == pytest.approx(0, abs=1e-9)

    def test_the_truths_unit_is_the_errors(self) -> None:
        prediction, truth, _ = maps(1)
        for order in (1, 2):
            found = aiwe(prediction, truth, order=order)
            assert aiwe(prediction, 255 * truth, order=order) == pytest.approx(255 * found)

    @pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
    def test_constant_prediction_leaves_the_truths_spread(self, value: float) -> None:
        _, truth, weight = maps(2)
        flat = np.full(SHAPE, value, np.float32)
        spread = np.abs(truth - np.median(truth)).mean()
        assert aiwe(flat, truth, order=1) == pytest.approx(spread)
        assert aiwe(flat, truth, order=2) == pytest.approx(truth.std())
        expected = least_absolute(flat, truth, weight)
        assert aiwe(flat, truth, order=1, weight=weight) == pytest.approx(expected)

    def test_pixels_without_weight_do_not_count(self) -> None:
        prediction, truth, weight = maps(5)
        changed = np.where(weight == 0, 1e3, prediction)
        for order in (1, 2):
            expected = aiwe(prediction, truth, order=order, weight=weight)
            found = aiwe(changed, truth, order=order, weight=3 * weight)
            assert found == pytest.approx(expected, rel=1e-8)

    def test_order_1_forgives_an_outlier_that_order_2_does_not(self) -> None:
        truth = np.linspace(0, 1, 100).reshape(10, 10)
        prediction = truth.copy()
        prediction[3, 3] += 1
        missed = 1 / 100
        assert aiwe(prediction, truth, order=1) == pytest.approx(missed, rel=1e-6)
        assert aiwe(prediction, truth, order=2) > 5 * missed

    def test_other_orders_and_weights_are_errors(self) -> None:
        prediction, truth, weight = maps(0)
        with pytest.raises(OptionError, match="order"):
            aiwe(prediction, truth, order=3)  # type: ignore[arg-type]
        for wrong in (-weight, 0 * weight, weight[1:], np.full(SHAPE, np.nan)):
            with pytest.raises(OptionError, match="weight"):
                aiwe(prediction, truth, order=1, weight=wrong)


class TestSpearman:
    @pytest.mark.parametrize("levels", [None, 5])
    @pytest.mark.parametrize("sign", [1, -1])
    def test_agrees_with_scipy(self, levels: int | None, sign: int) -> None:
        prediction, truth, _ = maps(0, levels)
        expected = 1 - abs(spearmanr(prediction.ravel(), truth.ravel()).statistic)
        assert 0.1 < expected < 0.9
        assert spearman(sign * prediction, truth) == pytest.approx(expected, abs=1e-12)

    def test_only_the_order_counts(self) -> None:
        truth = np.random.default_rng(0).uniform(0, 1, SHAPE).astype(np.float32)
        assert spearman(np.exp(5 * truth), truth) == pytest.approx(0, abs=1e-12)
        assert spearman(-(truth**3), truth) == pytest.approx(0, abs=1e-12)

    def test_constant_map_has_no_order(self) -> None:
        truth = maps(0)[1]
        assert spearman(np.full(SHAPE, 0.1, np.float32), truth) == 1
        assert spearman(truth, np.full(SHAPE, 0.1)) == 1


class TestWhatCounts:
    def test_unknown_pixels_are_as_if_not_there(self) -> None:
        prediction, truth, _ = maps(4, levels=30)
        rng = np.random.default_rng(0)
        unknown, invalid = (rng.uniform(0, 1, SHAPE) < 0.3 for _ in range(2))
        left = ~(unknown | invalid)
        expected = score_map(prediction[left][None], truth[left][None])
        holes = np.where(unknown, np.nan, truth)
        spoilt = np.where(left, prediction, np.nan)
        assert score_map(spoilt, holes, ~invalid) == expected
        assert expected != score_map(prediction, truth)
        error = np.abs(prediction - truth)[left].mean()
        assert scale_error(spoilt, holes, valid=~invalid) == pytest.approx(error)

    def test_all_scores_together(self) -> None:
        prediction, truth, _ = maps(6)
        everywhere = prediction, truth, np.ones(SHAPE)
        found = score_map(prediction, truth)
        assert found.aiwe1 == pytest.approx(least_absolute(*everywhere), rel=1e-7)
        assert found.aiwe2 == pytest.approx(least_squares(*everywhere))
        order = spearmanr(prediction.ravel(), truth.ravel()).statistic
        assert found.spearman == pytest.approx(1 - abs(order))

    def test_inputs_stay_as_they_are(self) -> None:
        prediction, truth, weight = maps(6)
        copies = prediction.copy(), truth.copy(), weight.copy()
        aiwe(prediction, truth, order=1, weight=weight)
        score_map(prediction, truth)
        for before, after in zip(copies, (prediction, truth, weight), strict=True):
            np.testing.assert_array_equal(before, after)

    def test_whole_numbers_and_single_precision(self) -> None:
        rng = np.random.default_rng(0)
        bytes_, truth = rng.integers(0, 255, SHAPE, np.uint8), rng.uniform(0, 1, SHAPE)
        expected = score_map(bytes_.astype(np.float64), truth)
        assert score_map(bytes_, truth) == expected
        assert score_map(bytes_.astype(np.float32), truth) == expected

    def test_one_pixel(self) -> None:
        assert score_map(np.ones((1, 1)), np.zeros((1, 1))) == MapScores(0, 0, 1)

    @pytest.mark.parametrize("measure", [score_map, spearman, scale_error])
    def test_wrong_maps_are_errors(self, measure: Callable[..., object]) -> None:
        good = maps(0)[0]
        holes = np.where(good > 0, np.nan, good)
        with pytest.raises(ShapeMismatchError):
            measure(good[1:], good)
        for prediction, truth, reason in (
            (good[..., None], good, "predicted map .* shape"),
            (good, good[None], "true map .* shape"),
            (good[:0], good[:0], "shape"),
            (holes, good, f"predicted map .* {np.isnan(holes).sum()} pixels"),
            (np.where(good > 19, np.inf, good), good, "predicted map .* finite"),
            (good, np.where(good > 19, np.inf, good), "true map .* infinite"),
            (good, np.full(SHAPE, np.nan), "unknown everywhere"),
        ):
            with pytest.raises(InvalidMapError, match=reason):
                measure(prediction, truth)
        for valid in (good > 0)[1:], good:
            with pytest.raises(OptionError, match="valid"):
                measure(good, good, valid=valid)
