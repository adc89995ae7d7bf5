"""Engines by their names: what is refused, and what both do alike."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from dpdeblur import __version__
from dpdeblur.cli._options import EngineName, Method
from dpdeblur.engines import ENGINES, Engine, Network, NetworkOptions, make_engine
from dpdeblur.engines.optimiser import Optimiser, OptimiserOptions, solve
from dpdeblur.engines.optimiser.options import Method as OfOptimiser
from dpdeblur.errors import DeviceError, MissingFileError, OptionError, WeightsError
from dpdeblur.models import load_model
from dpdeblur.optics import write_calibration
from dpdeblur.pair import DualPixelPair
from support.optimiser_reference import asymmetric_calibration

OF_NETWORK: dict[str, Any] = {
    "weights": "mccnet",
    "precision": "fp32",
    "max_memory": 10**9,
    "tile_size": 16,
    "ensemble": True,
}
OF_OPTIMISER: dict[str, Any] = {"calibration": "lens.npz", "method": "full", "radii": (-3.0, 3.0)}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    options = {"mccnet": {"precision": "fp32"}, "mpi": {"method": "fast"}}[request.param]
    return make_engine(request.param, device="cpu", **options)


def test_unknown_engine() -> None:
    with pytest.raises(OptionError, match=r"^engine: 'psf' is unknown; use mccnet or mpi\.$"):
        make_engine("psf")


@pytest.mark.parametrize(
    ("name", "options", "other"), [("mpi", OF_NETWORK, "mccnet"), ("mccnet", OF_OPTIMISER, "mpi")]
)
def test_options_of_the_other_engine(name: str, options: dict[str, Any], other: str) -> None:
    for key, value in options.items():
        with pytest.raises(OptionError, match=f"^{key}: it is for the engine {other}"):
            make_engine(name, **{key: value})


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("mccnet", {"tile_size": 0}, OptionError),
        ("mccnet", {"precision": "fp8"}, OptionError),
        ("mccnet", {"weights": "nowhere"}, WeightsError),
        ("mccnet", {"device": "toaster"}, DeviceError),
        ("mpi", {"method": "slow"}, OptionError),
        ("mpi", {"radii": (2.0, 1.0)}, OptionError),
        ("mpi", {"radii": (float("nan"), 1.0)}, OptionError),
        ("mpi", {"calibration": "nowhere.npz"}, MissingFileError),
        ("mpi", {"device": "toaster"}, DeviceError),
    ],
)
def test_what_cannot_be_used_is_told_before_any_picture(
    name: str, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        make_engine(name, **options)


@pytest.mark.slow
def test_both_run_through_the_protocol(engine: Engine, small_views: DualPixelPair) -> None:
    seen: list[tuple[int, int]] = []
    engine.prepare()
    assert engine.read(small_views) is small_views
    restored = engine.run(small_views, lambda done, parts: seen.append((done, parts)))
    assert (restored.image.dtype, restored.image.shape) == (np.float32, (50, 59, 3))
    assert 0 <= restored.image.min() < restored.image.max() <= 1
    assert seen == sorted(seen)
    assert all(0 <= done <= parts for done, parts in seen)
    again = engine.run(small_views)
    np.testing.assert_array_equal(again.image, restored.image)

    run = restored.run
    assert (run.engine, run.digest) == (engine.name, engine.digest)
    assert engine.name in ENGINES
    assert run.settings.items() >= engine.settings.items()
    assert (run.device, run.precision, run.notes) == ("cpu", "fp32", ())
    assert (run.tiles, run.tile_size) == (1, (50, 59))
    assert run.seconds > 0
    assert run.versions["dpdeblur"] == __version__
    record = asdict(run)
    assert json.loads(json.dumps(record, allow_nan=False)) == record | {
        "notes": [],
        "tile_size": [50, 59],
    }


@pytest.mark.slow
def test_only_the_optimiser_finds_a_map(engine: Engine, small_views: DualPixelPair) -> None:
    defocus = engine.run(small_views).defocus
    if engine.name == "mccnet":
        assert defocus is None
        return
    assert defocus is not None
    assert (defocus.dtype, defocus.shape) == (np.float32, (50, 59))
    options = OptimiserOptions(method="fast")
    np.testing.assert_array_equal(defocus, solve(*small_views.linear(), options=options).defocus)


def test_names_mean_the_classes(tmp_path: Path) -> None:
    write_calibration(tmp_path / "lens.npz", asymmetric_calibration())
    network = make_engine(device="cpu", ensemble=True, tile_size=24)
    assert isinstance(network, Network)
    assert network.options == NetworkOptions("cpu", tile_size=24, ensemble=True)
    optimiser = make_engine(
        "mpi", device="cpu", calibration=str(tmp_path / "lens.npz"), radii=(-2.0, 3.0)
    )
    assert isinstance(optimiser, Optimiser)
    assert optimiser.options == OptimiserOptions("full", (-2.0, 3.0), "cpu")
    assert optimiser.calibration is not None
    assert optimiser.calibration.radius == 4.0


def test_digests_tell_apart_what_restores_differently() -> None:
    model = load_model()
    lens = asymmetric_calibration()
    engines = [
        Network(model),
        Network(model, NetworkOptions(ensemble=True)),
        Optimiser(),
        Optimiser(options=OptimiserOptions("fast")),
        Optimiser(options=OptimiserOptions(radii=(-1.0, 2.0))),
        Optimiser(lens),
        Optimiser(replace(lens, radius=5.0)),
        Optimiser(replace(lens, left=lens.right, right=lens.left)),
        Optimiser(replace(lens, levels=(1024, 16383))),
    ]
    digests = [engine.digest for engine in engines]
    assert len(set(digests)) == len(digests)
    assert Network(model, NetworkOptions("cpu", "bf16", tile_size=8)).digest == digests[0]
    assert Optimiser(options=OptimiserOptions(device="cuda")).digest == digests[2]
    assert Optimiser(asymmetric_calibration()).digest == digests[5]


def test_the_command_line_knows_them() -> None:
    assert tuple(EngineName) == ENGINES
    assert tuple(Method) == get_args(OfOptimiser)
