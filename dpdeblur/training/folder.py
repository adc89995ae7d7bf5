"""Training pairs from photographs: crops of a data set in DPDD's layout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import sobel

from dpdeblur.datasets import TruthPair, find_truth_pairs
from dpdeblur.errors import OptionError
from dpdeblur.pair import read_beside, read_pair
from dpdeblur.training.batches import Batch

PATCH = (512, 512)
OVERLAP = 0.6
DROPPED = 0.3
CELL = 8
_THREADS = 8

_Size = tuple[int, int]


class FolderPairs:
    """Random crops of the photographs below `folder` that `datasets.find_truth_pairs` finds.

    The protocol of DPDNet: a grid of patches that overlap by 60 % is laid over each picture, and
    the 30 % of its patches whose truth is least sharp are dropped, as even areas do not show their
    blur. Here patches are as large as the crops asked for (the protocol's are 512 x 512), the grid
    keeps to multiples of CELL pixels, and the sharpness is the mean of Sobel's gradient, as
    encoded, of one width (the protocol multiplies four). Each kept patch is taken once an epoch,
    in random order, moved by up to half the grid's step either way, and turned upside down or
    mirrored at random. Mirrored views change places, which keeps the sign of the disparity.

    A batch depends on the photographs, the seed and its number alone. All pictures are read at the
    start, so that a damaged one is found then, and again whenever they are needed: only about
    `cache` bytes of them are kept, in 16 bits (the 350 for training in DPDD would take 12 GB).
    `find_truth_pairs` takes `warn`, too.

    Raises the errors of `find_truth_pairs`, `pair.read_pair` and `pair.read_beside`.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        device: torch.device,
        *,
        cache: int = 4 * 2**30,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        self.seed, self.device = seed, device
        self._pairs = find_truth_pairs(folder, "train", warn=warn)
        count = max(1, cache // _read(self._pairs[0]).nbytes)
        self._picture = lru_cache(count)(lambda index: _read(self._pairs[index]))
        self._patches = lru_cache(maxsize=8)(self._kept)
        self._order = lru_cache(maxsize=2)(self._shuffled)
        self._threads = ThreadPoolExecutor(_THREADS, "pictures")  # decoding takes most of the time
        pictures = range(len(self._pairs))
        self._surveys = list(self._threads.map(lambda i: _survey(self._picture(i)), pictures))

    def __len__(self) -> int:
        """An epoch: how many 512 x 512 patches are kept (where pictures are smaller, smaller)."""
        height, width = (min(sides) for sides in zip(PATCH, *self._sizes, strict=True))
        return len(self._patches((height, width)))

    @property
    def _sizes(self) -> list[_Size]:
        return [survey.size for survey in self._surveys]

    def check_size(self, size: _Size) -> None:
        """Raise OptionError if crops of `size` (height, width) do not fit every photograph."""
        for axis, name in enumerate(("height", "width")):
            for pair, sides in zip(self._pairs, self._sizes, strict=True):
                if sides[axis] < size[axis]:
                    raise OptionError(
                        name,
                        f"crops of {size[axis]} pixels do not fit {pair.left}, which has "
                        f"{sides[axis]}; make the crops smaller or leave the photograph out",
                    )

    def fingerprint(self) -> str:
        """Digest of all that batches depend on besides their number; of photographs, a sample."""
        digest = hashlib.sha256(repr(self.seed).encode())
        for survey in self._surveys:
            digest.update(repr(survey.size).encode())
            digest.update(survey.sample)
        return digest.hexdigest()

    def batch(self, step: int, count: int, size: _Size) -> Batch:
        """Batch number `step`: `count` pairs of `size` (height, width). Raises OptionError."""
        self.check_size(size)
        patches = self._patches(size)
        rng = np.random.default_rng((self.seed, 1, step))
        crops_drawn = []
        for number in range(step * count, (step + 1) * count):
            epoch, turn = divmod(number, len(patches))
            index, *corner = patches[self._order(epoch, len(patches))[turn]]
            rows, columns = map(_moved, corner, size, self._sizes[index], (rng, rng))
            crops_drawn.append((int(index), rows, columns, rng.random(2) < 0.5))
        crops = np.stack(list(self._threads.map(self._crop, *zip(*crops_drawn, strict=True))))
        pixels = torch.from_numpy(crops.astype(np.float32) / np.float32(65535))
        parts = pixels.to(self.device).permute(1, 0, 4, 2, 3).contiguous()
        return Batch(*parts)

    def _crop(
        self, index: int, rows: slice, columns: slice, flips: NDArray[np.bool_]
    ) -> NDArray[np.uint16]:
        crop = self._picture(index)[:, rows, columns]
        upside_down, mirrored = flips
        if upside_down:
            crop = crop[:, ::-1]
        # The right view of a mirrored scene is the mirrored left view.
        return crop[[1, 0, 2], :, ::-1] if mirrored else crop

    def _kept(self, size: _Size) -> NDArray[np.int64]:
        """Picture, top and left of each patch of `size` that is kept, one row each."""
        found = []
        for index, survey in enumerate(self._surveys):
            corners, sharpness = survey.grid(size)
            order = np.argsort(sharpness, kind="stable")
            kept = np.sort(order[int(DROPPED * len(order)) :])
            found.append(np.insert(corners[kept], 0, index, axis=1))
        return np.concatenate(found)

    def _shuffled(self, epoch: int, count: int) -> NDArray[np.int64]:
        return np.random.default_rng((self.seed, 0, epoch)).permutation(count)


@dataclass(frozen=True, eq=False)
class _Survey:
    """What is remembered of a picture: its size, its truth's sharpness by cell, some pixels."""

    size: _Size
    sharpness: NDArray[np.float64]
    sample: bytes

    def grid(self, size: _Size) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Top left corners `N x 2` in pixels of the patches of `size`, and their sharpness."""
        cells = [max(1, side // CELL) for side in size]
        corners = []
        for side, length, full in zip(size, cells, self.sharpness.shape, strict=True):
            last = full - length
            corners.append(np.unique([*range(0, last, _step(side) // CELL), last]))
        top, left = np.meshgrid(*corners, indexing="ij")
        total = np.pad(self.sharpness, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        bottom, right = top + cells[0], left + cells[1]
        sums = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
        return CELL * np.stack((top.ravel(), left.ravel()), 1), sums.ravel()


def _survey(picture: NDArray[np.uint16]) -> _Survey:
    gray = picture[2].mean(2) / 65535
    gradient = np.hypot(sobel(gray, 0), sobel(gray, 1))
    rows, columns = (side // CELL for side in gray.shape)
    cells = gradient[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
    height, width = gray.shape
    return _Survey((height, width), cells.mean((1, 3)), picture[:, ::61, ::53].tobytes())


def _step(side: int) -> int:
    """Pixels from one patch to the next along a side."""
    return max(1, round((1 - OVERLAP) * side / CELL)) * CELL


def _moved(start: int, side: int, full: int, rng: np.random.Generator) -> slice:
    """A crop's pixels along one axis: a patch's, moved at random but within the picture."""
    half = _step(side) // 2
    start = int(np.clip(start + rng.integers(-half, half, endpoint=True), 0, full - side))
    return slice(start, start + side)


def _read(pair: TruthPair) -> NDArray[np.uint16]:
    """Left view, right view and truth as they lay on the sensor, 3 x H x W x 3, 16 bits."""
    views = read_pair(pair.left, pair.right)
    truth = read_beside(pair.truth, views).srgb()
    codes = [np.rint(p * np.float32(65535)) for p in (views.left, views.right, truth)]
    return np.stack(codes).astype(np.uint16)
