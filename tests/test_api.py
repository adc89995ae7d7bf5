"""The library in one call."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import dpdeblur
from dpdeblur.engines import Network, NetworkOptions, make_engine
from dpdeblur.errors import (
    IdenticalViewsError,
    InvalidPictureError,
    OptionError,
    PictureTooSmallError,
    ShapeMismatchError,
    WeightsError,
)
from dpdeblur.models import PAPER, MCCNet, load_model, save_model
from dpdeblur.optics import read_calibration, write_calibration
from dpdeblur.pair import DualPixelPair
from support.optimiser_reference import asymmetric_calibration

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


def test_deblur_is_load_and_run(weights: Path) -> None:
    engine = Network(load_model(weights), NetworkOptions("cpu", "fp32"))
    expected = engine.run(DualPixelPair(LEFT, RIGHT)).image
    np.testing.assert_array_equal(deblur(LEFT, RIGHT, weights), expected)
    np.testing.assert_array_equal(dpdeblur.deblur(LEFT, RIGHT, engine=engine), expected)


def test_the_optimiser_by_name_or_made(small_views: DualPixelPair) -> None:
    left, right = small_views.left, small_views.right
    seen: list[tuple[int, int]] = []
    engine = make_engine("mpi", device="cpu", method="fast")
    expected = engine.run(small_views).image
    named = dpdeblur.deblur(left, right, engine="mpi", device="cpu", method="fast")
    np.testing.assert_array_equal(named, expected)
    made = dpdeblur.deblur(left, right, engine=engine, progress=lambda *at: seen.append(at))
    np.testing.assert_array_equal(made, expected)
    assert seen == sorted(seen)


@pytest.mark.slow
def test_a_calibration_is_read_from_its_file(tmp_path: Path, small_views: DualPixelPair) -> None:
    views = small_views.left, small_views.right
    first, second = (tmp_path / f"{index}.npz" for index in range(2))
    write_calibration(first, asymmetric_calibration())
    kernels = asymmetric_calibration()
    write_calibration(second, replace(kernels, left=kernels.right, right=kernels.left))
    calibrated = [
        dpdeblur.deblur(*views, engine="mpi", device="cpu", method="fast", calibration=path)
        for path in (first, second, str(first))
    ]
    assert not np.array_equal(calibrated[0], calibrated[1])
    np.testing.assert_array_equal(calibrated[0], calibrated[2])
    # A file that has changed is read anew.
    write_calibration(first, read_calibration(second), overwrite=True)
    again = dpdeblur.deblur(*views, engine="mpi", device="cpu", method="fast", calibration=first)
    np.testing.assert_array_equal(again, calibrated[1])


@pytest.mark.slow
def test_a_calibration_of_the_same_name_in_another_folder(
    tmp_path: Path, small_views: DualPixelPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = small_views.left, small_views.right
    kernels = asymmetric_calibration()
    results = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        write_calibration(Path("lens.npz"), kernels)
        os.utime("lens.npz", ns=(0, 0))  # as copies with their times have it
        results.append(
            dpdeblur.deblur(
                *views, engine="mpi", device="cpu", method="fast", calibration="lens.npz"
            )
        )
        kernels = replace(kernels, left=kernels.right, right=kernels.left)
    assert not np.array_equal(*results)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float64, np.float16, ">u2"])
def test_types_of_arrays(kind: Any, weights: Path) -> None:
    dtype = np.dtype(kind)
    full = np.iinfo(dtype).max if dtype.kind == "u" else 1
    left, right = ((view * full).astype(dtype) for view in (LEFT, RIGHT))
    result = deblur(left, right, weights)
    assert (result.shape, result.dtype) == ((21, 18, 3), np.float32)
    same = deblur(*((view / full).astype(np.float32) for view in (left, right)), weights)
    np.testing.assert_allclose(result, same, atol=1e-5)


def test_arrays_may_be_mirrored_turned_or_read_only() -> None:
    """As other libraries give them: BGR seen as RGB, say, has a negative stride."""
    views = [np.ascontiguousarray(np.tile(view, (4, 4, 1))) for view in (LEFT, RIGHT)]
    for change in (lambda a: a[..., ::-1], lambda a: a[::-1], np.rot90):
        seen = [change(view) for view in views]
        whole = [np.ascontiguousarray(view) for view in seen]
        np.testing.assert_array_equal(dpdeblur.deblur(*seen), dpdeblur.deblur(*whole))
    expected = dpdeblur.deblur(*views)
    for view in views:
        view.setflags(write=False)
    np.testing.assert_array_equal(dpdeblur.deblur(*views), expected)


def test_gray_is_three_equal_channels(weights: Path) -> None:
    gray = [view[..., 0] for view in (LEFT, RIGHT)]
    colour = [np.stack([view] * 3, axis=-1) for view in gray]
    np.testing.assert_array_equal(deblur(*gray, weights), deblur(*colour, weights))


@pytest.mark.slow
def test_lists_of_lists_and_strips(weights: Path) -> None:
    seen: list[int] = []
    result = dpdeblur.deblur(
        LEFT.tolist(),
        RIGHT.tolist(),
        weights=weights,
        device="cpu",
        precision="fp32",
        tile_size=8,
        progress=lambda done, _: seen.append(done),
    )
    assert (seen[0], seen[-1]) == (0, 21)
    assert len(seen) > 3
    assert seen == sorted(seen)
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
    with pytest.raises(OptionError, match=r"^tile_size: "):
        dpdeblur.deblur(LEFT, RIGHT, weights=weights, tile_size=0)
    with pytest.raises(OptionError, match=r"^engine: 'psf' is unknown"):
        dpdeblur.deblur(LEFT, RIGHT, engine="psf")
    with pytest.raises(OptionError, match=r"^method: .* engine mpi"):
        dpdeblur.deblur(LEFT, RIGHT, method="fast")
    with pytest.raises(OptionError, match=r"^weights: .* engine mccnet"):
        dpdeblur.deblur(LEFT, RIGHT, engine="mpi", weights=weights)
    with pytest.raises(WeightsError):
        deblur(LEFT, RIGHT, weights.with_name("none"))
