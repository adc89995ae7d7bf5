"""The kernels of training cameras, seen as what becomes of a single point of light."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpdeblur.colour import srgb_to_linear
from dpdeblur.io import write_picture
from dpdeblur.training import CameraConfig, SceneConfig, SyntheticPairs, load_photos
from support.unreadable import make_unreadable

RADIUS = 6
SCENE = SceneConfig(
    occluders=0, behind=1, sharp=0, large=0, moderate_range=(RADIUS, RADIUS), flat=1
)
EXACT = CameraConfig(wide_share=0, read_noise=(0, 0), shot_noise=(0, 0), view_gain=0, eight_bit=0)


def points(camera: CameraConfig, count: int) -> torch.Tensor:
    """Images of single points, the mean of both views in linear light, each `side x side`."""
    pairs = SyntheticPairs([torch.zeros(3, 79, 79, dtype=torch.uint8)], SCENE, 0, camera)
    side = 79 - 2 * pairs.margin
    pairs.photos[0][:, 39, 39] = 255
    batch = pairs.batch(0, count, (side, side))
    left, right = (srgb_to_linear(view.double())[:, 0] for view in (batch.left, batch.right))
    return (left + right) / 2


def spot(camera: CameraConfig) -> torch.Tensor:
    """The middle row of a point's image, from its centre on; the brightest pixel is 1."""
    light = points(camera, 1)[0]
    row = light[len(light) // 2, len(light) // 2 :]
    return row / row.max()


def test_disks_are_flat_and_end_sharply() -> None:
    row = spot(EXACT)
    torch.testing.assert_close(row[:RADIUS], torch.ones(RADIUS).double(), rtol=0, atol=0.01)
    assert row[RADIUS] == pytest.approx(0.5, abs=0.02)
    assert row[RADIUS + 1] < 0.01


def test_edges_may_be_soft() -> None:
    row = spot(dataclasses.replace(EXACT, edge=(4.0, 4.0)))
    expected = torch.tensor([1, 0.75, 0.5, 0.25, 0]).double()
    torch.testing.assert_close(row[RADIUS - 2 : RADIUS + 3], expected, rtol=0, atol=0.03)


def test_rims_may_grow_with_the_blur() -> None:
    soft = dataclasses.replace(EXACT, soft=1.0, softness=(2 / 3, 2 / 3))
    wide = spot(dataclasses.replace(EXACT, edge=(4.0, 4.0)))
    torch.testing.assert_close(spot(soft)[:20], wide[:20])
    torch.testing.assert_close(spot(dataclasses.replace(soft, soft=0.0)), spot(EXACT))


def test_some_cameras_are_soft() -> None:
    some = dataclasses.replace(EXACT, soft=0.5, softness=(1.0, 1.0))
    light = points(some, 24)
    sharp = light.amax((1, 2)) > 0.95 * points(EXACT, 1).amax()
    assert 6 < sharp.sum() < 18


@pytest.mark.parametrize("change", [{"tilt": (1.0, 1.0)}, {"offset": (0.8, 0.8)}])
def test_lopsided_points_stay_in_the_middle(change: dict[str, tuple[float, float]]) -> None:
    for light in points(dataclasses.replace(EXACT, **change), 4):
        side = light.shape[-1]
        pixels = torch.arange(side).double() - side // 2
        total = light.sum()
        assert (light.sum(0) @ pixels / total).item() == pytest.approx(0, abs=0.1)
        assert (light.sum(1) @ pixels / total).item() == pytest.approx(0, abs=0.1)
        mirrored = light.flip(0, 1)
        assert (light - mirrored).abs().sum() > 0.2 * total
    even = points(EXACT, 1)[0]
    torch.testing.assert_close(even, even.flip(0, 1), rtol=0, atol=0.01)


def test_the_barrel_may_take_some_of_the_disk() -> None:
    row, clipped = (spot(dataclasses.replace(EXACT, clip=(share, share))) for share in (0.0, 1.5))
    assert clipped.sum() < row.sum()


def test_views_may_come_from_jpegs() -> None:
    rng = torch.Generator().manual_seed(0)
    photos = [torch.randint(0, 256, (3, 99, 99), generator=rng, dtype=torch.uint8)]
    focused = SceneConfig(sharp=1, sharp_range=(0.0, 0.0), flat=1, occluders=0)
    lossy = dataclasses.replace(EXACT, jpeg=0.5, quality=(60.0, 90.0))
    batch = SyntheticPairs(photos, focused, 1, lossy).batch(0, 12, (32, 32))
    for view in (batch.left, batch.right):
        lost = (view - batch.sharp).abs().amax((1, 2, 3)) > 0.05
        assert 2 < lost.sum() < 10
    plain = SyntheticPairs(photos, focused, 1, EXACT).batch(0, 12, (32, 32))
    assert torch.equal(batch.sharp, plain.sharp)


def test_disks_may_be_hollow() -> None:
    hollow = dataclasses.replace(EXACT, butterworth=1.0, floor=(0.2, 0.2))
    row = spot(hollow)
    assert row[0] < 0.5
    assert row[0] < row[3] < row[RADIUS - 1]
    assert row[2] == pytest.approx(
        row[0].item(), rel=0.1
    )  # the ring's inner rim is steep and far out
    assert spot(dataclasses.replace(hollow, butterworth=0.0))[0] > 0.99


def test_what_one_view_gains_the_other_loses() -> None:
    photos = [torch.full((3, 79, 79), 128, dtype=torch.uint8)]
    pairs = SyntheticPairs(photos, SCENE, 0, dataclasses.replace(EXACT, view_gain=0.1))
    batch = pairs.batch(0, 4, (16, 16))
    left, right, sharp = (
        srgb_to_linear(part.double()).mean((1, 2, 3))
        for part in (batch.left, batch.right, batch.sharp)
    )
    torch.testing.assert_close(left + right, 2 * sharp, rtol=0, atol=1e-3)
    assert ((left / right - 1).abs() > 0.01).any()


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({}, 0),
        ({"edge": (1.0, 5.0)}, 2),
        ({"soft": 0.1, "softness": (0.0, 0.5)}, 2),
        ({"offset": (-0.8, 0.8)}, 2),
        ({"tilt": (0.0, 0.6)}, 1),
        ({"offset": (-0.8, 0.8), "tilt": (0.0, 0.6)}, 3),
    ],
)
def test_wide_and_moved_disks_need_wider_margins(change: dict[str, Any], more: int) -> None:
    photos = [torch.zeros(3, 79, 79, dtype=torch.uint8)]
    pairs = SyntheticPairs(photos, SCENE, 0, dataclasses.replace(EXACT, **change))
    assert pairs.margin == SCENE.max_radius + 2 + more


def test_what_is_in_focus_spreads_in_views_and_truth_alike() -> None:
    focused = SceneConfig(occluders=0, sharp=1, sharp_range=(0, 0), flat=1, exposure=(1, 1))
    wide = dataclasses.replace(EXACT, spread=(0.9, 0.9))
    pairs = SyntheticPairs([torch.zeros(3, 79, 79, dtype=torch.uint8)], focused, 0, wide)
    side = 79 - 2 * pairs.margin
    pairs.photos[0][:, 39, 39] = 255
    batch = pairs.batch(0, 1, (side, side))
    squares = (torch.arange(side) - side // 2).double().square()
    for picture in (batch.left, batch.right, batch.sharp):
        light = srgb_to_linear(picture.double())[0, 0]
        assert light.sum() == pytest.approx(1, abs=2e-3)
        for axis in (0, 1):
            assert squares @ light.sum(axis) == pytest.approx(0.9**2, rel=0.05)


@pytest.mark.parametrize("eight_bit", [0, 1])
def test_the_tone_curve_is_that_of_both_views_and_the_truth(eight_bit: int) -> None:
    rng = torch.Generator().manual_seed(0)
    photos = [torch.randint(0, 256, (3, 79, 79), generator=rng, dtype=torch.uint8)]
    focused = SceneConfig(sharp=1, sharp_range=(0.0, 0.0), flat=1)
    plain = dataclasses.replace(EXACT, eight_bit=eight_bit)
    bent = dataclasses.replace(plain, contrast=(-1.0, 1.0))
    before, batch = (
        SyntheticPairs(photos, focused, 2, c).batch(0, 4, (48, 48)) for c in (plain, bent)
    )
    step = 1 / 255 if eight_bit else 1 / 65535
    for view in (batch.left, batch.right):
        assert (view - batch.sharp).abs().max() < 0.51 * step + 1 / 65535
    contrasts = []
    for picture, bare in zip(batch.sharp.double(), before.sharp.double(), strict=True):
        shape = bare * (1 - bare) * (2 * bare - 1)
        contrast = ((picture - bare) * shape).sum() / shape.square().sum()
        assert (picture - bare - contrast * shape).abs().max() < 1e-4
        contrasts.append(contrast.item())
    assert max(contrasts) - min(contrasts) > 0.3  # each camera has its own
    assert max(map(abs, contrasts)) <= 1
    sharper = dataclasses.replace(plain, contrast=(0.5, 0.5))
    expected = before.sharp + 0.5 * before.sharp * (1 - before.sharp) * (2 * before.sharp - 1)
    found = SyntheticPairs(photos, focused, 2, sharper).batch(0, 4, (48, 48)).sharp
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_a_folder_of_photographs_that_cannot_be_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture(tmp_path / "a.png", np.zeros((16, 16, 3), np.float32))
    (tmp_path / "lost+found").mkdir()
    make_unreadable(tmp_path / "lost+found", monkeypatch)
    notes: list[str] = []
    photos = load_photos(tmp_path, torch.device("cpu"), 16, warn=notes.append)
    assert len(photos) == 1
    assert notes == [
        f"The folder {tmp_path / 'lost+found'} cannot be read and is left out: Permission denied."
    ]
