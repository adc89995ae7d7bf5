"""What a training run is, checked key by key."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dpdeblur.errors import OptionError
from dpdeblur.models import MULTIPLE_OF, MCCNetConfig
from dpdeblur.training.losses import MS_SSIM_SMALLEST_SIDE
from dpdeblur.training.scenes import SceneConfig
from dpdeblur.training.synthetic import CameraConfig

PRECISIONS = ("bf16", "fp32")
SCHEDULES = ("cosine", "halving", "constant")
OPTIMISERS = ("adamw", "muon")


@dataclass(frozen=True)
class Stage:
    """Crops from fraction `start` of the run on: `batch` of `height` x `width` pixels."""

    start: float = 0.0
    height: int = 128
    width: int = 128
    batch: int = 4


@dataclass(frozen=True)
class ValidationConfig:
    """What is scored after each `every` steps, and at the end.

    `count` pairs rendered from `photos` (`seed` chooses them), and the first `count` of the data
    set `pairs` (as `datasets.find_truth_pairs` knows them, of its split "val"); either may be
    empty. Of larger pictures, the middle `height` x `width` pixels count; smaller `photos` are left
    out.
    """

    photos: str = ""
    pairs: str = ""
    every: int = 500
    count: int = 8
    height: int = 256
    width: int = 384
    seed: int = 12345


_GROWING = (Stage(0.0, 64, 64, 16), Stage(0.4, 96, 96, 7), Stage(0.7, 112, 224, 3))


@dataclass(frozen=True)
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
    loss; crops below 161 pixels have fewer than its five scales. `initial` names weights to start
    from, whose widths and switches then hold instead of `model`; empty is He initialisation.

    The defaults are the preset "fast", made for short runs: what the paper (Sections 3.5 and 4.2)
    does is PRESETS["paper"]. `epsilon` of the Charbonnier loss is 0.03 instead of 1e-3, with which
    the many small errors of noise and lost texture outweigh the edges that can be restored: on
    small batches early training hardly moved (+0.03 dB on validation pairs after 600 steps).
    """

    photos: str = ""
    pairs: str = ""
    seed: int = 0
    steps: int = 1000
    epochs: int = 0
    epoch_crops: int = 0
    rate: float = 6e-4
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-4
    warm_up: int = 100
    schedule: str = "cosine"
    final: float = 0.02
    halve_every: float = 0.3
    cool_down: int = 0
    clip: float = 0.5
    ema: float = 0.998
    epsilon: float = 0.03
    ms_ssim: float = 0.0
    margin: int = 0
    level_weights: tuple[float, ...] = field(
        default=(1.0, 0.5, 0.25), metadata={"any_length": True}
    )
    optimiser: str = "adamw"
    precision: str = "bf16"
    checkpoint_every: int = 200
    initial: str = ""
    stages: tuple[Stage, ...] = _GROWING
    model: MCCNetConfig = field(default_factory=MCCNetConfig)
    scenes: SceneConfig = field(default_factory=SceneConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)

    def __post_init__(self) -> None:
        for part, prefix in (
            (self, ""),
            (self.model, "model."),
            (self.scenes, "scenes."),
            (self.camera, "camera."),
            (self.validation, "validation."),
            *((stage, "stages.") for stage in self.stages),
        ):
            _check_numbers(part, prefix)
        starts = [stage.start for stage in self.stages]
        if starts[:1] != [0] or starts != sorted(set(starts)):
            raise OptionError("stages.start", "the first must be 0 and each later one greater")
        if self.scenes.sharp + self.scenes.large > 1:
            raise OptionError("scenes.large", "together with scenes.sharp it must be at most 1")
        if self.ms_ssim and any(
            min(stage.height, stage.width) < MS_SSIM_SMALLEST_SIDE for stage in self.stages
        ):
            least = MS_SSIM_SMALLEST_SIDE
            raise OptionError("ms_ssim", f"its window needs crops of at least {least} pixels")
        for name, known in (
            ("precision", PRECISIONS),
            ("schedule", SCHEDULES),
            ("optimiser", OPTIMISERS),
        ):
            if getattr(self, name) not in known:
                reason = f"'{getattr(self, name)}' is not one of {', '.join(known)}"
                raise OptionError(name, reason)
        if self.photos and self.pairs:
            raise OptionError("pairs", "'photos' is set too; give one of the two")

    def stage(self, step: int) -> Stage:
        """The stage that `step` falls into."""
        return [stage for stage in self.stages if step >= stage.start * self.steps][-1]


_SIGNED = {"radii", "contrast"}
_PAPER_WIDTHS = {"stem_width", "encoder_widths", "fusion_widths", "decoder_widths", "tail_width"}
_WIDTHS = {"widths", "view_widths", "bands", "levels"} | _PAPER_WIDTHS
_COUNTS = {"steps", "checkpoint_every", "every", "count", "batch", "height", "width"}
_CAMERA_SHARES = {"wide_share", "view_gain", "butterworth", "floor", "eight_bit"}
_SHARES = {
    "final",
    "halve_every",
    "behind",
    "sharp",
    "large",
    "flat",
    "bright",
    "thin",
} | _CAMERA_SHARES
_SCENE_RANGES = {"sharp_range", "moderate_range", "large_range", "exposure", "thickness"}
_RANGES = _SCENE_RANGES | {"contrast", "wide_range", "edge", "floor", "read_noise", "shot_noise"}
_RULES: tuple[tuple[set[str], Callable[[float], bool], str], ...] = (
    (_WIDTHS | _COUNTS | {"rate", "halve_every", "epsilon"}, lambda x: x > 0, "above 0"),
    ({"betas", "ema", "start"}, lambda x: x < 1, "below 1"),
    (_SHARES, lambda x: x <= 1, "at most 1"),
    ({"edge", "highlight"}, lambda x: x >= 1, "at least 1"),
    ({"contrast"}, lambda x: abs(x) <= 1, "from -1 to 1"),
    ({"height", "width"}, lambda x: x % MULTIPLE_OF == 0, f"a multiple of {MULTIPLE_OF}"),
    ({"seed"}, lambda x: x < 2**32, "below 2^32"),
)


def _check_numbers(part: Any, prefix: str) -> None:
    for name, value in vars(part).items():
        values = value if isinstance(value, tuple) else (value,)
        for number in values:
            if not isinstance(number, int | float):
                continue
            if not (math.isfinite(number) and (number >= 0 or name in _SIGNED)):
                raise OptionError(prefix + name, f"{number} is negative or not finite")
            for names, holds, words in _RULES:
                if name in names and not holds(number):
                    raise OptionError(prefix + name, f"{number} is not {words}")
        if name in _RANGES and values[0] > values[1]:
            raise OptionError(prefix + name, f"{list(values)} does not go from low to high")
