"""How long a run is and how its learning rate goes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sized
from itertools import pairwise

from dpdeblur.errors import OptionError
from dpdeblur.training.batches import PairSource
from dpdeblur.training.config import TrainConfig


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up over `warm_up` steps, then what `schedule` says.

    "cosine": half a cosine from `rate` down to `final` times `rate` at the end of the run.
    "halving": half the rate after each share `halve_every` of the run. "constant": `rate`. Over the
    last `cool_down` steps a factor that falls in a straight line to 0 comes on top.
    """
    rate = _scheduled(config, step)
    left = config.steps - step
    return rate * left / config.cool_down if left < config.cool_down else rate


def _scheduled(config: TrainConfig, step: int) -> float:
    if step < config.warm_up:
        return config.rate * (step + 1) / config.warm_up
    if config.schedule == "constant":
        return config.rate
    if config.schedule == "halving":
        return config.rate * 0.5 ** (step // max(round(config.halve_every * config.steps), 1))
    progress = (step - config.warm_up) / max(config.steps - config.warm_up, 1)
    cosine = (1 + math.cos(math.pi * min(progress, 1))) / 2
    return config.rate * (config.final + (1 - config.final) * cosine)


def count_steps(config: TrainConfig, pairs: PairSource, processes: int = 1) -> TrainConfig:
    """The recipe with its `epochs`, if it counts in them, turned into `steps`.

    An epoch is `epoch_crops` crops, or as many as `pairs` hold. Raises OptionError if neither is
    known.
    """
    if not config.epochs:
        return config
    crops = config.epoch_crops or (len(pairs) if isinstance(pairs, Sized) else 0)
    if not crops:
        reason = "say how many crops make an epoch, as pairs rendered on the fly never end"
        raise OptionError("epoch_crops", reason)
    starts = [*(stage.start for stage in config.stages), 1.0]
    shares = [end - start for start, end in pairwise(starts)]
    batch = sum(share * stage.batch for share, stage in zip(shares, config.stages, strict=True))
    steps = math.ceil(config.epochs * crops / (batch * processes) - 1e-6)
    return dataclasses.replace(config, steps=steps, epochs=0)
