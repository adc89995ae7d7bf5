"""The optimiser as an engine: its device, its reading of raw numbers, its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from dpdeblur.colour import linear_to_srgb
from dpdeblur.device import Setup
from dpdeblur.engines.optimiser import Optimiser, OptimiserOptions, solve
from dpdeblur.errors import CalibrationError, DeviceError, InvalidPictureError
from dpdeblur.optics import read_calibration, write_calibration
from dpdeblur.pair import DualPixelPair, read_pair
from support.optimiser_reference import asymmetric_calibration

BLACK, WHITE = 1024, 16383
FAST = OptimiserOptions("fast", device="cpu")
OF_RAW = replace(asymmetric_calibration(), levels=(BLACK, WHITE))


def numbers(seed: int = 0) -> NDArray[np.uint16]:
    """Linear raw numbers, some of them below black and some above white."""
    return np.random.default_rng(seed).integers(900, 18000, (2, 40, 50), np.uint16)


def raw_pair(folder: Path, profile: bytes | None = None) -> DualPixelPair:
    for side, each in zip("LR", numbers(), strict=True):
        path = folder / f"a_{side}.tif"
        tifffile.imwrite(path, each, iccprofile=profile, metadata=None)
    return read_pair(folder / "a_L.tif", folder / "a_R.tif")


class TestDevice:
    @pytest.fixture(autouse=True)
    def apple(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine whose best device is mps."""

        def choose(name: str, precision: str) -> Setup:
            device = torch.device("mps" if name == "auto" else name)
            return Setup(device, precision, (f"{name} was asked for",))

        monkeypatch.setattr("dpdeblur.engines.optimiser.engine.choose", choose)

    def test_mps_is_refused_when_named(self) -> None:
        with pytest.raises(DeviceError) as failure:
            Optimiser(options=OptimiserOptions(device="mps")).prepare()
        assert "mps" in str(failure.value)
        assert "choose auto, cpu or cuda" in str(failure.value)

    def test_mps_is_avoided_otherwise(self, small_views: DualPixelPair) -> None:
        engine = Optimiser(options=OptimiserOptions("fast"))
        engine.prepare()
        run = engine.run(small_views).run
        assert (run.device, run.precision) == ("cpu", "fp32")
        assert run.notes == ("cpu was asked for",)


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, MemoryError])
@pytest.mark.parametrize("work", [Optimiser.run, Optimiser.find_map])
def test_a_device_that_is_too_small_is_told(
    small_views: DualPixelPair,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Exception],
    work: Callable[[Optimiser, DualPixelPair], object],
) -> None:
    def exhausted(*_: object) -> None:
        raise kind("out of memory")

    for name in ("solve", "closed_form"):
        monkeypatch.setattr(f"dpdeblur.engines.optimiser.engine.{name}", exhausted)
    # There is nothing else to choose than cpu, and nothing of what filled the memory is kept.
    with pytest.raises(DeviceError, match=r"'cpu'.*too small .* choose a smaller pic") as failure:
        work(Optimiser(options=FAST), small_views)
    assert failure.value.__context__ is None


class TestLevels:
    @pytest.mark.parametrize("gamma", [None, 1.0, 2.2])
    def test_numbers_are_read_as_stored(self, tmp_path: Path, gamma: float | None) -> None:
        profile = None if gamma is None else bytes(imagecodecs.cms_profile("gray", gamma=gamma))
        pair = Optimiser(OF_RAW).read(raw_pair(tmp_path, profile))
        assert pair.levels == (BLACK, WHITE)
        light = np.maximum(numbers() - float(BLACK), 0) / WHITE
        for view, read, expected in zip((pair.left, pair.right), pair.linear(), light, strict=True):
            np.testing.assert_allclose(read[..., 0], expected, rtol=1e-6)
            shown = np.repeat(linear_to_srgb(expected.clip(0, 1))[..., None], 3, -1)
            np.testing.assert_allclose(view, shown, atol=1e-6)

    @pytest.mark.slow
    def test_reading_twice_is_reading_once(self, tmp_path: Path) -> None:
        engine = Optimiser(OF_RAW, FAST)
        stored = raw_pair(tmp_path)
        pair = engine.read(stored)
        assert engine.read(pair) is pair
        once, twice = (engine.run(each) for each in (stored, pair))
        np.testing.assert_array_equal(once.image, twice.image)
        np.testing.assert_array_equal(once.defocus, twice.defocus)

    @pytest.mark.slow
    def test_light_above_white_counts(self, tmp_path: Path) -> None:
        engine = Optimiser(OF_RAW, FAST)
        found = solve(*engine.read(raw_pair(tmp_path)).linear(), OF_RAW, FAST)
        restored = engine.run(raw_pair(tmp_path))
        np.testing.assert_array_equal(restored.defocus, found.defocus)
        expected = linear_to_srgb(found.sharp.clip(0, 1))
        np.testing.assert_array_equal(restored.image, np.repeat(expected, 3, -1))
        assert found.sharp.max() > 1

    def test_arrays_are_no_raw_numbers(self, small_views: DualPixelPair) -> None:
        with pytest.raises(InvalidPictureError, match="not read from a file"):
            Optimiser(OF_RAW, FAST).run(small_views)


def test_a_calibration_of_another_size_is_refused(small_views: DualPixelPair) -> None:
    with pytest.raises(CalibrationError, match="59x50"):
        Optimiser(asymmetric_calibration(frame=(50, 60)), FAST).run(small_views)


def test_the_record_names_the_calibration(tmp_path: Path, small_views: DualPixelPair) -> None:
    path = tmp_path / "lens.npz"
    write_calibration(path, asymmetric_calibration())
    lens = read_calibration(path)
    settings = Optimiser(lens, replace(FAST, radii=(-1.0, 2.0))).run(small_views).run.settings
    told = {"path": str(path), "radius": 4.0, "sha256": lens.sha256}
    assert settings["calibration"] == told
    assert settings["radii"] == [-1.0, 2.0]
    assert (settings["layers"][0], settings["layers"][-1]) == (2.0, -1.0)
    alone = Optimiser(asymmetric_calibration(), FAST).settings["calibration"]
    assert alone == {"path": None, "radius": 4.0, "sha256": None}
