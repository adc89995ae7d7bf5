"""The library in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import dpdeblur
from dpdeblur.engines import NetworkOptions, restore
from dpdeblur.errors import (
    IdenticalViewsError,
    InvalidPictureError,
    OptionError,
    PictureTooSmallError,
    ShapeMismatchError,
    WeightsError,
)
from dpdeblur.models import PAPER, MCCNet, load_model, save_model
from dpdeblur.pair import DualPixelPair

LEFT, RIGHT = np.random.default_rng(0).random((2, 21, 18, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = MCCNet(PAPER)
    nn.init.normal_(network.body.output_layer.weight, std=0.02)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_model(network, path, {})
    return path


def deblur(left: NDArray[Any], right: NDArray[Any], weights: Path) -> NDArray[np.float32]:
    return dpdeblur.deblur(left, right, weights=weights, device="cpu", precision="fp32")


def test_deblur_is_load_and_restore(weights: Path) -> None:
    model = load_model(weights)
    expected = restore(model, DualPixelPair(LEFT, RIGHT), NetworkOptions("cpu", "fp32")).pixels
    np.testing.assert_array_equal(deblur(LEFT, RIGHT, weights), expected)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float64, np.float16, ">u2"])
def test_types_of_arrays(kind: Any, weights: Path) -> None:
    dtype = np.dtype(kind)
    full = np.iinfo(dtype).max if dtype.kind == "u" else 1
    left, right = ((view * full).astype(dtype) for view in (LEFT, RIGHT))
    result = deblur(left, right, weights)
    assert (result.shape, result.dtype) == ((21, 18, 3), np.float32)
    same = deblur(*((view / full).astype(np.float32) for view in (left, right)), weights)
    np.testing.assert_allclose(result, same, atol=1e-5)


def test_gray_is_three_equal_channels(weights: Path) -> None:
    gray = [view[..., 0] for view in (LEFT, RIGHT)]
    colour = [np.stack([view] * 3, axis=-1) for view in gray]
    np.testing.assert_array_equal(deblur(*gray, weights), deblur(*colour, weights))


def test_lists_of_lists_and_strips(weights: Path) -> None:
    seen: list[int] = []
    result = dpdeblur.deblur(
        LEFT.tolist(),
        RIGHT.tolist(),
        weights=weights,
        device="cpu",
        precision="fp32",
        strip_height=8,
        progress=lambda done, _: seen.append(done),
    )
    assert seen == [0, 8, 16, 21]
    np.testing.assert_allclose(result, deblur(LEFT, RIGHT, weights), atol=2e-5)


@pytest.mark.parametrize(
    ("left", "right", "error"),
    [
        (LEFT, LEFT, IdenticalViewsError),
        (LEFT, RIGHT[:20], ShapeMismatchError),
        (LEFT[:15], RIGHT[:15], PictureTooSmallError),
        (255 * LEFT, 255 * RIGHT, InvalidPictureError),
        (np.full_like(LEFT, np.nan), RIGHT, InvalidPictureError),
        (LEFT.astype(np.int32), RIGHT.astype(np.int32), InvalidPictureError),
        (np.concatenate([LEFT, RIGHT], axis=2), RIGHT, InvalidPictureError),
        (LEFT[0, 0], RIGHT[0, 0], InvalidPictureError),
    ],
)
def test_unusable_pictures(
    left: NDArray[Any], right: NDArray[Any], error: type[Exception], weights: Path
) -> None:
    with pytest.raises(error):
        deblur(left, right, weights)


def test_unusable_options(weights: Path) -> None:
    with pytest.raises(OptionError, match=r"^strip_height: "):
        dpdeblur.deblur(LEFT, RIGHT, weights=weights, strip_height=0)
    with pytest.raises(WeightsError):
        deblur(LEFT, RIGHT, weights.with_name("none"))
