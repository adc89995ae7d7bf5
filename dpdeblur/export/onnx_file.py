"""One level of a network as an ONNX graph that says how to run it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpdeblur import __version__
from dpdeblur.errors import ExportError, MissingExtraError
from dpdeblur.io.atomic import check_writable, write_whole

if TYPE_CHECKING:
    from torch import Tensor

    from dpdeblur.models import LoadedModel

OPSET = 18
"""Version of ONNX's operators."""
LARGEST_DIFFERENCE = 1e-4
"""From PyTorch's result, of pictures in [0, 1], that is still rounding."""
_TRACED, _OPTIMISED = 0.2, 0.93
"""Shares of the time after which these steps are about done; the rest is for the check."""
_SAID = {"Run decompositions... \u2705": 0.55, "Translate the graph into ONNX... \u2705": 0.6}
"""Likewise, by what PyTorch's exporter says then; it has no other way to tell."""
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def check_packages() -> None:
    """Raise MissingExtraError if something is missing that `export_onnx` needs."""
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise MissingExtraError("onnx", missing)


def export_onnx(
    model: LoadedModel,
    output: Path,
    *,
    check: bool = False,
    overwrite: bool = False,
    progress: Callable[[float], None] = lambda _: None,
) -> float | None:
    """Write one level of a network to a `.onnx` file, which appears whole or not at all.

    Height and width of its inputs are free, in multiples of 8. Fourier transforms become
    convolutions over small tiles, as ONNX has no fast ones; results differ by rounding.

    Args:
        model: the network.
        output: the file.
        check: run the graph by onnxruntime before it is written, and compare.
        overwrite: replace a file of that name.
        progress: called after each step with the share of the work done, up to 1.

    Returns:
        The largest difference from PyTorch's result if checked, else None.

    Raises:
        MissingExtraError: the extra `onnx` is not installed.
        ExportError: the graph's results are not the network's.
        OutputExistsError, UnwritableOutputError, UnsupportedFormatError: the file cannot be
            written.
    """
    check_packages()
    check_writable(output, overwrite=overwrite, extensions=(".onnx",))
    graph = _graph(model, progress)
    difference = compare(model, graph) if check else None
    if difference is not None and not difference <= LARGEST_DIFFERENCE:
        raise ExportError(output, difference, LARGEST_DIFFERENCE)
    write_whole(output, graph, overwrite=overwrite)
    progress(1.0)
    return difference


def metadata(model: LoadedModel) -> dict[str, str]:
    """What the file says of itself, in its `metadata_props`: all that it takes to run it."""
    descriptor = model.descriptor
    size = "1 x 3 x H x W"
    inputs = {"left": size, "right": size}
    if descriptor.levels > 1:
        inputs |= {"coarser": "1 x 3 x H/2 x W/2", "has_coarser": "1, 0 at the coarsest level"}
    return {
        "name": model.name,
        "architecture": descriptor.architecture,
        "dpdeblur": __version__,
        "sha256": model.sha256,
        "levels": str(descriptor.levels),
        "levels_width": str(descriptor.levels_width),
        "multiple_of": str(descriptor.multiple_of),
        "halo": str(descriptor.halo),
        "tiling": descriptor.tiling,
        "inputs": json.dumps(inputs),
        "output": f"sharp, {size}, not clipped",
        "encoding": "float32, RGB, sRGB-encoded in [0, 1]; levels are halved in linear light",
    }


def compare(model: LoadedModel, graph: bytes | Path, views: Any = None) -> float:
    """The largest difference of a graph's results, by onnxruntime on the CPU, from PyTorch's.

    `views` is a pair of `1 x 3 x H x W` tensors; None is noise of two sizes. Where there are
    levels, the result of half the size is the first half of the comparison.
    """
    import onnxruntime
    import torch

    from dpdeblur.models import halve

    source = str(graph) if isinstance(graph, Path) else graph
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    network, levels = model.network, model.descriptor.levels
    noise = torch.Generator().manual_seed(0)
    pairs = (
        [views]
        if views is not None
        else [tuple(torch.rand(2, 1, 3, *size, generator=noise)) for size in ((48, 96), (80, 64))]
    )
    worst = 0.0
    with torch.inference_mode():
        for left, right in pairs:
            coarser: Tensor | None = None
            steps = [(left, right)]
            if levels > 1:
                steps.insert(0, (halve(left), halve(right)))
            for first, second in steps:
                right_one = network.level(first, second, coarser)
                found = session.run(None, _inputs(first, second, coarser, levels))[0]
                worst = max(worst, float((right_one - torch.from_numpy(found)).abs().max()))
                coarser = right_one
    return worst


def _inputs(left: Tensor, right: Tensor, coarser: Tensor | None, levels: int) -> dict[str, Any]:
    import torch

    found = {"left": left, "right": right}
    if levels > 1:
        half = left.new_zeros(1, 3, left.shape[2] // 2, left.shape[3] // 2)
        found["coarser"] = half if coarser is None else coarser
        found["has_coarser"] = torch.tensor([0.0 if coarser is None else 1.0])
    return {name: tensor.numpy() for name, tensor in found.items()}


def _graph(model: LoadedModel, progress: Callable[[float], None]) -> bytes:
    """The serialised graph."""
    import onnx
    import torch
    from torch.export import Dim

    from dpdeblur.export.level import Level

    multiple = model.descriptor.multiple_of
    rows, columns = Dim("rows", min=2), Dim("columns", min=2)
    size = {2: multiple * rows, 3: multiple * columns}
    half = {2: multiple // 2 * rows, 3: multiple // 2 * columns}
    shapes: dict[str, Any] = {"left": size, "right": size}
    views = torch.rand(2, 1, 3, 6 * multiple, 8 * multiple)
    arguments = [*views]
    if model.descriptor.levels > 1:
        shapes |= {"coarser": half, "has_coarser": {}}
        arguments += [torch.rand(1, 3, 3 * multiple, 4 * multiple), torch.ones(1)]
    progress(0.001)  # from here on the time that is left can be told
    with warnings.catch_warnings(), _quiet(), contextlib.redirect_stdout(_Heard(progress)):
        warnings.simplefilter("ignore")  # the exporter's own, about what it will be some day
        traced = torch.export.export(
            Level(model.network).eval(), tuple(arguments), dynamic_shapes=shapes, strict=False
        )
        progress(_TRACED)
        program = torch.onnx.export(
            traced,
            input_names=list(shapes),
            output_names=["sharp"],
            opset_version=OPSET,
            dynamo=True,
            optimize=False,
            verbose=True,
        )
        assert program is not None
        program.optimize()
        progress(_OPTIMISED)
    proto = program.model_proto
    onnx.helper.set_model_props(proto, metadata(model))
    return bytes(proto.SerializeToString())


class _Heard(io.StringIO):
    """Swallows what the exporter says, and tells of its progress."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        super().__init__()
        self._progress = progress

    def write(self, text: str) -> int:
        for said, share in _SAID.items():
            if said in text:
                self._progress(share)
        return len(text)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks that torchvision is missing, which no network needs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
