"""One picture on its way: views without a camera's tone curve, and memory given back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from dpdeblur import scratch
from dpdeblur.engines import Network, NetworkOptions
from dpdeblur.errors import NonFiniteResultError
from dpdeblur.io import Picture, PictureInfo
from dpdeblur.models import LoadedModel, MCCNet, MCCNetConfig
from dpdeblur.pair import DualPixelPair
from support.engines import restore

OPTIONS = NetworkOptions("cpu", "fp32", tile_size=64)


def network(contrast: float, levels: int = 1) -> LoadedModel:
    torch.manual_seed(2)
    config = MCCNetConfig(
        contrast=contrast,
        levels=levels,
        radii=(-2.0, 2.0),
        widths=(8, 8, 8),
        blocks=(1, 1, 1),
        use_cc=False,
    )
    model = MCCNet(config)
    torch.nn.init.normal_(model.body.head.weight, std=0.01)
    return LoadedModel(model.eval(), {}, "test", "")


def views() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    left, right = (0.1 + 0.8 * rng.random((2, 72, 104, 3))).astype(np.float32)
    return left, right


def bent(picture: np.ndarray, contrast: float) -> np.ndarray:
    x = picture.astype(np.float64)
    curved: np.ndarray = (x + contrast * x * (1 - x) * (2 * x - 1)).astype(np.float32)
    return curved


@pytest.mark.parametrize("contrast", [0.0, 0.6])
def test_views_without_a_curve_get_one_for_the_network_alone(contrast: float) -> None:
    model = network(contrast)
    left, right = views()
    curved = DualPixelPair(bent(left, contrast), bent(right, contrast))
    plain = DualPixelPair(left, right, toned=False)
    expected = restore(model, curved, OPTIONS).image
    found = bent(restore(model, plain, OPTIONS).image, contrast)
    inside = (expected > 0) & (expected < 1)  # what is clipped cannot be bent back
    assert inside.mean() > 0.5
    np.testing.assert_allclose(found[inside], expected[inside], atol=3e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_undefined_values_are_not_bent_into_defined_ones(value: float) -> None:
    model = network(0.6)
    with torch.no_grad():
        model.network.body.head.bias[0] = value
    with pytest.raises(NonFiniteResultError):
        restore(model, DualPixelPair(*views(), toned=False), OPTIONS)


def test_even_light_stays_through_all_scales() -> None:
    gray = np.full((64, 80, 3), 0.3, np.float32)
    other = gray.copy()
    other[0, 0] += 1e-3  # views must differ
    pair = DualPixelPair(gray, other, toned=False)
    model = network(0.6, levels=3)
    torch.nn.init.zeros_(model.network.body.head.weight)
    result = restore(model, pair, OPTIONS).image
    np.testing.assert_allclose(result[8:, 8:], 0.3, atol=2e-4)


@pytest.mark.parametrize(
    ("limit", "pixels", "given_back"),
    [
        ({}, "_TIDY_SCARCE", False),
        ({}, "_TIDY", True),
        ({"max_memory": 10**8}, "_TIDY_SCARCE", True),
    ],
)
def test_memory_is_given_back_between_tiles_sooner_where_it_is_scarce(
    limit: dict[str, int], pixels: str, given_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[torch.device] = []
    monkeypatch.setattr("dpdeblur.engines.tiled.release_unused", times.append)
    monkeypatch.setattr(f"dpdeblur.engines.tiled.{pixels}", 20_000)  # three tiles
    options = NetworkOptions("cpu", "fp32", tile_size=16, **limit)
    restore(network(0.6, levels=3), DualPixelPair(*views()), options)
    # Once for each scale in any case, and where it is scarce at the end.
    assert (len(times) > 4) == given_back


def test_memory_is_no_longer_kept_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    @contextmanager
    def watched(device: torch.device) -> Iterator[None]:
        events.append("kept")
        try:
            yield
        finally:
            events.append("given back")

    def stop(rows: int, _: int) -> None:
        if rows:
            raise KeyboardInterrupt

    monkeypatch.setattr("dpdeblur.engines.tiled.reusing_memory", watched)
    with pytest.raises(KeyboardInterrupt):
        Network(network(0.6, levels=3), OPTIONS).run(DualPixelPair(*views()), stop)
    assert events == ["kept", "given back"]


@pytest.mark.parametrize("as_files", [False, True])
def test_pictures_in_files_come_out_the_same(
    as_files: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = DualPixelPair(*views())
    if as_files:
        info = PictureInfo(Path("view.tif"), 16, gray=False)
        codes = (np.rint(view * 65535).astype(np.uint16) for view in views())
        pair = DualPixelPair(*(Picture(samples, 16, info) for samples in codes))
    model = network(0.6, levels=3)
    expected = restore(model, pair, OPTIONS).samples
    monkeypatch.setattr(scratch, "LARGE", 1)
    found = restore(model, pair, OPTIONS).samples
    assert not found.flags.owndata
    assert found.dtype == (np.uint16 if as_files else np.float32)
    np.testing.assert_array_equal(found, expected)
