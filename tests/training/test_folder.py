"""Training crops of a data set in DPDD's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dpdeblur.colour import combine
from dpdeblur.errors import (
    IdenticalViewsError,
    MissingFileError,
    OptionError,
    PairingError,
    ShapeMismatchError,
    UnreadableFileError,
)
from dpdeblur.io import read_picture, write_picture
from dpdeblur.training.batches import PairSource
from dpdeblur.training.folder import FolderPairs
from support.photographed import Pictures, photographed, write_dpdd

CPU = torch.device("cpu")


def written(root: Path, *pictures: Pictures) -> Path:
    write_dpdd(root, "train", {f"1P0A{2 * n:04}": pixels for n, pixels in enumerate(pictures)})
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures behind the focus plane."""
    root = tmp_path_factory.mktemp("train")
    return written(root, *(photographed(80, 96, 5.0, seed) for seed in range(3)))


def disparity(left: torch.Tensor, right: torch.Tensor) -> int:
    """The shift in pixels from left to right view that fits best."""
    shifts = range(-5, 6)
    errors = [(left - right.roll(-s, -1))[..., 5:-5].square().mean().item() for s in shifts]
    return shifts[int(np.argmin(errors))]


def test_crops_are_parts_of_the_pictures(folder: Path) -> None:
    """Each crop, turned back, is found in exactly one place of one picture, in all three parts."""
    pairs: PairSource = FolderPairs(folder, 0, CPU)
    names = ("1P0A0000", "1P0A0002", "1P0A0004")
    sharp = [read_picture(p).srgb() for p in sorted((folder / "train_c/target").iterdir())]
    views = {
        side: [read_picture(folder / f"train_{side}/source/{n}.png").srgb() for n in names]
        for side in "lr"
    }
    flips = set()
    for step in range(8):
        batch = pairs.batch(step, 2, (24, 32))
        for left, right, truth in zip(batch.left, batch.right, batch.sharp, strict=True):
            assert truth.shape == (3, 24, 32)
            (place,) = [
                (index, top, x, up, mirrored)
                for up in (False, True)
                for mirrored in (False, True)
                for index, picture in enumerate(sharp)
                for top, x in positions(picture, turned(truth, up, mirrored))
            ]
            index, top, x, up, mirrored = place
            flips.add((up, mirrored))
            # A mirrored left view is the right view of the mirrored scene.
            for view, side in ((left, "r" if mirrored else "l"), (right, "l" if mirrored else "r")):
                part = views[side][index][top : top + 24, x : x + 32]
                np.testing.assert_allclose(turned(view, up, mirrored), part, atol=1e-6)
    assert len(flips) == 4


def turned(tensor: torch.Tensor, up: bool, mirrored: bool) -> np.ndarray:
    pixels = tensor.permute(1, 2, 0).numpy()
    return pixels[:: -1 if up else 1, :: -1 if mirrored else 1]


def positions(picture: np.ndarray, crop: np.ndarray) -> list[tuple[int, int]]:
    """Where `crop` lies in `picture`: top and left."""
    height, width = crop.shape[:2]
    corners = picture[: len(picture) - height + 1, : picture.shape[1] - width + 1]
    return [
        (top, x)
        for top, x in np.argwhere(np.isclose(corners, crop[0, 0], atol=1e-6).all(-1)).tolist()
        if np.allclose(picture[top : top + height, x : x + width], crop, atol=1e-6)
    ]


@pytest.mark.parametrize(("radius", "sign"), [(5.0, 1), (-5.0, -1)])
def test_no_augmentation_breaks_the_disparitys_sign(
    tmp_path: Path, radius: float, sign: int
) -> None:
    pairs = FolderPairs(written(tmp_path, photographed(64, 80, radius)), 3, CPU)
    for step in range(12):
        batch = pairs.batch(step, 1, (48, 64))
        assert sign * disparity(batch.left, batch.right) > 0


def test_the_sharp_picture_is_the_target(folder: Path) -> None:
    batch = FolderPairs(folder, 0, CPU).batch(0, 4, (40, 40))
    blurred = combine(batch.left, batch.right)
    assert blurred.diff(dim=-1).square().mean() < 0.5 * batch.sharp.diff(dim=-1).square().mean()


def test_a_batch_depends_on_seed_and_number_alone(folder: Path) -> None:
    used, fresh, other = (FolderPairs(folder, seed, CPU) for seed in (5, 5, 6))
    small = FolderPairs(folder, 5, CPU, cache=1)
    for step in (2, 0, 1):
        batch = used.batch(step, 3, (24, 24))
    again, alike = fresh.batch(1, 3, (24, 24)), small.batch(1, 3, (24, 24))
    for name in ("left", "right", "sharp"):
        assert torch.equal(getattr(batch, name), getattr(again, name))
        assert torch.equal(getattr(batch, name), getattr(alike, name))
    assert not torch.equal(batch.sharp, other.batch(1, 3, (24, 24)).sharp)
    assert not torch.equal(batch.sharp, used.batch(0, 3, (24, 24)).sharp)
    assert used.fingerprint() == small.fingerprint() != other.fingerprint()


def test_other_pictures_have_another_fingerprint(tmp_path: Path, folder: Path) -> None:
    pictures = [photographed(80, 96, 5.0, seed) for seed in range(3)]
    same = FolderPairs(written(tmp_path / "same", *pictures), 0, CPU)
    reference = FolderPairs(folder, 0, CPU)
    assert same.fingerprint() == reference.fingerprint()
    pictures[2]["sharp"] = pictures[2]["sharp"][::-1].copy()
    changed = FolderPairs(written(tmp_path / "changed", *pictures), 0, CPU)
    assert changed.fingerprint() != reference.fingerprint()


class TestProtocol:
    """Patches overlap by 60 %, and the 30 % that are least sharp in a picture are dropped."""

    def test_each_picture_keeps_its_share_once_an_epoch(self, tmp_path: Path) -> None:
        contrasts = (1.0, 0.3, 1.0, 0.1, 0.5)  # each is one patch, which is never dropped
        pictures = [photographed(40, 40, 2.0, *each) for each in enumerate(contrasts)]
        pairs = FolderPairs(written(tmp_path, *pictures), 0, CPU)
        assert len(pairs) == 5
        values = [np.sort(each["sharp"], axis=None) for each in pictures]
        orders = []
        for epoch in range(2):
            batch = pairs.batch(epoch, 5, (40, 40))
            drawn = [np.sort(crop.numpy(), axis=None) for crop in batch.sharp]
            which = [
                next(n for n, each in enumerate(values) if np.allclose(each, crop, atol=1e-4))
                for crop in drawn
            ]
            assert sorted(which) == [0, 1, 2, 3, 4]
            orders.append(which)
        assert orders[0] != orders[1]

    @pytest.mark.slow
    def test_where_the_truth_is_least_sharp(self, tmp_path: Path) -> None:
        pixels = photographed(72, 136, 2.0)  # patches 0, 16, 32 down and 0, 16, ..., 96 along
        fade = np.linspace(1, 0.05, 136, dtype=np.float32)[:, None]
        faded = {  # the views the other way: how blurred they are is no reason to drop them
            key: 0.5 + (each - 0.5) * (fade if key == "sharp" else fade[::-1])
            for key, each in pixels.items()
        }
        pairs = FolderPairs(written(tmp_path, faded), 0, CPU)
        picture = read_picture(tmp_path / "train_c" / "target" / "1P0A0001.png").srgb()
        places = set()
        for truth in pairs.batch(0, 600, (40, 40)).sharp:
            places |= {
                place
                for up in (False, True)
                for mirrored in (False, True)
                for place in positions(picture, turned(truth, up, mirrored))
            }
        # The last two columns are dropped; the others are moved by up to half a step.
        rows, columns = ({place[axis] for place in places} for axis in (0, 1))
        assert columns == set(range(64 + 8 + 1))
        assert rows == set(range(32 + 1))

    def test_an_epoch_is_counted_in_patches_of_512(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(0).random((4, 560, 1000, 3), dtype=np.float32)
        pictures = dict(zip(("left", "right", "combined", "sharp"), noise, strict=True))
        # Two by four patches, at 0 and 48 pixels down and at 0, 208, 416 and 488 along.
        assert len(FolderPairs(written(tmp_path, pictures), 0, CPU)) == 6


class TestErrors:
    @pytest.mark.parametrize("size", [(81, 16), (16, 97)])
    def test_crops_must_fit(self, folder: Path, size: tuple[int, int]) -> None:
        pairs = FolderPairs(folder, 0, CPU)
        assert pairs.batch(0, 1, (80, 96)).left.shape == (1, 3, 80, 96)
        for refused in (lambda: pairs.check_size(size), lambda: pairs.batch(0, 1, size)):
            with pytest.raises(OptionError, match=r"crops of (81|97) pixels do not fit .*l/source"):
                refused()

    def test_a_damaged_picture_is_named_at_once(self, tmp_path: Path) -> None:
        root = written(tmp_path, *(photographed(seed=seed) for seed in range(3)))
        path = root / "train_c" / "target" / "1P0A0003.png"
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(UnreadableFileError, match=r"1P0A0003\.png"):
            FolderPairs(root, 0, CPU)

    def test_sizes_must_agree(self, tmp_path: Path) -> None:
        root = written(tmp_path, photographed())
        path = root / "train_c" / "target" / "1P0A0001.png"
        write_picture(path, read_picture(path).srgb()[:40], overwrite=True)
        with pytest.raises(ShapeMismatchError, match=r"1P0A0001\.png and .*1P0A0000\.png differ"):
            FolderPairs(root, 0, CPU)

    def test_views_must_differ(self, tmp_path: Path) -> None:
        pixels = photographed()
        root = written(tmp_path, pixels | {"right": pixels["left"]})
        with pytest.raises(IdenticalViewsError, match=r"r/source/1P0A0000\.png are identical"):
            FolderPairs(root, 0, CPU)

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(PairingError):
            FolderPairs(tmp_path, 0, CPU)
        with pytest.raises(MissingFileError):
            FolderPairs(tmp_path / "none", 0, CPU)
