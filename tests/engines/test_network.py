"""The engine: tiles, memory, precision, interruption."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.device import list_devices
from dpdeblur.engines import NetworkOptions, Restored
from dpdeblur.errors import NonFiniteResultError, OptionError, OutOfMemoryError
from dpdeblur.models import (
    PAPER,
    LoadedModel,
    MCCNet,
    MCCNetConfig,
    ModelDescriptor,
    load_model,
)
from dpdeblur.models.margin import Margin
from dpdeblur.pair import DualPixelPair, read_pair
from support.engines import restore

HALO = 112
EXAMPLE = Path(__file__).parents[2] / "examples" / "canon_r6ii"
HAS_BF16 = "bf16" in list_devices()[-1].precisions
needs_bf16 = pytest.mark.skipif(not HAS_BF16, reason="this processor has no bf16")
Hook = Callable[[int, Tensor], Tensor]


def on_cpu(precision: str = "fp32", **options: int | bool | None) -> NetworkOptions:
    return NetworkOptions("cpu", precision, **options)  # type: ignore[arg-type]


def random_views(height: int, width: int, seed: int = 0) -> DualPixelPair:
    left, right = np.random.default_rng(seed).random((2, height, width, 3), dtype=np.float32)
    return DualPixelPair(left, right)


def loaded(network: nn.Module) -> LoadedModel:
    return LoadedModel(network.eval(), {}, "test", "")  # type: ignore[arg-type]


@cache
def random_mccnet(residual: bool) -> LoadedModel:
    """Random weights, whose results fill [0, 1] without being clipped everywhere."""
    torch.manual_seed(1)
    network = MCCNet(dataclasses.replace(PAPER, residual=residual))
    nn.init.normal_(network.body.output_layer.weight, std=0.02)
    nn.init.constant_(network.body.output_layer.bias, 0.0 if residual else 0.5)
    return loaded(network)


class Reach(nn.Module):
    """Exact arithmetic that looks as far as MCCNet may: halo, blocks of 8, whole rows.

    `spoil(number of the call, result)` may change the result or raise.
    """

    descriptor = ModelDescriptor()

    def __init__(self, spoil: Hook | None = None, halo: int = HALO) -> None:
        super().__init__()
        self.spoil, self.halo = spoil, halo
        self.rows_seen: list[int] = []

    def __deepcopy__(self, memo: object) -> Reach:
        return self  # so that what the engine's copy sees can be asked here

    def level(
        self, left: Tensor, right: Tensor, coarser: Tensor | None, *, margin: Margin
    ) -> Tensor:
        assert coarser is None
        assert left.shape == right.shape
        assert left.shape[2] % 8 == left.shape[3] % 8 == 0
        self.rows_seen.append(left.shape[2])
        rows = left.shape[2]
        above = functional.pad(left, (0, 0, self.halo, 0))[:, :, :rows]
        below = functional.pad(right, (0, 0, 0, self.halo))[:, :, -rows:]
        blocks = functional.interpolate(functional.max_pool2d(left, 8), scale_factor=8.0)
        result = (above + below + blocks + right.amax(dim=3, keepdim=True)) / 4
        result = self.spoil(len(self.rows_seen), result) if self.spoil else result
        return margin.trim(result, Margin())


def reach_by_numpy(views: DualPixelPair) -> NDArray[np.float32]:
    height, width = views.left.shape[:2]
    margins = ((0, -height % 8), (0, -width % 8), (0, 0))
    left, right = (np.pad(view, margins, mode="edge") for view in (views.left, views.right))
    above, below = np.zeros_like(left), np.zeros_like(right)
    above[HALO:] = left[:-HALO]
    below[:-HALO] = right[HALO:]
    rows, columns = left.shape[0] // 8, left.shape[1] // 8
    blocks = left.reshape(rows, 8, columns, 8, 3).max(axis=(1, 3)).repeat(8, 0).repeat(8, 1)
    whole = (above + below + blocks + right.max(axis=1, keepdims=True)) / 4
    return whole[:height, :width]


def difference(first: Restored, second: Restored) -> float:
    return float(np.abs(first.image - second.image).max())


@given(st.integers(16, 420), st.integers(16, 60), st.integers(1, 440))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_every_strip_sees_all_that_the_network_may_look_at(
    height: int, width: int, tile_size: int
) -> None:
    views = random_views(height, width)
    restored = restore(loaded(Reach()), views, on_cpu(tile_size=tile_size))
    np.testing.assert_array_equal(restored.image, reach_by_numpy(views))
    assert restored.run.tile_size is not None
    assert restored.run.tile_size[0] < tile_size + 8 + HALO  # which borders lack
    assert restored.run.tile_size[1] == width
    assert (restored.run.tiles == 1) == (tile_size > height - 8 + -height % 8)


@pytest.mark.parametrize("halo", [HALO + 1, HALO + 8])
def test_a_network_that_looks_farther_is_found_out(halo: int) -> None:
    views, model = random_views(400, 24), loaded(Reach(halo=halo))
    assert difference(restore(model, views), restore(model, views, on_cpu(tile_size=64))) > 0.1


@given(
    residual=st.booleans(),
    height=st.integers(16, 400),
    width=st.integers(16, 40),
    share=st.floats(0.15, 1.0),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=12)
@pytest.mark.slow
def test_strips_of_mccnet_equal_the_whole(
    residual: bool, height: int, width: int, share: float, seed: int
) -> None:
    model, views = random_mccnet(residual), random_views(height, width, seed)
    whole = restore(model, views, on_cpu())
    strips = restore(model, views, on_cpu(tile_size=max(1, int(share * height))))
    assert whole.run.tiles == 1
    assert whole.image.std() > 0.05
    assert difference(whole, strips) <= 2e-5


@cache
def random_compact() -> LoadedModel:
    """The compact network with random weights, small, as deep as the shipped one."""
    torch.manual_seed(2)
    network = MCCNet(MCCNetConfig(widths=(6, 8, 8), view_widths=(3, 4), radii=(-3.0, 2.0, 9.0)))
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            # Outputs of the size that trained weights have: rounding grows with them.
            share = 0.1 if "head" in name else 1.0
            nn.init.normal_(parameter, std=share * parameter[0].numel() ** -0.5)
    return loaded(network)


@given(
    sides=st.permutations([st.integers(16, 90), st.integers(16, 700)]).flatmap(
        lambda sides: st.tuples(*sides)
    ),
    tile_size=st.integers(30, 400),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=10)
@pytest.mark.slow
def test_tiles_of_a_pyramid_equal_the_whole(
    sides: tuple[int, int], tile_size: int, seed: int
) -> None:
    model, views = random_compact(), random_views(*sides, seed)
    whole = restore(model, views, on_cpu(tile_size=10_000))
    tiles = restore(model, views, on_cpu(tile_size=tile_size))
    assert whole.run.tiles == 1
    assert (tiles.run.tiles > 1) == (max(sides) > tile_size + -tile_size % 8)
    assert np.abs(whole.image - views.combined()).max() > 0.05
    assert difference(whole, tiles) <= 2e-5


@pytest.mark.slow
def test_tiles_with_the_shipped_weights_equal_the_whole() -> None:
    model, views = load_model("mccnet"), read_pair(EXAMPLE / "l.png", EXAMPLE / "r.png")
    whole = restore(model, views, on_cpu(tile_size=10_000))
    tiles = restore(model, views, on_cpu(tile_size=200))
    assert (whole.run.tiles, tiles.run.tiles) == (1, 12)
    assert tiles.run.tile_size == (208, 248)
    assert difference(whole, tiles) <= 2e-5 + 1 / 65535  # both are rounded to 16 bits


@pytest.mark.parametrize("name", ["mccnet", "paper"])
def test_pairs_from_files_give_the_samples_that_floats_would(name: str) -> None:
    views = read_pair(EXAMPLE / "l.png", EXAMPLE / "r.png")
    part = slice(0, 64)
    floats = DualPixelPair(*views.window(part, part))
    pictures = (
        dataclasses.replace(view, samples=view.samples[part, part])
        for view in (views.left_view, views.right_view)
    )
    model = load_model() if name == "mccnet" else loaded(MCCNet(PAPER))
    first, second = (restore(model, pair, on_cpu()) for pair in (floats, DualPixelPair(*pictures)))
    assert (first.samples.dtype, second.samples.dtype) == (np.float32, np.uint16)
    expected = np.rint(first.image * np.float32(65535))
    # The smaller scales of a pyramid are kept in 16 bits, too.
    np.testing.assert_allclose(second.samples, expected, atol=4 if name == "mccnet" else 0)
    assert second.image.dtype == np.float32


@pytest.mark.parametrize("size", [(96, 128), (50, 75)])
def test_the_engine_restores_the_pyramid_that_the_network_does(size: tuple[int, int]) -> None:
    model, views = random_compact(), random_views(*size)
    left, right = (
        torch.from_numpy(view).permute(2, 0, 1)[None] for view in (views.left, views.right)
    )
    levels = model.descriptor.levels_for(*size)
    with torch.inference_mode():
        whole = model.network.pyramid(left, right, levels)[-1].clamp(0, 1)
    expected = whole[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(restore(model, views, on_cpu()).image, expected, atol=2e-5)


def test_progress_of_a_pyramid_counts_its_smaller_scales() -> None:
    seen: list[tuple[int, int]] = []
    views = random_views(64, 64)
    restore(random_compact(), views, on_cpu(tile_size=32), lambda *at: seen.append(at))
    # 16x16, 32x32 and 64x64 pixels in tiles of 32x32: 1, 4 and four times 4 parts of 21.
    assert {(64 * parts // 21, 64) for parts in (0, 1, 5, 9, 13, 17, 21)} <= set(seen)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("ensemble", [False, True])
@pytest.mark.parametrize("name", ["mccnet", "paper"])
def test_progress_goes_on_within_a_tile(name: str, ensemble: bool) -> None:
    seen: list[int] = []
    model = loaded(MCCNet(PAPER if name == "paper" else MCCNetConfig()))
    options = on_cpu(ensemble=ensemble)
    restored = restore(model, random_views(400, 24), options, lambda done, _: seen.append(done))
    assert restored.run.tiles == 1
    assert (seen[0], seen[-1]) == (0, 400)
    assert seen == sorted(set(seen))
    assert max(np.diff(seen)) <= 400 / (4 if name == "paper" else 7)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.slow
def test_a_smaller_halo_does_not_do(residual: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, views = random_mccnet(residual), random_views(460, 24)
    whole = restore(model, views, on_cpu())
    assert difference(whole, restore(model, views, on_cpu(tile_size=96))) <= 2e-5
    monkeypatch.setattr(model.network, "descriptor", ModelDescriptor(halo=80))
    assert difference(whole, restore(model, views, on_cpu(tile_size=96))) > 4e-5


def test_a_network_at_its_start_returns_the_combined_view() -> None:
    views = random_views(37, 51)
    restored = restore(loaded(MCCNet(PAPER)), views, on_cpu())
    np.testing.assert_allclose(restored.image, views.combined(), atol=1e-6)


def test_what_is_returned() -> None:
    restored = restore(
        loaded(Reach(lambda _, result: 80 * result - 38.5)), random_views(45, 19), on_cpu()
    )
    pixels = restored.image
    assert (pixels.shape, pixels.dtype) == ((45, 19, 3), np.float32)
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert (restored.run.device, restored.run.precision, restored.run.notes) == (
        "cpu",
        "fp32",
        (),
    )
    assert (restored.run.tiles, restored.run.tile_size) == (1, (45, 19))
    assert restored.run.seconds > 0


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes() -> None:
    model, views = random_mccnet(True), random_views(100, 33)
    first, second = (restore(model, views, on_cpu(tile_size=40)) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()


def test_progress_counts_rows() -> None:
    seen: list[tuple[int, int]] = []
    restore(
        loaded(Reach()),
        random_views(61, 16),
        on_cpu(tile_size=16),
        lambda done, rows: seen.append((done, rows)),
    )
    assert seen == [(0, 61), (16, 61), (32, 61), (48, 61), (61, 61)]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError(),
    ],
)
def test_out_of_memory_goes_on_in_smaller_strips(error: Exception) -> None:
    def fail_above_300_rows(call: int, result: Tensor) -> Tensor:
        if call > 1 and result.shape[2] > 300:
            raise error
        return result

    network, views = Reach(fail_above_300_rows), random_views(700, 16)
    seen: list[int] = []
    restored = restore(
        loaded(network), views, on_cpu(tile_size=240), lambda done, _: seen.append(done)
    )
    np.testing.assert_array_equal(restored.image, reach_by_numpy(views))
    # The first strip of 272 rows stays. The next read too much at 160 and at 80 rows.
    assert restored.run.notes == (
        "ran out of memory, retried with tiles of 16x80 pixels",
        "ran out of memory, retried with tiles of 16x40 pixels",
    )
    assert seen[:2] == [0, 272]
    assert seen == sorted(set(seen))
    assert seen[-1] == 700
    assert max(np.diff(seen[1:])) <= 40
    assert len(network.rows_seen) == restored.run.tiles + 2


def test_out_of_memory_in_the_smallest_strip_gives_up_with_figures() -> None:
    def fail(_: int, result: Tensor) -> Tensor:
        raise RuntimeError("not enough memory: you tried to allocate")

    network = Reach(fail)
    with pytest.raises(OutOfMemoryError) as caught:
        restore(loaded(network), random_views(300, 16), on_cpu(max_memory=10**9))
    assert caught.value.budget == 10**9
    assert 10**6 < caught.value.needed < 10**9
    assert network.rows_seen == sorted(set(network.rows_seen), reverse=True)
    assert (network.rows_seen[0], network.rows_seen[-1]) == (304, 8 + HALO)


@pytest.mark.parametrize(("height", "tile_size"), [(320, 64), (1120, 88), (1120, 200)])
def test_what_is_kept_beyond_the_tile_size_at_borders_is_cut_too(
    height: int, tile_size: int
) -> None:
    def fail(_: int, result: Tensor) -> Tensor:
        raise MemoryError

    network, views = Reach(fail), random_views(height, 16)
    with pytest.raises(OutOfMemoryError):
        restore(loaded(network), views, on_cpu(tile_size=tile_size))
    assert len(network.rows_seen) < 10


def test_other_errors_are_not_taken_for_it() -> None:
    def fail(_: int, result: Tensor) -> Tensor:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        restore(loaded(Reach(fail)), random_views(32, 32), on_cpu())


@pytest.mark.slow
def test_max_memory_picks_the_tile_size() -> None:
    model, views = loaded(Reach()), random_views(3000, 64)
    runs = [
        restore(model, views, on_cpu(max_memory=int(memory)))
        for memory in (250e6, 350e6, 500e6, 2e9)
    ]
    counts = [run.run.tiles for run in runs]
    assert counts == sorted(set(counts), reverse=True)
    assert counts[-1] == 1
    both = restore(model, views, on_cpu(max_memory=int(350e6), tile_size=3000))
    assert both.run.tiles == runs[1].run.tiles
    both = restore(model, views, on_cpu(max_memory=int(350e6), tile_size=8))
    assert both.run.tile_size == (8, 64)


@pytest.mark.slow
def test_too_little_memory_is_known_before_the_work() -> None:
    network = Reach()
    with pytest.raises(OutOfMemoryError, match="raise max_memory") as caught:
        restore(loaded(network), random_views(600, 600), on_cpu(max_memory=10**8))
    assert not network.rows_seen
    enough = restore(
        loaded(network), random_views(600, 600), on_cpu(max_memory=caught.value.needed)
    )
    assert enough.run.tile_size == (8, 600)


@needs_bf16
def test_bf16_is_near_fp32() -> None:
    model, views = random_mccnet(True), random_views(64, 48)
    exact, fast = (restore(model, views, on_cpu(name)) for name in ("fp32", "bf16"))
    assert fast.run.precision == "bf16"
    assert 0 < difference(exact, fast) < 0.05
    assert np.abs(exact.image - fast.image).mean() < 5e-3


def spoil_half_precision_from(first_call: int, value: float) -> Hook:
    def spoil(call: int, result: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu") and call >= first_call:
            result[0, 1, -1, 3] = value
        return result

    return spoil


@needs_bf16
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_undefined_values_are_repeated_in_fp32(value: float) -> None:
    # The bottom row of what is read is a row of the picture in the last strip only.
    network, views = Reach(spoil_half_precision_from(2, value)), random_views(96, 16)
    restored = restore(loaded(network), views, on_cpu("bf16", tile_size=32))
    np.testing.assert_array_equal(restored.image, reach_by_numpy(views))
    assert restored.run.precision == "fp32"
    assert restored.run.notes == ("bf16 gave infinite or undefined values, repeated in fp32",)
    assert len(network.rows_seen) == restored.run.tiles + 1 == 4


@needs_bf16
def test_fp32_keeps_to_the_budget_too() -> None:
    views = random_views(600, 100)
    restored = restore(
        loaded(Reach(spoil_half_precision_from(1, float("nan")))),
        views,
        on_cpu("bf16", max_memory=270_000_000),
    )
    np.testing.assert_array_equal(restored.image, reach_by_numpy(views))
    assert restored.run.tiles > 1


def test_undefined_values_in_fp32_are_an_error() -> None:
    torch.manual_seed(0)
    network = MCCNet(PAPER)
    with torch.no_grad():
        next(network.parameters())[0] = float("nan")
        nn.init.ones_(network.body.output_layer.weight)
    with pytest.raises(NonFiniteResultError, match="weights"):
        restore(loaded(network), random_views(16, 16), on_cpu())


def test_an_interruption_leaves_everything_as_it_was() -> None:
    model, views = random_mccnet(True), random_views(200, 16)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    whole = restore(model, views, on_cpu())

    def interrupt(done: int, _: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(model, views, on_cpu(tile_size=40), interrupt)
    assert not torch.is_inference_mode_enabled()
    assert not torch.is_autocast_enabled("cpu")
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.stride() == before[name].contiguous().stride()
    assert restore(model, views, on_cpu()).image.tobytes() == whole.image.tobytes()


@pytest.mark.parametrize("option", ["max_memory", "tile_size"])
def test_sizes_below_one_are_refused(option: str) -> None:
    with pytest.raises(OptionError, match=f"^{option}: 0 must be at least 1"):
        NetworkOptions(**{option: 0})  # type: ignore[arg-type]


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.gpu
@needs_cuda
def test_cuda_agrees_with_the_cpu_and_with_its_own_strips() -> None:
    model, views = random_mccnet(True), random_views(500, 203)
    reference = restore(model, views, on_cpu())
    whole = restore(model, views, NetworkOptions("cuda", "fp32"))
    strips = restore(model, views, NetworkOptions("cuda", "fp32", tile_size=96))
    assert whole.run.peak_memory is not None
    assert strips.run.peak_memory is not None
    assert 0 < strips.run.peak_memory < whole.run.peak_memory
    assert difference(whole, strips) <= 2e-5
    assert difference(whole, reference) <= 1e-4
    # Random weights magnify what three bits less of bf16 cost: 0.056 on an H100.
    for precision, most in (("bf16", 0.08), ("fp16", 0.05)):
        assert difference(whole, restore(model, views, NetworkOptions("cuda", precision))) < most


@pytest.mark.gpu
@needs_cuda
def test_cuda_out_of_memory_is_survived() -> None:
    model, views = random_mccnet(True), random_views(1500, 500)
    whole = restore(model, views, NetworkOptions("cuda", "fp32"))
    assert whole.run.peak_memory is not None
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(0.6 * whole.run.peak_memory / total)
    try:
        strips = restore(model, views, NetworkOptions("cuda", "fp32", tile_size=1500))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert strips.run.tiles > 1
    assert "ran out of memory" in strips.run.notes[0]
    assert difference(whole, strips) <= 2e-5


def test_ensemble_is_the_mean_of_the_mirrored_scenes() -> None:
    views, model = random_views(40, 56), random_mccnet(residual=False)
    mirrored = DualPixelPair(views.right[:, ::-1].copy(), views.left[:, ::-1].copy())
    passes = []
    for scene, axes in ((views, ()), (mirrored, (1,))):
        upside_down = DualPixelPair(scene.left[::-1].copy(), scene.right[::-1].copy())
        passes.append(np.flip(restore(model, scene, on_cpu()).image, axes))
        passes.append(np.flip(restore(model, upside_down, on_cpu()).image, (0, *axes)))
    inner = ((np.array(passes) > 0) & (np.array(passes) < 1)).all(0)  # single passes are clipped
    assert inner.mean() > 0.5
    result = restore(model, views, on_cpu(ensemble=True)).image
    np.testing.assert_allclose(result[inner], np.mean(passes, axis=0)[inner], atol=2e-5)
    assert np.abs(result - passes[0]).max() > 1e-3


@pytest.mark.slow
def test_ensemble_does_not_depend_on_strips() -> None:
    views, model = random_views(264, 24), random_mccnet(residual=True)
    whole = restore(model, views, on_cpu(ensemble=True))
    strips = restore(model, views, on_cpu(ensemble=True, tile_size=40))
    assert (whole.run.tiles, strips.run.tiles) == (1, 7)
    np.testing.assert_allclose(strips.image, whole.image, atol=2e-5)
