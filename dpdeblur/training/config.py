"""What a training run is, checked key by key."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from dpdeblur.checked import Amount, Count, Positive, Seed, Share, Whole, checked
from dpdeblur.errors import OptionError
from dpdeblur.models import MULTIPLE_OF, MCCNetConfig
from dpdeblur.training.scene_config import CameraConfig, SceneConfig

Side = Annotated[Count, Field(multiple_of=MULTIPLE_OF, le=16384)]
Few = Annotated[Count, Field(le=4096)]
MS_SSIM_SMALLEST_SIDE = 11
"""Pixels of a crop: the window of MS-SSIM (Wang, Simoncelli and Bovik 2003)."""
BelowOne = Annotated[float, Field(ge=0, lt=1)]


@checked
class Stage:
    """Crops from fraction `start` of the run on: `batch` of `height` x `width` pixels."""

    start: BelowOne = 0.0
    height: Side = 128
    width: Side = 128
    batch: Few = 4


@checked
class ValidationConfig:
    """What is scored after each `every` steps, and at the end.

    `count` pairs rendered from `photos` (`seed` chooses them), and the first `count` of the data
    set `pairs` (as `datasets.find_truth_pairs` knows them, of its split "val"); either may be
    empty. Of larger pictures, the middle `height` x `width` pixels count; smaller `photos` are left
    out.
    """

    photos: str = ""
    pairs: str = ""
    every: Count = 500
    count: Few = 8
    height: Side = 256
    width: Side = 384
    seed: Seed = 12345


_GROWING = (Stage(0.0, 64, 64, 16), Stage(0.4, 96, 96, 7), Stage(0.7, 112, 224, 3))


@checked
class TrainConfig:
    """One run; raises OptionError naming the key whose value cannot be used.

    `photos` is a folder of sharp pictures to render pairs from, or else `pairs` one of DPDD's
    layout. The run has `steps`, or `epochs` of `epoch_crops` crops (0: those that `pairs` hold).
    `stages` let the crops grow; their `batch` is that of each process. `warm_up` counts steps;
    then `schedule` is "cosine", down to the share `final` of `rate`, "halving", after each share
    `halve_every` of the run, or "constant". Over the last `cool_down` steps the rate also falls in
    a straight line to 0, so that a long run can be ended at any step. `optimiser` is "adamw",
    which without `weight_decay` is Adam, or "muon" (see `optimisers.Muon`).
    Each level of a pyramid has its loss, weighted by `level_weights`, finest first. `margin` pixels
    on each side of a crop (half as many at each coarser level) do not count, as the network has
    seen too little around them.
    `clip` is the greatest norm of the gradient and `ema` the decay of the moving average of the
    weights; 0 switches either off. `ms_ssim` is the weight of 1 - MS-SSIM beside the Charbonnier
    loss; crops below 161 pixels have fewer than its five scales. `overshoot` is the weight of what
    leaves the range of the truth around, as edges that ring do (see `losses.overshoot`).
    `initial` names weights to start from, whose widths and switches then hold instead of `model`;
    empty is He initialisation. With `grow`, they get the `widths` and `blocks` of `model`, and at
    first make the same (see `grown`). `teacher` names weights to learn from in the truth's place,
    by the mean of their four mirrored passes (see `teacher.Teacher`); for `overshoot`, the truth
    stays.
    `precision` "auto" is bf16 where the device can compute in it, else fp32 (see `settled`).

    The defaults are the preset "fast", made for short runs: what the paper (Sections 3.5 and 4.2)
    does is PRESETS["paper"]. `epsilon` of the Charbonnier loss is 0.03 instead of 1e-3, with which
    the many small errors of noise and lost texture outweigh the edges that can be restored: on
    small batches early training hardly moved (+0.03 dB on validation pairs after 600 steps).
    """

    photos: str = ""
    pairs: str = ""
    seed: Seed = 0
    steps: Count = 1000
    epochs: Whole = 0
    epoch_crops: Whole = 0
    rate: Positive = 6e-4
    betas: tuple[BelowOne, BelowOne] = (0.9, 0.99)
    weight_decay: Amount = 1e-4
    warm_up: Whole = 100
    schedule: Literal["cosine", "halving", "constant"] = "cosine"
    final: Share = 0.02
    halve_every: Annotated[Share, Field(gt=0)] = 0.3
    cool_down: Whole = 0
    clip: Amount = 0.5
    ema: BelowOne = 0.998
    epsilon: Positive = 0.03
    ms_ssim: Amount = 0.0
    overshoot: Amount = 0.0
    margin: Whole = 0
    level_weights: Annotated[tuple[Amount, ...], Field(min_length=1, max_length=16)] = (
        1.0,
        0.5,
        0.25,
    )
    optimiser: Literal["adamw", "muon"] = "adamw"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    checkpoint_every: Count = 200
    initial: str = ""
    teacher: str = ""
    grow: bool = False
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = _GROWING
    model: MCCNetConfig = field(default_factory=MCCNetConfig)
    scenes: SceneConfig = field(default_factory=SceneConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)

    def __post_init__(self) -> None:
        """Raise OptionError for keys that contradict each other."""
        starts = [stage.start for stage in self.stages]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise OptionError("stages.start", "the first must be 0 and each later one greater")
        if self.scenes.sharp + self.scenes.large > 1:
            raise OptionError("scenes.large", "together with scenes.sharp it must be at most 1")
        least = MS_SSIM_SMALLEST_SIDE
        if self.ms_ssim and any(min(each.height, each.width) < least for each in self.stages):
            raise OptionError("ms_ssim", f"its window needs crops of at least {least} pixels")
        if self.photos and self.pairs:
            raise OptionError("pairs", "'photos' is set too; give one of the two")

    def stage(self, step: int) -> Stage:
        """The stage that `step` falls into."""
        return [stage for stage in self.stages if step >= stage.start * self.steps][-1]
