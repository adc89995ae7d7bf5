"""Muon: against singular values by NumPy in float64, PyTorch's own, and AdamW for the rest."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dpdeblur.models import PAPER, MCCNet, MCCNetConfig
from dpdeblur.training import TrainConfig
from dpdeblur.training.optimisers import make_optimiser

RATE = 0.01
CONFIG = TrainConfig(optimiser="muon", rate=RATE, weight_decay=0.1)
PLAIN = dataclasses.replace(CONFIG, weight_decay=0.0)
SHAPES = [(6, 4, 3, 3), (24, 2, 3, 3), (5, 7, 1, 1), (4, 3, 1, 5)]  # wide, tall, small, oblong
COMPACT = MCCNetConfig(
    levels=2,
    use_bank=False,
    use_volume=False,
    widths=(4, 4, 4),
    blocks=(1, 1, 1),
    view_widths=(2, 2),
    bands=(1, 1),
)
SMALL_PAPER = dataclasses.replace(
    PAPER,
    stem_width=4,
    encoder_widths=(4, 4, 4, 8),
    fusion_widths=(2, 2, 2),
    decoder_widths=(4, 4, 4),
    tail_width=4,
)


def between(*shapes: tuple[int, int, int, int]) -> tuple[nn.Sequential, list[nn.Parameter]]:
    """A network of float64 with kernels of `shapes` between its first and last; these kernels."""
    torch.manual_seed(0)
    kernels = [nn.Conv2d(c, n, (h, w), dtype=torch.float64) for n, c, h, w in shapes]
    ends = [nn.Conv2d(3, 4, 3, dtype=torch.float64) for _ in range(2)]
    return nn.Sequential(ends[0], *kernels, ends[1]), [module.weight for module in kernels]


def with_gradients(network: nn.Module, seed: int) -> None:
    """Random gradients for all parameters."""
    rng = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=rng).to(parameter)


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def as_matrix(kernel: Tensor) -> NDArray[np.float64]:
    """Rows are outputs; the order of the columns changes nothing."""
    matrix: NDArray[np.float64] = kernel.detach().double().flatten(1).numpy()
    return matrix


def scale(shape: tuple[int, ...]) -> float:
    return float(0.2 * np.sqrt(max(shape[0], np.prod(shape[1:]))))


def newton_schulz(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Five rounds of the polynomial of Jordan 2024, on the singular values themselves."""
    u, s, vh = np.linalg.svd(matrix, full_matrices=False)
    s = s / np.linalg.norm(s)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return np.asarray(u * s @ vh)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_step_is_about_the_nearest_orthogonal_matrix(
    shape: tuple[int, int, int, int],
) -> None:
    network, (kernel,) = between(shape)
    with_gradients(network, 1)
    assert kernel.grad is not None
    u, s, vh = np.linalg.svd(as_matrix(kernel.grad), full_matrices=False)
    gradient = u * np.linspace(0.2, 1, len(s)) @ vh  # well-conditioned
    kernel.grad = torch.from_numpy(gradient).view(shape)
    before = kernel.detach().clone()
    make_optimiser(network, PLAIN).step()
    step = as_matrix(before - kernel) / (RATE * scale(shape))
    values = np.linalg.svd(step, compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.3
    nearest = u @ vh
    cosine = (step * nearest).sum() / np.linalg.norm(step) / np.linalg.norm(nearest)
    assert cosine > 0.95
    assert cosine > (gradient * nearest).sum() / np.linalg.norm(gradient) / np.linalg.norm(nearest)


def test_steps_by_hand() -> None:
    network, kernels = between(*SHAPES)
    optimiser = make_optimiser(network, CONFIG)
    expected = [as_matrix(kernel).copy() for kernel in kernels]
    momenta = [np.zeros_like(matrix) for matrix in expected]
    for step, rate in enumerate((0.03, 0.01, 0.02, 0.005)):
        with_gradients(network, step)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        for index, kernel in enumerate(kernels):
            assert kernel.grad is not None
            gradient = as_matrix(kernel.grad)
            momenta[index] = 0.95 * momenta[index] + 0.05 * gradient
            ahead = 0.95 * momenta[index] + 0.05 * gradient
            expected[index] *= 1 - rate * CONFIG.weight_decay
            expected[index] -= rate * scale(kernel.shape) * newton_schulz(ahead)
            np.testing.assert_allclose(as_matrix(kernel), expected[index], rtol=0, atol=1e-12)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch before 2.9")
def test_steps_are_those_of_pytorch_s_own() -> None:
    network, kernels = between(*SHAPES)
    network.float()
    copies = [nn.Parameter(kernel.detach().flatten(1).clone()) for kernel in kernels]
    starts = [as_matrix(kernel).copy() for kernel in kernels]
    ours = make_optimiser(network, CONFIG)
    theirs = torch.optim.Muon(
        copies,
        RATE,
        CONFIG.weight_decay,
        momentum=0.95,
        nesterov=True,
        adjust_lr_fn="match_rms_adamw",
    )
    for step in range(4):
        with_gradients(network, step)
        for kernel, matrix in zip(kernels, copies, strict=True):
            assert kernel.grad is not None
            matrix.grad = kernel.grad.flatten(1).clone()
        ours.step()
        theirs.step()
    for kernel, matrix, start in zip(kernels, copies, starts, strict=True):
        moved = np.linalg.norm(as_matrix(matrix) - start)
        # Theirs computes in bfloat16, of 8 bits, in five rounds that build on each other.
        assert np.linalg.norm(as_matrix(kernel) - as_matrix(matrix)) < 0.03 * moved


def test_kernels_in_channels_last_take_the_same_steps() -> None:
    plain, _ = between(*SHAPES)
    moved = copy.deepcopy(plain).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for network in (plain, moved):
        optimiser = make_optimiser(network, CONFIG)
        for step in range(3):
            with_gradients(network, step)
            optimiser.step()
    for one, two in zip(weights(plain), weights(moved), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", [COMPACT, SMALL_PAPER])
def test_all_but_the_inner_kernels_take_the_steps_of_adamw(model: MCCNetConfig) -> None:
    network, like = MCCNet(model), MCCNet(model)
    like.load_state_dict(network.state_dict())
    used: list[str] = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda *_, name=name: used.append(name))
    network(*torch.rand(2, 1, 3, 16, 16))
    ends = {f"{used[0]}.weight", f"{used[-1]}.weight"}  # where data comes in and leaves
    optimiser = make_optimiser(network, CONFIG)
    adamw = torch.optim.AdamW(
        like.parameters(), RATE, CONFIG.betas, weight_decay=CONFIG.weight_decay
    )
    for step in range(3):
        for each in (network, like):
            with_gradients(each, step)
        for group in (*optimiser.param_groups, *adamw.param_groups):
            group["lr"] = RATE / (step + 1)
        optimiser.step()
        adamw.step()
    theirs = like.state_dict()
    alike = {name for name, p in network.named_parameters() if torch.equal(p, theirs[name])}
    expected = {name for name, p in network.named_parameters() if p.dim() == 1} | ends
    assert alike == expected


def test_without_gradient_nothing_moves() -> None:
    network, kernels = between(*SHAPES)
    optimiser = make_optimiser(network, CONFIG)
    with_gradients(network, 0)
    kernels[1].grad = network[0].bias.grad = None  # type: ignore[union-attr, assignment]
    before = weights(network)
    optimiser.step()
    still = [torch.equal(a, b) for a, b in zip(before, weights(network), strict=True)]
    parameters = list(network.parameters())
    assert [p.grad is None for p in parameters] == still
    optimiser.zero_grad()
    assert all(p.grad is None for p in parameters)


def test_a_loaded_state_goes_on_bit_for_bit(tmp_path: Path) -> None:
    network, kernels = between(*SHAPES)
    network.float().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = make_optimiser(network, CONFIG)
    for step in range(2):
        with_gradients(network, step)
        kernels[2].grad = None  # it has no momentum yet
        optimiser.step()
    torch.save({"network": network.state_dict(), "muon": optimiser.state_dict()}, tmp_path / "run")

    saved = torch.load(tmp_path / "run", weights_only=True)
    again = copy.deepcopy(network)
    for parameter in again.parameters():
        nn.init.zeros_(parameter)
    again.load_state_dict(saved["network"])
    resumed = make_optimiser(again, CONFIG)
    resumed.load_state_dict(saved["muon"])
    fresh = copy.deepcopy(network)
    for each, its in (
        (network, optimiser),
        (again, resumed),
        (fresh, make_optimiser(fresh, CONFIG)),
    ):
        for step in range(2, 5):
            with_gradients(each, step)
            its.step()
    whole, others = weights(network), weights(fresh)
    assert all(map(torch.equal, whole, weights(again)))
    forgetful = [torch.equal(a, b) for a, b in zip(whole, others, strict=True)]
    names = [name for name, _ in network.named_parameters()]
    assert [name for name, same in zip(names, forgetful, strict=True) if same] == ["3.weight"]


@pytest.mark.parametrize("loaded", [False, True])
def test_the_rate_of_the_groups_reaches_both_parts(loaded: bool) -> None:
    moves = []
    for rate in (0.0, 1e-3, 3e-3):
        network, _ = between(*SHAPES)
        optimiser = make_optimiser(network, CONFIG)
        with_gradients(network, 0)
        optimiser.step()
        if loaded:
            state = copy.deepcopy(optimiser.state_dict())
            optimiser = make_optimiser(network, CONFIG)
            optimiser.load_state_dict(state)
        before = weights(network)
        with_gradients(network, 1)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        moves.append([b - a for a, b in zip(before, weights(network), strict=True)])
    assert not any(move.any() for move in moves[0])
    for small, large in zip(moves[1], moves[2], strict=True):
        assert small.any()
        torch.testing.assert_close(large, 3 * small, rtol=1e-9, atol=1e-15)
