"""The compact MCCNet: front end, correlation in a band, pyramid; against loops in float64."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dpdeblur.colour import combine, luminance, srgb_to_linear
from dpdeblur.errors import OptionError
from dpdeblur.models import MCCNet, MCCNetConfig, bands, count_cost, halve, load_model, save_model
from dpdeblur.models.compact import ResidualBlock
from dpdeblur.models.config import ModelDescriptor
from dpdeblur.models.cross_correlation import band_attention
from dpdeblur.models.front_end import FrontEnd
from dpdeblur.models.margin import Margin
from dpdeblur.optics import DiskPSF, Layer, encode, remove_contrast, render_views

SMALL = MCCNetConfig(
    widths=(4, 6, 8), blocks=(1, 1, 1), view_widths=(3, 4), bands=(2, 1), radii=(-2.0, 1.5, 5.0)
)
SIZE = (64, 96)


def views(count: int = 1, size: tuple[int, int] = SIZE, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    left, right = torch.rand(2, count, 3, *size, generator=rng)
    return left, right


def spoiled(config: MCCNetConfig) -> MCCNet:
    """A network that does something to its input."""
    torch.manual_seed(1)
    network = MCCNet(config).eval()
    for parameter in network.parameters():
        nn.init.normal_(
            parameter, std=0.1 if parameter.dim() == 1 else parameter[0].numel() ** -0.5
        )
    return network


def restored(front_end: FrontEnd, left: Tensor, right: Tensor) -> Tensor:
    """Small views in linear light restored by each inverse, `N x K x 3 x H x W`."""
    ((_, found),) = front_end.restore(left, right)
    return torch.stack(list(found), 1)


def test_band_attention_equals_the_masked_row() -> None:
    torch.manual_seed(2)
    first, second, left, right = torch.randn(4, 2, 5, 3, 17, dtype=torch.float64)
    band = 3
    scores = torch.einsum("nchw,nchv->nhwv", first, second) / 5**0.5
    x = torch.arange(17)
    far = (x[:, None] - x).abs() > band
    to_left, to_right, logits = band_attention(first, second, (left, right), band)
    inner = slice(band, -band)  # beyond the border there are places of zero, with a logit of zero
    explicit = torch.einsum(
        "nhwv,nchv->nchw", scores.masked_fill(far, -torch.inf).softmax(-1), right
    )
    torch.testing.assert_close(to_left[..., inner], explicit[..., inner], rtol=1e-12, atol=1e-12)
    back = scores.mT.masked_fill(far, -torch.inf).softmax(-1)
    explicit = torch.einsum("nhwv,nchv->nchw", back, left)
    torch.testing.assert_close(to_right[..., inner], explicit[..., inner], rtol=1e-12, atol=1e-12)
    for index, shift in enumerate(range(-band, band + 1)):
        at = [(i, i + shift) for i in range(17) if 0 <= i + shift < 17]
        expected = torch.stack([scores[..., i, j] for i, j in at], -1)
        found = torch.stack([logits[:, index, :, i] for i, _ in at], -1)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("off", ["use_cc", "use_bank", "use_volume", "use_selection", "residual"])
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.slow
def test_every_switch_runs_and_reaches_all_weights(off: str, levels: int) -> None:
    switches = {off: False} | ({"use_selection": False} if off == "residual" else {})
    network = spoiled(dataclasses.replace(SMALL, levels=levels, **switches)).train()
    left, right = views()
    restored = network(left, right)
    assert restored.shape == left.shape
    restored.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_without_selection_it_starts_at_the_combined_view() -> None:
    left, right = views()
    network = MCCNet(dataclasses.replace(SMALL, use_selection=False))
    torch.testing.assert_close(network(left, right), combine(left, right))


def test_selection_starts_mostly_at_the_combined_view() -> None:
    left, right = views()
    network = MCCNet(SMALL)
    light = srgb_to_linear(left), srgb_to_linear(right)
    inverses = restored(network.front_end, *light)
    combined = combine(left, right)
    share = 1 / (torch.e**3 + SMALL.choices)
    changes = (inverses - combined[:, None]).sum(1) * share
    torch.testing.assert_close(network.level(left, right, None), combined + changes)


def test_a_level_may_select_the_coarser_result() -> None:
    left, right = views()
    network = MCCNet(SMALL)
    with torch.no_grad():
        network.body.head.bias[16:20] = 100.0  # the first choice after the combined picture
    coarser = torch.full((1, 3, 32, 48), 0.25)
    torch.testing.assert_close(
        network.level(left, right, coarser), torch.full_like(left, 0.25), atol=1e-5, rtol=0
    )


def test_the_pyramid_hands_each_result_on() -> None:
    network, (left, right) = spoiled(SMALL), views()
    with torch.no_grad():
        first = network.level(halve(halve(left)), halve(halve(right)), None)
        second = network.level(halve(left), halve(right), first)
        third = network.level(left, right, second)
        found = network.pyramid(left, right, 3)
    assert [result.shape[-1] for result in found] == [24, 48, 96]
    for result, expected in zip(found, (first, second, third), strict=True):
        torch.testing.assert_close(result, expected)
    assert (third - network.level(left, right, None)).abs().max() > 1e-3


def test_halving_counts_the_last_of_odd_sides_twice() -> None:
    picture = torch.rand(1, 3, 7, 9)
    even = torch.nn.functional.pad(picture, (0, 1, 0, 1), mode="replicate")
    torch.testing.assert_close(halve(picture), halve(even))


def test_halving_keeps_light() -> None:
    picture = torch.rand(1, 3, 8, 12)
    expected = srgb_to_linear(picture).view(1, 3, 4, 2, 6, 2).mean((3, 5))
    torch.testing.assert_close(srgb_to_linear(halve(picture)), expected, atol=1e-6, rtol=0)


def test_light_and_back_in_pieces() -> None:
    picture = torch.rand(2, 3, 150, 300, generator=torch.Generator().manual_seed(5))
    front_end = MCCNet(dataclasses.replace(SMALL, contrast=0.5)).front_end
    exact = srgb_to_linear(remove_contrast(picture.double(), front_end.contrast))
    light = front_end.to_light(picture)
    torch.testing.assert_close(light, exact.float(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(front_end.to_picture(light), picture, atol=2e-6, rtol=0)


@pytest.mark.slow
def test_the_true_radius_has_the_least_mismatch() -> None:
    config = dataclasses.replace(SMALL, radii=(-5.0, -2.5, 1.3, 2.5, 5.0))
    front_end = MCCNet(config).front_end
    margin = 16
    scene = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    for index, radius in enumerate(config.radii):
        layer = Layer(scene, torch.ones(1, 1, 96, 96), torch.full((1, 1, 96, 96), radius))
        left, right = (encode(view, 16) for view in render_views([layer], DiskPSF(0.85, 6), margin))
        mismatch = front_end.mismatch(srgb_to_linear(left), srgb_to_linear(right))
        assert mismatch.shape == (1, 5, 32, 32)
        inner = mismatch[..., 4:-4, 4:-4].mean((0, 2, 3))
        assert inner.argmin() == index
        assert inner[index] < -2


@pytest.mark.slow
def test_contrast_of_the_camera_is_undone_before_the_blur() -> None:
    margin, radius, contrast = 16, 5.0, 0.6
    cells = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(3))
    scene = nn.functional.interpolate(cells, scale_factor=8)
    layer = Layer(scene, torch.ones(1, 1, 96, 96), torch.full((1, 1, 96, 96), radius))
    style = torch.tensor([contrast])
    left, right = (
        encode(view, 16, style) for view in render_views([layer], DiskPSF(0.85, 6), margin)
    )
    truth = encode(scene[..., margin:-margin, margin:-margin], 16, style)

    def error(assumed: float) -> float:
        config = dataclasses.replace(SMALL, radii=(radius,), contrast=assumed)
        front_end = MCCNet(config).front_end
        light = [front_end.to_light(view) for view in (left, right)]
        found = restored(front_end, *light)[:, 0]
        return float((found - truth)[..., 12:-12, 12:-12].square().mean())

    assert error(contrast) < 0.8 * error(0.0)


def test_mismatch_is_the_logarithm_of_local_energies() -> None:
    left, right = views(size=(16, 24))
    front_end = MCCNet(SMALL).front_end
    found = front_end.mismatch(srgb_to_linear(left), srgb_to_linear(right))
    first, second = (luminance(srgb_to_linear(view.double())) for view in (left, right))

    def energy(difference: Tensor) -> Tensor:
        pooled = nn.functional.avg_pool2d(difference**2, 2)
        padded = nn.functional.pad(pooled, (2,) * 4, value=torch.nan)
        windows = padded.unfold(2, 5, 1).unfold(3, 5, 1).flatten(-2)
        return (windows.nanmean(-1) + 1e-7).log()

    filters = front_end.mismatches.double()
    half = filters.shape[-1] // 2
    for index, pair in enumerate(filters):
        parts = [
            nn.functional.conv2d(
                nn.functional.pad(view, (half,) * 4, mode="replicate"),
                kernel.flip(0, 1)[None, None],
            )
            for view, kernel in zip((first, second), pair, strict=True)
        ]
        expected = energy(parts[0] + parts[1]) - energy(first - second)
        torch.testing.assert_close(found[:, index].double(), expected[:, 0], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"use_bank": False, "use_volume": False, "use_cc": False},
        {"use_bank": False, "use_volume": False, "bands": (20, 12), "blocks": (1, 1, 1)},
    ],
)
@pytest.mark.slow
def test_descriptor_halo_bounds_the_receptive_field(axis: int, parts: dict[str, Any]) -> None:
    """What one output row or column looks at beyond the halo is below rounding, not much before."""
    config = MCCNetConfig(
        **{
            "widths": (4, 4, 4),
            "view_widths": (2, 2),
            "radii": (-9.0, 9.0),
            "levels": 1,
            "use_selection": False,
            **parts,
        }
    )
    network = spoiled(config).double()
    halo, side, start = network.descriptor.halo, 400, 200
    size = (side, 64) if axis == 2 else (64, side)
    beyond = {halo: 0.0, halo - 48: 0.0}
    for place in (start, start + 7):
        view = torch.rand(1, 3, *size, dtype=torch.float64, requires_grad=True)
        result = network.level(view, view.flip(1), None)
        result.select(axis, place).sum().backward()
        assert view.grad is not None
        other = tuple(a for a in range(4) if a != axis)
        amount = view.grad.abs().sum(other)
        for reach, most in beyond.items():
            outside = amount[: start - reach].sum() + amount[start + 8 + reach :].sum()
            beyond[reach] = max(most, float(outside / amount.sum()))
    assert beyond[halo] < 1e-5
    if "bands" not in parts:  # of wide bands the halo is a bound that no path reaches
        assert beyond[halo - 48] > 1e-5


@pytest.mark.parametrize(
    "margin", [Margin(112, 112, 112, 112), Margin(0, 120, 104, 0), Margin(8, 0, 40, 112)]
)
@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.slow
def test_margins_are_trimmed_without_a_trace(margin: Margin, correlated: bool) -> None:
    """The inside is what the whole gives, and the fewer pixels the later the layer."""
    network = correlating() if correlated else load_model("mccnet").network
    height, width = 48 + margin.top + margin.bottom, 64 + margin.left + margin.right
    left, right = views(size=(height, width))
    coarser = torch.rand(1, 3, height // 2, width // 2)
    seen: list[int] = []
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, output: seen.append(output.numel()))
        for layer in convolutions
    ]
    with torch.no_grad():
        whole = network.level(left, right, coarser)
        before, seen[:] = sum(seen), []
        inside = network.level(left, right, coarser, margin=margin)
    for hook in hooks:
        hook.remove()
    expected = margin.trim(whole, Margin())
    assert inside.shape == (1, 3, 48, 64)
    torch.testing.assert_close(inside, expected, atol=2e-5, rtol=0)
    assert sum(seen) < 0.95 * before


@pytest.mark.parametrize("margin", [Margin(), Margin(120, 0, 8, 112)])
@pytest.mark.parametrize("correlated", [False, True])
def test_bands_leave_no_trace(
    margin: Margin, correlated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a gradient, each block gets all of its input at once."""
    network = correlating() if correlated else load_model("mccnet").network
    left, right = views(size=(88 + margin.top, 96 + margin.left + margin.right))
    coarser = torch.rand(1, 3, *(side // 2 for side in left.shape[2:]))
    calls: list[nn.Module] = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda layer, _inputs, _output: calls.append(layer))
    for name, numbers in (("_PIXELS", 200), ("_FEW", 200), ("_BLOCK", 20000), ("_ENLARGED", 2000)):
        monkeypatch.setattr(bands, name, numbers)
    whole = network.level(left, right, coarser, margin=margin)
    before, calls[:] = Counter(calls), []
    with torch.inference_mode():
        banded = network.level(left, right, coarser, margin=margin)
    torch.testing.assert_close(banded, whole, atol=2e-5, rtol=0)
    more = {layer for layer, count in Counter(calls).items() if count > before[layer]}
    assert {network.body.encoder[0][0].second, network.body.up[0]} < more


def test_bands_of_few_rows_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    block, features = ResidualBlock(3, 0.2), torch.rand(4, 3, 9, 20)
    expected = block(features)
    for name in ("_FEW", "_BLOCK"):
        monkeypatch.setattr(bands, name, 1)
    with torch.no_grad():
        found = block(features)
    torch.testing.assert_close(found, expected)
    assert found is features


def correlating() -> MCCNet:
    """A network with correlation, whose results depend on it and stay near the pictures."""
    torch.manual_seed(3)
    network = MCCNet().eval()
    for parameter in network.parameters():
        if parameter.dim() > 1 and not parameter.any():
            nn.init.normal_(parameter, std=0.2 * parameter[0].numel() ** -0.5)
    return network


def test_selection_needs_the_combined_picture_to_add_to() -> None:
    with pytest.raises(OptionError, match="residual: it may be off only where"):
        dataclasses.replace(SMALL, residual=False)


@pytest.mark.slow
def test_radii_and_correlation_take_memory() -> None:
    few = dataclasses.replace(SMALL, use_cc=False)
    many = dataclasses.replace(few, radii=tuple(range(1, 24)))
    assert MCCNet(many).descriptor.memory > 2 * MCCNet(few).descriptor.memory
    assert MCCNet(SMALL).descriptor.memory > MCCNet(few).descriptor.memory
    assert load_model("mccnet").descriptor.memory == pytest.approx(1)


def test_more_levels_for_larger_pictures() -> None:
    descriptor = ModelDescriptor(levels=3)
    sizes = {(1120, 1680): 3, (560, 840): 3, (4480, 6720): 5, (6720, 4480): 5, (64, 4000): 3}
    assert {size: descriptor.levels_for(*size) for size in sizes} == sizes
    assert descriptor.levels_for(16, 16) == 1
    assert ModelDescriptor().levels_for(4480, 6720) == 1


@pytest.mark.slow
def test_weights_round_trip_without_designing_filters_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = spoiled(SMALL)
    save_model(network, tmp_path / "mine.safetensors", {}, half=False)
    monkeypatch.setattr("dpdeblur.models.front_end.design_inverses", None)
    loaded = load_model(tmp_path / "mine.safetensors").network
    assert loaded.config == SMALL
    left, right = views()
    assert torch.equal(loaded(left, right), network(left, right))


def test_cost_counts_all_levels_and_the_transforms() -> None:
    plain = dataclasses.replace(SMALL, levels=1, use_cc=False, use_volume=False)
    one = count_cost(plain, height=64, width=96)
    # 3x3 stem, head and residual blocks, 1x1 changes of scale; (multiply-adds, at 1 / share).
    outputs, inputs = 3 + 1 + 3, 3 * (2 + 3)
    layers = [
        (9 * 4 * inputs * 4, 4),
        *((9 * 4 * 4, 4) for _ in range(4)),
        *((9 * 6 * 6, 16) for _ in range(4)),
        *((9 * 8 * 8, 64) for _ in range(2)),
        *((m, 16) for m in (16 * 6, 6 * 16)),
        *((m, 64) for m in (24 * 8, 8 * 24)),
        (9 * 4 * 4 * outputs, 4),
    ]
    assert one.convolution == sum(macs * 64 * 96 // share for macs, share in layers)
    # Two views there, three inverses back, three channels each; and the filters themselves.
    assert one.attention == 0
    # At 64 + 48 rows and 96 + 48 columns, which are transformed as 120 x 144: rows of real numbers,
    # then the 73 columns of their half spectra.
    row, columns = 2.5 * 144 * math.log2(144), 73 * 5 * 120 * math.log2(120)
    parts = 6 * (112 * row + columns), 6 * (49 * row + columns), 9 * (64 * row + columns)
    assert one.transforms == pytest.approx(sum(parts) / 2, abs=len(parts) * 10)  # whole numbers
    three = count_cost(dataclasses.replace(plain, levels=3), height=64, width=96)
    assert 1.25 < three.total / one.total < 1.6
