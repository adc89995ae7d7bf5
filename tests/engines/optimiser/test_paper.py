"""The published optimiser: its start, its objective and its schedule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from dpdeblur.engines.optimiser import losses
from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.engines.optimiser.paper import Layers, PaperOptions, loss_terms, optimise_layers
from dpdeblur.engines.optimiser.render import render, transmittances
from dpdeblur.errors import OptionError
from support.optimiser_reference import plane, texture

LENS, RADII = Lens(), (3.0, 1.5, 0.0)
OBSERVED = torch.from_numpy(plane(texture(1, 40, 48), LENS, 2.0).astype(np.float32))
BLURS = [LENS.blur(radius, (40, 48)) for radius in RADII]
BIAS = torch.tensor([3e-5, 2e-5, 1e-6])
START = Layers.initial(3, OBSERVED)


def objective(layers: Layers) -> float:
    terms = loss_terms(layers, OBSERVED, BLURS, BIAS, PaperOptions())
    return float(torch.stack(list(terms.values())).sum())


def test_all_layers_show_as_much_at_the_start() -> None:
    torch.testing.assert_close(transmittances(START.alphas), torch.full((3, 40, 48), 1 / 3))
    torch.testing.assert_close(START.colours, OBSERVED.mean().expand(3, 40, 48))
    torch.testing.assert_close(START.sharp(), OBSERVED.mean().expand(40, 48))
    torch.testing.assert_close(START.defocus(RADII), torch.full((40, 48), 1.5))


def test_the_objective_is_the_weighted_terms() -> None:
    generator = torch.Generator().manual_seed(2)
    colours, alphas = torch.rand(2, 3, 40, 48, generator=generator)
    alphas[0] = 1
    layers = Layers(colours, alphas)
    shares, scale = transmittances(alphas), 0.5 / OBSERVED.mean()
    seen = render(colours, alphas, BLURS, alone=True)
    assert seen.colours is not None
    expected = {
        "data": 2.5e4 * scale * losses.data_loss(seen.views, OBSERVED, seen.transmittance, BIAS),
        "auxiliary": 2.5e4
        * scale
        * losses.auxiliary_loss(seen.colours, OBSERVED, seen.transmittance, BIAS),
        "intensity": 30
        * losses.intensity_smoothness(layers.sharp() * scale, colours * scale, shares),
        "alpha": 1.5e4 * (3 / 12) ** 2 * losses.alpha_smoothness(alphas, shares),
        "entropy": 20 * losses.entropy(alphas, shares),
    }
    terms = loss_terms(layers, OBSERVED, BLURS, BIAS, PaperOptions())
    assert terms.keys() == expected.keys()
    for name, term in terms.items():
        assert float(term) == pytest.approx(float(expected[name]), rel=1e-5), name


@pytest.mark.parametrize("name", ["data", "auxiliary", "intensity", "alpha", "entropy"])
def test_a_weight_scales_its_term_only(name: str) -> None:
    layers = Layers(START.colours + 0.1 * OBSERVED[0], START.alphas)
    options = PaperOptions()
    doubled = replace(options, **{name: 2 * getattr(options, name)})
    before = loss_terms(layers, OBSERVED, BLURS, BIAS, options)
    after = loss_terms(layers, OBSERVED, BLURS, BIAS, doubled)
    for term, value in before.items():
        factor = 2 if term == name else 1
        assert float(after[term]) == pytest.approx(factor * float(value), rel=1e-6, abs=1e-9)


def test_steps_lower_the_objective() -> None:
    steps: list[tuple[int, int]] = []
    options = PaperOptions(steps=12, rates=(0.1, 0.05))
    layers = optimise_layers(OBSERVED, LENS, RADII, START, options, lambda *at: steps.append(at))
    assert objective(layers) < 0.7 * objective(START)
    assert steps == [(step, 12) for step in range(1, 13)]
    for values in (layers.colours, layers.alphas):
        assert not values.requires_grad
        assert float(values.min()) >= 0
        assert float(values.max()) <= 1
    assert (layers.alphas[0] == 1).all()


def test_equal_input_gives_equal_layers() -> None:
    first, second = (
        optimise_layers(OBSERVED, LENS, RADII, START, PaperOptions(steps=2)) for _ in range(2)
    )
    assert torch.equal(first.colours, second.colours)
    assert torch.equal(first.alphas, second.alphas)


def test_the_start_is_left_alone() -> None:
    colours, alphas = START.colours.clone(), START.alphas.clone()
    optimise_layers(OBSERVED, LENS, RADII, START, PaperOptions(steps=1))
    assert torch.equal(START.colours, colours)
    assert torch.equal(START.alphas, alphas)


def test_it_stops_when_nothing_is_gained() -> None:
    def steps(tolerance: float) -> int:
        done: list[int] = []
        options = PaperOptions(steps=12, rates=(0.1, 0.1), patience=2, tolerance=tolerance)
        optimise_layers(OBSERVED, LENS, RADII, START, options, lambda step, _: done.append(step))
        return done[-1]

    # Nobody gains more than all, and it gains something in every two of the first steps.
    assert steps(1.0) == 4
    assert steps(0.0) == 12


@pytest.mark.parametrize(
    ("name", "value"),
    [("entropy", -1.0), ("rates", (0.3, 0.0)), ("patience", 0), ("tolerance", float("nan"))],
)
def test_options_that_mean_nothing_are_refused(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=name):
        PaperOptions(**{name: value})  # type: ignore[arg-type]


def test_layers_as_started_with_stay_when_no_step_is_taken() -> None:
    start = Layers(START.colours.clamp(0.01, 0.99), START.alphas)
    layers = optimise_layers(OBSERVED, LENS, RADII, start, PaperOptions(steps=0))
    torch.testing.assert_close(layers.colours, start.colours)
    torch.testing.assert_close(layers.alphas, start.alphas)


def test_one_layer_is_deconvolution() -> None:
    start = Layers.initial(1, OBSERVED)
    options = PaperOptions(steps=3, rates=(0.1, 0.1))
    layers = optimise_layers(OBSERVED, LENS, (2.0,), start, options)
    assert _finite(layers.colours)
    torch.testing.assert_close(layers.defocus((2.0,)), torch.full((40, 48), 2.0))


def _finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())
