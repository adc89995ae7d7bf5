"""MCCNet against the paper's numbers, explicit formulas in float64, and its weights files."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from dpdeblur.colour import combine
from dpdeblur.errors import OptionError, WeightsError
from dpdeblur.models import (
    PAPER,
    TABLE_2,
    MCCNet,
    MCCNetConfig,
    count_cost,
    find_weights,
    load_model,
    save_model,
)
from dpdeblur.models.cross_correlation import CrossCorrelation, row_attention
from dpdeblur.models.feature_extraction import MultiScaleFeatureExtraction
from dpdeblur.models.fusion import MultiScaleFusion
from dpdeblur.models.weights import _digest

SMALL = dataclasses.replace(
    PAPER,
    stem_width=4,
    encoder_widths=(4, 6, 8, 10),
    fusion_widths=(2, 3, 4),
    decoder_widths=(8, 6, 4),
)


@pytest.mark.parametrize(
    ("row", "parameters"),
    [
        # Sums of kernel^2 * inputs * outputs + outputs, done by hand.
        ("MCCNet", 5_520_067),
        ("No Multi-scale Fusion", 5_273_315),
        ("No Cross-correlation", 5_100_243),
        ("No Multi-scale Feature Extraction", 1_535_379),
    ],
)
@pytest.mark.slow
def test_parameters_of_table_2(row: str, parameters: int) -> None:
    assert count_cost(TABLE_2[row], height=64, width=64).parameters == parameters


def test_cost_meets_the_paper() -> None:
    cost = count_cost(PAPER)
    assert cost.parameters == pytest.approx(5.52e6, rel=0.001)
    assert cost.paper_count == pytest.approx(978.79e9, rel=0.003)


def test_cost_counts_what_the_formulas_say() -> None:
    bare = count_cost(TABLE_2["No Multi-scale Feature Extraction"])
    pixels = 1680 * 1120
    # (kernel^2 x inputs x outputs, times how many pixels share one output) per convolution.
    layers = [
        *((9 * i * o, 1) for i, o in ((6, 16), (16, 32))),
        *((9 * i * o, 4) for i, o in ((32, 32), (32, 64))),
        *((9 * i * o, 16) for i, o in ((64, 64), (64, 64))),
        *((9 * i * o, 64) for i, o in ((64, 128), (128, 128))),
        *((k * i * o, 16) for k, i, o in ((1, 64, 64), (25, 192, 128), (9, 128, 128))),
        *((k * i * o, 4) for k, i, o in ((1, 64, 64), (25, 192, 64), (9, 64, 64))),
        *((k * i * o, 1) for k, i, o in ((1, 32, 32), (25, 96, 32), (9, 32, 32))),
        *((9 * i * o, 1) for i, o in ((32, 16), (16, 3))),
    ]
    assert bare.convolution == sum(macs * pixels // share for macs, share in layers)
    # What Multi-scale Fusion adds at scale s: 1x1 from all maps, MSFE (174 n^2), 1x1 to the skip.
    fusion = ((8, 32, 1), (16, 64, 4), (32, 64, 16))
    views = 2 * sum((160 * n + 174 * n * n + n * c) * pixels // s for n, c, s in fusion)
    cost, without = count_cost(PAPER), count_cost(dataclasses.replace(PAPER, use_msf=False))
    assert cost.convolution - without.convolution == views
    adds = 2 * sum((n + 7 * n + c) * pixels // s for n, c, s in fusion)
    assert cost.biases - without.biases == adds
    # Two directions, Q K^T and the product with the values, at 1/2 and 1/4 scale.
    attention = sum(2 * 2 * (1120 // s) * (1680 // s) ** 2 * 64 for s in (2, 4))
    assert cost.attention == attention


def test_attention_equals_the_explicit_softmax() -> None:
    torch.manual_seed(1)
    query, key, left, right = torch.randn(4, 2, 5, 3, 17, dtype=torch.float64)
    scores = torch.einsum("nchw,nchv->nhwv", query, key) / 5**0.5
    to_left = torch.einsum("nhwv,nchv->nchw", scores.softmax(-1), right)
    to_right = torch.einsum("nhvw,nchv->nchw", scores.transpose(2, 3).softmax(-1).mT, left)
    # In this context nothing but the fused kernel may run.
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        got_left, got_right = row_attention(query, key, right), row_attention(key, query, left)
    torch.testing.assert_close(got_left, to_left, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(got_right, to_right, rtol=1e-12, atol=1e-13)


def test_cross_correlation_uses_one_score_matrix_and_its_transpose() -> None:
    torch.manual_seed(2)
    module = CrossCorrelation(6, 0.1).double()
    left, right = torch.randn(2, 1, 6, 4, 9, dtype=torch.float64)
    queries = [module.project(view + module.residual(view)) for view in (left, right)]
    scores = torch.einsum("nchw,nchv->nhwv", *queries) / 6**0.5
    expected_left = left + torch.einsum("nhwv,nchv->nchw", scores.softmax(-1), right)
    expected_right = right + torch.einsum("nhwv,nchv->nchw", scores.mT.softmax(-1), left)
    got_left, got_right = module(left, right)
    torch.testing.assert_close(got_left, expected_left, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(got_right, expected_right, rtol=1e-12, atol=1e-12)


def test_attention_stays_on_its_row() -> None:
    maps = torch.randn(3, 1, 4, 6, 8)
    before = row_attention(*maps)
    maps[1:, :, :, 2] += 1
    changed = (row_attention(*maps) - before).abs().amax((0, 1, 3)) > 1e-6
    assert changed.tolist() == [False, False, True, False, False, False]


def test_fusion_equals_concatenation_then_1x1() -> None:
    torch.manual_seed(3)
    fusion = MultiScaleFusion((2, 3, 4), (5, 6, 7), 0.1, use_msfe=True).double()
    maps = [
        torch.randn(1, c, 16 // s, 24 // s, dtype=torch.float64)
        for c, s in ((2, 1), (3, 2), (4, 4))
    ]
    for index, (scale, got) in enumerate(zip(fusion.scales, fusion(maps), strict=True)):
        size = maps[index].shape[-2:]
        resized = [
            torch.nn.functional.interpolate(m, size=size, mode="bilinear", align_corners=False)
            if m.shape[-1] < size[1]
            else torch.nn.functional.adaptive_avg_pool2d(m, size)
            for m in maps
        ]
        act = torch.nn.LeakyReLU(0.1)
        fused = act(scale.reduce(torch.cat(resized, 1)))
        expected = scale.expand(act(scale.msfe(fused)))
        torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-11)


def test_feature_extraction_holds_the_parameters_of_its_figure() -> None:
    channels = 12
    module = MultiScaleFeatureExtraction(channels, 0.1)
    # 3x3 and 5x5 at c and at 2c, and a 1x1 from 4c: 174 c^2, and biases.
    expected = (9 + 25) * (1 + 4) * channels**2 + 4 * channels**2 + 7 * channels
    assert sum(p.numel() for p in module.parameters()) == expected


@pytest.mark.parametrize("use_msf", [True, False])
@pytest.mark.parametrize("use_cc", [True, False])
@pytest.mark.parametrize("use_msfe", [True, False])
@pytest.mark.parametrize("residual", [True, False])
def test_every_switch_runs_and_reaches_all_weights(
    use_msf: bool, use_cc: bool, use_msfe: bool, residual: bool
) -> None:
    torch.manual_seed(4)
    config = dataclasses.replace(
        SMALL, use_msf=use_msf, use_cc=use_cc, use_msfe=use_msfe, residual=residual
    )
    network = MCCNet(config)
    torch.nn.init.normal_(network.body.output_layer.weight)
    left, right = torch.rand(2, 2, 3, 16, 24)
    restored = network(left, right)
    assert restored.shape == left.shape
    restored.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_residual_network_starts_at_the_combined_view() -> None:
    left, right = torch.rand(2, 1, 3, 16, 16)
    torch.testing.assert_close(MCCNet(SMALL)(left, right), combine(left, right))


def test_flat_regions_start_without_features() -> None:
    flat = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(1, 3, 16, 16)
    features = MCCNet(SMALL).body.encoder.blocks[0].first(flat)
    assert features[..., 1:-1, 1:-1].abs().max() < 1e-6
    other = MCCNet(dataclasses.replace(SMALL, residual=False))
    assert other.body.encoder.blocks[0].first(flat)[..., 1:-1, 1:-1].abs().max() > 1e-3


def test_initialisation_is_he() -> None:
    torch.manual_seed(5)
    weight = MCCNet(PAPER).body.bottleneck.msfe.second5[0].weight
    fan_in = weight[0].numel()
    expected = (2 / ((1 + 0.1**2) * fan_in)) ** 0.5
    assert weight.std().item() == pytest.approx(expected, rel=0.01)


def test_descriptor_halo_bounds_the_receptive_field() -> None:
    """Gradients of one output row reach no input row beyond the halo, and come close to it."""
    torch.manual_seed(6)
    network = MCCNet(dataclasses.replace(SMALL, residual=False)).double()
    halo, rows = network.descriptor.halo, 256
    reach = 0
    for start in range(128, 136):
        view = torch.rand(1, 3, rows, 8, dtype=torch.float64, requires_grad=True)
        network(view, view.flip(-1)).sum((0, 1, 3))[start].backward()
        assert view.grad is not None
        touched = view.grad.abs().sum((0, 1, 3)).nonzero().flatten()
        # A strip's first kept row is a multiple of 8, its last one short of a multiple of 8.
        reach = max(reach, 128 - int(touched.min()), int(touched.max()) - 135)
    assert halo - network.descriptor.multiple_of < reach <= halo


class TestWeights:
    def test_round_trip(self, tmp_path: Path) -> None:
        network = MCCNet(SMALL)
        path = tmp_path / "mine.safetensors"
        save_model(network, path, {"licence": "CC0"}, half=False)
        loaded = load_model(path)
        assert loaded.network.config == SMALL
        assert loaded.card["licence"] == "CC0"
        assert loaded.name == "mine"
        for name, tensor in network.state_dict().items():
            assert torch.equal(loaded.network.state_dict()[name], tensor)
        assert [file.name for file in tmp_path.iterdir()] == ["mine.safetensors"]

    def test_half_precision_files_load_as_float32(self, tmp_path: Path) -> None:
        save_model(MCCNet(SMALL), tmp_path / "half.safetensors", {})
        network = load_model(tmp_path / "half.safetensors").network
        assert {p.dtype for p in network.parameters()} == {torch.float32}

    def test_damage_is_found(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.safetensors"
        save_model(MCCNet(SMALL), path, {})
        damaged = bytearray(path.read_bytes())
        damaged[-5] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(WeightsError, match="checksum"):
            load_model(path)

    @pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 64])
    def test_other_files_are_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "mine.safetensors"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="safetensors"):
            load_model(path)

    def test_other_networks_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.safetensors"
        save_file({"x": torch.zeros(3)}, path, {"architecture": "DPDNet"})
        with pytest.raises(WeightsError, match="MCCNet"):
            load_model(path)

    def test_layers_that_do_not_fit_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.safetensors"
        save_model(MCCNet(SMALL), path, {})
        with safe_open(path, "pt") as file:
            card = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for change in ({"tail_width": 5}, {"encoder_widths": [4, 4]}, {"nonsense": 1}):
            card["config"] = json.dumps({**json.loads(card["config"]), **change})
            card["sha256"] = _digest(tensors, card["config"])
            save_file(tensors, path, card)
            with pytest.raises(WeightsError, match="do not fit"):
                load_model(path)

    @pytest.mark.parametrize(
        "config",
        [
            {"blocks": [2000] * 3},
            {"negative_slope": 1e308},
            {"levels": 10**9},
            {"stem_width": 2**40},
            {"radii": [1.0] * 99},
        ],
    )
    def test_a_card_of_a_huge_network_is_refused_at_once(
        self, tmp_path: Path, config: dict[str, Any]
    ) -> None:
        tensors, written = {"a": torch.zeros(1)}, json.dumps(config)
        card = {"architecture": "MCCNet", "config": written, "sha256": _digest(tensors, written)}
        save_file(tensors, tmp_path / "x.safetensors", card)
        with pytest.raises(WeightsError) as error:
            load_model(tmp_path / "x.safetensors")
        assert isinstance(error.value.__cause__, OptionError)

    def test_a_file_without_end_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.safetensors"
        save_model(MCCNet(SMALL), path, {})
        os.truncate(path, 12 * 10**9)
        with pytest.raises(WeightsError, match="larger than 512 MiB"):
            load_model(path)

    def test_an_edited_configuration_is_found(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.safetensors"
        save_model(MCCNet(SMALL), path, {})
        data = path.read_bytes()
        assert data.count(b'residual\\": true') == 1
        path.write_bytes(data.replace(b'residual\\": true', b'residual\\": null'))
        with pytest.raises(WeightsError, match="checksum"):
            load_model(path)

    def test_a_file_in_the_way_is_not_taken_for_the_shipped_weights(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("mccnet").write_bytes(b"something else")
        assert load_model().name == "mccnet"
        with pytest.raises(WeightsError, match="no such file"):
            find_weights("x" * 300)

    def test_unknown_names_are_listed_against_known_ones(self) -> None:
        with pytest.raises(WeightsError, match=r"nope.*mccnet"):
            find_weights("nope")

    @pytest.mark.parametrize(
        ("name", "config"),
        [
            ("paper", PAPER),
            (
                "mccnet",
                MCCNetConfig(use_cc=False, contrast=0.5, widths=(32, 96, 128), blocks=(2, 2, 4)),
            ),
        ],
    )
    def test_shipped_weights_say_what_they_are(self, name: str, config: MCCNetConfig) -> None:
        model = load_model(name)
        assert model.name == name
        assert model.network.config == config
        assert {"licence", "training_data", "version", "scores"} <= model.card.keys()
        assert find_weights(name).stat().st_size <= 12_000_000
