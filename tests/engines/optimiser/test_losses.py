"""Every term of Xin et al.'s objective against a float64 version written from its description."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from dpdeblur.engines.optimiser import losses
from support.optimiser_reference import FloatArray64, double

RNG = np.random.default_rng(11)
OBSERVED = RNG.uniform(0, 1, (2, 14, 19))
COLOURS, ALPHAS = RNG.uniform(0, 1, (2, 4, 14, 19))
ALPHAS[0] = 1
SHARES = np.stack([ALPHAS[i] * np.prod(1 - ALPHAS[i + 1 :], axis=0) for i in range(4)])
SEEN = RNG.uniform(0, 1, (2, 4, 14, 19))
BIAS = np.array([1e-5, 4e-5, 2e-5, 5e-5])


def penalty(x: FloatArray64) -> FloatArray64:
    """sqrt(x / g^2 + 1) - 1 with g = 0.1, x being squared already."""
    return np.sqrt(x / 0.1**2 + 1) - 1


def total_variation(picture: FloatArray64) -> FloatArray64:
    """Charbonnier(|blur3(I^2) - blur3(I)^2|), blur3 = [1 2 1] / 4 separable, borders repeated."""

    def blur3(x: FloatArray64) -> FloatArray64:
        for axis in (-2, -1):
            x = correlate1d(x, [0.25, 0.5, 0.25], axis=axis, mode="nearest")
        return x

    return penalty(np.abs(blur3(picture**2) - blur3(picture) ** 2))


def spared(tv: FloatArray64) -> FloatArray64:
    """1 - mask, mask = 1 - exp(-((tv + 1)^2 - 1) g^2 / (2 b^2)), b = 1/32."""
    return np.exp(-((tv + 1) ** 2 - 1) * 0.1**2 / (2 * (1 / 32) ** 2))


def test_charbonnier() -> None:
    # sqrt(3 + 1) - 1 for a residual whose square is 3 g^2.
    assert float(losses.charbonnier(torch.tensor(0.03))) == pytest.approx(1)
    assert float(losses.charbonnier(torch.tensor(0.0))) == 0
    x = np.linspace(-0.009, 2, 50)
    np.testing.assert_allclose(losses.charbonnier(double(x)), penalty(x), atol=1e-14)


def test_data_term() -> None:
    views = RNG.uniform(0, 1, OBSERVED.shape)
    x = (views - OBSERVED) ** 2
    for view in range(2):
        for layer in range(4):
            x[view] -= SEEN[view, layer] * BIAS[layer]
    term = losses.data_loss(*map(double, (views, OBSERVED, SEEN, BIAS)))
    assert float(term) == pytest.approx(penalty(x).mean(), rel=1e-12)


def test_data_term_by_hand() -> None:
    views, observed = torch.full((2, 3, 3), 0.5), torch.full((2, 3, 3), 0.3)
    seen, bias = torch.full((2, 2, 3, 3), 0.5), torch.tensor([0.005, 0.015])
    # 0.04 - 0.01 = 0.03.
    assert float(losses.data_loss(views, observed, seen, bias)) == pytest.approx(1, rel=1e-5)


def test_auxiliary_term() -> None:
    blurred = RNG.uniform(0, 1, SEEN.shape)
    each = [
        SEEN[:, layer] * penalty((blurred[:, layer] - OBSERVED) ** 2 - BIAS[layer])
        for layer in range(4)
    ]
    term = losses.auxiliary_loss(*map(double, (blurred, OBSERVED, SEEN, BIAS)))
    assert float(term) == pytest.approx(4 * np.mean(each), rel=1e-12)


def test_auxiliary_term_only_weighs_by_what_is_seen() -> None:
    blurred, seen = double(SEEN[::-1]).requires_grad_(), double(SEEN).requires_grad_()
    losses.auxiliary_loss(blurred, double(OBSERVED), seen, double(BIAS)).backward()
    assert seen.grad is None
    assert blurred.grad is not None
    assert blurred.grad.abs().max() > 0


def test_noise_bias() -> None:
    power = RNG.uniform(0, 2, (3, 4, 8, 9))
    brightness = 0.2
    expected = [brightness / 0.5 * 2 * 5e-3**2 * np.mean(5e-3 / (layer + 5e-3)) for layer in power]
    np.testing.assert_allclose(losses.noise_bias(double(power), brightness), expected, rtol=1e-12)


def test_noise_bias_by_hand() -> None:
    # A kernel without any zeros (2 everywhere), and one of zeros only, at a mean of 1/2.
    power = torch.tensor([2.0, 0.0])[:, None, None, None].expand(2, 1, 4, 4)
    bias = losses.noise_bias(power, 0.5)
    np.testing.assert_allclose(bias, [5e-5 * 5e-3 / 2.005, 5e-5], rtol=1e-5)


def test_variation_by_hand() -> None:
    # [1 2 1] / 4 of one row 0 1 0: I^2 gives 1/4 1/2 1/4, I the same.
    picture = torch.tensor([[[0.0, 1.0, 0.0]] * 3])
    expected = torch.tensor([1 / 4 - 1 / 16, 1 / 2 - 1 / 4, 1 / 4 - 1 / 16]).expand(1, 3, 3)
    torch.testing.assert_close(losses.variation(picture), expected)


def test_edge_mask() -> None:
    tv = total_variation(COLOURS)
    variance = losses.variation(double(COLOURS))
    np.testing.assert_allclose(losses.edge_mask(variance), 1 - spared(tv), atol=1e-12)
    assert not losses.edge_mask(variance.requires_grad_()).requires_grad
    # Nothing where it is flat; an edge of full contrast is spared wholly.
    assert float(losses.edge_mask(torch.tensor(0.0))) == 0
    assert float(losses.edge_mask(torch.tensor(0.25))) == pytest.approx(1)


def test_intensity_smoothness() -> None:
    sharp = (SHARES * COLOURS).sum(0)
    tv = total_variation(sharp)
    expected = (tv + tv * spared(tv)).mean()
    for layer in range(4):
        tv = total_variation(COLOURS[layer])
        expected += (SHARES[layer] * (tv + tv * spared(tv))).mean()
    term = losses.intensity_smoothness(*map(double, (sharp, COLOURS, SHARES)))
    assert float(term) == pytest.approx(expected, rel=1e-12)


def test_alpha_smoothness() -> None:
    expected = 0.0
    for coverage in (ALPHAS, SHARES):
        for layer in coverage:
            tv = total_variation(np.sqrt(layer + 1e-6))
            expected += (tv + tv * spared(tv)).mean()
    term = losses.alpha_smoothness(double(ALPHAS), double(SHARES))
    assert float(term) == pytest.approx(expected, rel=1e-9)


def test_flat_layers_cost_no_smoothness() -> None:
    flat = torch.full((3, 5, 6), 0.25, dtype=torch.float64)
    assert float(losses.intensity_smoothness(flat[0], flat, flat)) == pytest.approx(0, abs=1e-12)
    assert float(losses.alpha_smoothness(flat, flat)) == pytest.approx(0, abs=1e-12)


def test_entropy() -> None:
    expected = 0.0
    for coverage in (ALPHAS[1:], SHARES):
        p = np.sqrt(coverage + 1e-6)
        p /= p.sum(0)
        expected += -np.log((p**2).sum(0)).mean() / math.log(4)
    term = losses.entropy(double(ALPHAS), double(SHARES))
    assert float(term) == pytest.approx(expected, rel=1e-12)


def test_entropy_by_hand() -> None:
    even = torch.full((4, 2, 2), 0.25, dtype=torch.float64)
    # Three equal alphas and four equal shares: log 3 and log 4.
    expected = (math.log(3) + math.log(4)) / math.log(4)
    assert float(losses.entropy(even, even)) == pytest.approx(expected, rel=1e-12)
    single = torch.zeros(4, 2, 2, dtype=torch.float64)
    single[2] = 1
    assert float(losses.entropy(single, single)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradients_are_finite_at_the_ends(value: float) -> None:
    picture = torch.full((2, 3, 6, 7), value, requires_grad=True)
    colours, alphas = picture[0], picture[1]
    views, seen = picture, picture.detach()
    observed, bias = torch.zeros(2, 6, 7), torch.full((3,), 5e-5)
    total = (
        losses.data_loss(views[:, 0], observed, seen, bias)
        + losses.auxiliary_loss(views, observed, seen, bias)
        + losses.intensity_smoothness(colours[0], colours, alphas)
        + losses.alpha_smoothness(alphas, alphas)
        + losses.entropy(alphas, alphas)
    )
    (gradient,) = torch.autograd.grad(total, picture)
    assert math.isfinite(float(total.detach()))
    assert torch.isfinite(gradient).all()
