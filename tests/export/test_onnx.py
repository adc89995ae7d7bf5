"""Networks as ONNX graphs, run by onnxruntime."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpdeblur import __version__
from dpdeblur.engines import NetworkOptions
from dpdeblur.errors import MissingExtraError
from dpdeblur.export import compare, export_onnx
from dpdeblur.export.filters import TiledFilters
from dpdeblur.models import load_model
from dpdeblur.optics import InverseDesign, design_inverses, filter_views
from dpdeblur.pair import DualPixelPair
from support.command import failure, run
from support.engines import restore

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["paper", "mccnet"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    path = tmp_path_factory.mktemp("onnx") / f"{request.param}.onnx"
    shares: list[float] = []
    difference = export_onnx(load_model(request.param), path, check=True, progress=shares.append)
    assert difference is not None
    assert difference < 1e-4
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) == 6  # two of them by what PyTorch's exporter says
    return path


@pytest.mark.slow
class TestExport:
    def test_a_real_pair(self, exported: Path, example: DualPixelPair) -> None:
        """A part of it, whose sides are not those that the graph was made from."""
        part = np.s_[100:276, 200:456]
        views = [
            torch.from_numpy(view[part]).permute(2, 0, 1)[None]
            for view in (example.left, example.right)
        ]
        assert compare(load_model(exported.stem), exported, views) < 1e-4

    def test_it_says_what_it_is(self, exported: Path) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        meta = onnxruntime.InferenceSession(str(exported)).get_modelmeta().custom_metadata_map
        model = load_model(exported.stem)
        assert meta["sha256"] == model.sha256
        assert (meta["name"], meta["dpdeblur"]) == (exported.stem, __version__)
        assert int(meta["levels"]) == model.descriptor.levels
        assert int(meta["halo"]) == model.descriptor.halo
        assert ("coarser" in json.loads(meta["inputs"])) == (model.descriptor.levels > 1)
        assert "sRGB" in meta["encoding"]

    def test_the_guide_restores_the_example(
        self, exported: Path, example: DualPixelPair, tmp_path: Path, monkeypatch: Any
    ) -> None:
        """A part of it, since speed is not what this is about."""
        shutil.copytree(ROOT / "examples", tmp_path / "examples")
        shutil.copy(exported, tmp_path / "mccnet.onnx")
        monkeypatch.chdir(tmp_path)
        text = (ROOT / "docs/export.md").read_text(encoding="utf-8")
        (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        part = np.s_[100:235, 200:389]  # 135 x 189: padded at every level
        code = code.replace("samples = iio.imread(path)", "samples = iio.imread(path)[PART]")
        names: dict[str, Any] = {"PART": part}
        exec(code, names)
        pair = DualPixelPair(example.left[part].copy(), example.right[part].copy())
        options = NetworkOptions("cpu", "fp32")
        expected = restore(load_model(exported.stem), pair, options).image
        assert np.abs(names["sharp"] - expected).max() < 1e-4
        assert (tmp_path / "sharp.tif").is_file()


def test_filters_without_fourier_transforms() -> None:
    filters = design_inverses([-2.0, 5.0], InverseDesign(reach=8)).float()
    left, right = torch.rand(2, 1, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    found = list(TiledFilters(filters)(left, right))
    expected = filter_views(left, right, filters)
    assert len(found) == 2
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=0)


def test_missing_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dpdeblur.export.onnx_file.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError) as error:
        export_onnx(load_model(), tmp_path / "x.onnx")
    assert (error.value.packages, error.value.extra) == (
        ("onnx", "onnxscript", "onnxruntime"),
        "onnx",
    )
    sentence = failure(run("export", "-o", tmp_path / "x.onnx"))
    assert "run: pip install 'dpdeblur[onnx]'" in sentence


def test_what_cannot_be_written(tmp_path: Path) -> None:
    if importlib.util.find_spec("onnx") is None:
        pytest.skip("needs the extra onnx")
    assert "unknown format" in failure(run("export", "-o", tmp_path / "x.pt"))
    (tmp_path / "x.onnx").write_bytes(b"")
    assert "already exists" in failure(run("export", "-o", tmp_path / "x.onnx"))
    assert "nope" in failure(run("export", "-o", tmp_path / "y.onnx", "--weights", "nope"))
