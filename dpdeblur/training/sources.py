"""Opening the pictures that a recipe names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from dpdeblur.datasets import TruthPair, find_truth_pairs, is_folder
from dpdeblur.device import try_out
from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.models import MULTIPLE_OF
from dpdeblur.pair import read_beside, read_pair
from dpdeblur.training.batches import Batch, PairSource
from dpdeblur.training.config import TrainConfig
from dpdeblur.training.synthetic import SyntheticPairs, load_photos
from dpdeblur.training.validation import Validator

Warn = Callable[[str], object] | None


def settled(config: TrainConfig, device: torch.device) -> tuple[TrainConfig, tuple[str, ...]]:
    """The recipe with the precision that "auto" means on `device`, and a note if that is slow."""
    if config.precision != "auto":
        return config, ()
    failure = try_out(device, "bf16")
    if failure is None:
        return replace(config, precision="bf16"), ()
    note = f"Training in fp32, since {device} cannot compute in bf16 ({failure})."
    return replace(config, precision="fp32"), (note,)


def check_folders(config: TrainConfig, beside: Path) -> None:
    """Find out before anything else whether the folders that a recipe names are there.

    Raises OptionError if it names no pictures, MissingFileError, and UnreadableFileError for files.
    """
    if not (config.photos or config.pairs):
        reason = "give a folder of sharp pictures, or as 'pairs' one of pairs with their truth"
        raise OptionError("photos", reason)
    watched = config.validation
    for name in filter(None, (config.photos, config.pairs, watched.photos, watched.pairs)):
        if not is_folder(beside / name):
            raise UnreadableFileError(beside / name, "it is not a folder")


def open_pairs(
    config: TrainConfig, beside: Path, device: torch.device, warn: Warn = None
) -> PairSource:
    """What a recipe trains on; its folders are relative to `beside`.

    `warn` gets a sentence about each folder inside them that cannot be listed, else an error.

    Raises what `check_folders` does, and the errors of reading pictures.
    """
    check_folders(config, beside)
    if config.pairs:
        from dpdeblur.training.folder import FolderPairs

        return FolderPairs(beside / config.pairs, config.seed, device, warn=warn)
    photos = load_photos(beside / config.photos, device, warn=warn)
    return SyntheticPairs(photos, config.scenes, config.seed, config.camera)


def open_validation(
    config: TrainConfig, beside: Path, device: torch.device, warn: Warn = None
) -> Validator | None:
    """What a recipe is watched on, None if it names nothing; raises as `open_pairs` does."""
    wanted = config.validation
    size = (wanted.height, wanted.width)
    sets = {}
    if wanted.photos:
        photos = load_photos(beside / wanted.photos, device, warn=warn)
        margin = SyntheticPairs(photos, config.scenes, wanted.seed, config.camera).margin
        needed = [side + 2 * margin for side in size]
        large = [p for p in photos if p.shape[1] >= needed[0] and p.shape[2] >= needed[1]]
        # Where all are too small, the error names the smallest.
        rendered = SyntheticPairs(large or photos, config.scenes, wanted.seed, config.camera)
        try:
            sets["photos"] = [rendered.batch(number, 1, size) for number in range(wanted.count)]
        except OptionError as error:
            raise OptionError(f"validation.{error.key}", error.reason) from error
    if wanted.pairs:
        found = find_truth_pairs(beside / wanted.pairs, "val", warn=warn)
        sets["pairs"] = [_middle(pair, size) for pair in islice(found, wanted.count)]
    return Validator(sets, settled(config, device)[0].precision) if sets else None


def _middle(pair: TruthPair, size: tuple[int, int]) -> Batch:
    """The middle of a pair's pictures, at most of `size`, cut to what the network takes."""
    views = read_pair(pair.left, pair.right)
    truth = read_beside(pair.truth, views).srgb()
    have = views.left.shape[:2]
    height, width = (
        min(wanted, side // MULTIPLE_OF * MULTIPLE_OF)
        for wanted, side in zip(size, have, strict=True)
    )
    top, left = (have[0] - height) // 2, (have[1] - width) // 2

    def cut(pixels: object) -> Tensor:
        whole = torch.as_tensor(pixels).permute(2, 0, 1)[None]
        return whole[..., top : top + height, left : left + width].contiguous()

    return Batch(cut(views.left), cut(views.right), cut(truth))
