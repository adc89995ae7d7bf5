"""The training loop: plain PyTorch, resumable to the same weights after any checkpoint."""

from __future__ import annotations

import dataclasses
import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dpdeblur.errors import OptionError, UnreadableFileError
from dpdeblur.files import write_whole
from dpdeblur.models import MCCNet, load_model
from dpdeblur.training.config import PRECISIONS, TrainConfig
from dpdeblur.training.losses import charbonnier
from dpdeblur.training.synthetic import SyntheticPairs

_State = dict[str, torch.nn.Module | torch.optim.Optimizer]


@dataclass(frozen=True)
class StepReport:
    """What one optimisation step did; `gradient` is the norm before clipping."""

    step: int
    loss: float
    gradient: float
    rate: float
    seconds: float


def train(
    config: TrainConfig,
    pairs: SyntheticPairs,
    checkpoint: Path,
    *,
    on_step: Callable[[StepReport, MCCNet], None] | None = None,
    stop_after: int | None = None,
) -> MCCNet:
    """Train an MCCNet and return its exponential moving average, on the CPU.

    A run continues from `checkpoint` when that exists. For the same recipe and kind of device it
    ends at the same weights as one that was never stopped, as batches depend on the step alone.
    Meanwhile `checkpoint_every` may change freely, and `steps` too, but then the rest of the run
    follows the new schedule. `config.photos` is not read: `pairs` hold the photographs. `on_step`
    gets each report and the average network. `stop_after` ends after that many steps in all,
    checkpointing.

    Raises OptionError if the recipe or what the pairs are made of is another than the
    checkpoint's, or if a stage's crops do not fit the photographs, UnreadableFileError if the
    checkpoint is damaged.
    """
    for stage in config.stages:
        pairs.check_size((stage.height, stage.width))
    device = pairs.photos[0].device
    torch.manual_seed(config.seed)
    network = load_model(config.initial).network if config.initial else MCCNet(config.model)
    network = network.to(device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=ema)
    optimiser = torch.optim.AdamW(
        network.parameters(), config.rate, config.betas, weight_decay=config.weight_decay
    )
    state: _State = {
        "network": network,
        "average": average,
        "optimiser": optimiser,
    }
    fixed = dataclasses.replace(
        config, steps=1, checkpoint_every=1, photos=pairs.fingerprint(), model=network.config
    )
    recipe = repr(fixed)
    first = _resume(checkpoint, state, recipe)
    last = config.steps if stop_after is None else min(config.steps, stop_after)
    for step in range(first, last):
        began = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, step)
        stage = config.stage(step)
        batch = pairs.batch(step, stage.batch, (stage.height, stage.width))
        with torch.autocast(
            device.type, PRECISIONS[config.precision], enabled=config.precision != "fp32"
        ):
            prediction = network(
                batch.left.contiguous(memory_format=torch.channels_last),
                batch.right.contiguous(memory_format=torch.channels_last),
            )
        loss = charbonnier(prediction, batch.sharp, config.epsilon)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        optimiser.step()
        average.update_parameters(network)
        if on_step is not None:
            report = StepReport(
                step + 1,
                loss.item(),
                gradient.item(),
                optimiser.param_groups[0]["lr"],
                time.perf_counter() - began,
            )
            on_step(report, _unwrap(average))
        if (step + 1) % config.checkpoint_every == 0 or step + 1 == last:
            _save(checkpoint, state, recipe, step + 1)
    return _unwrap(average).cpu().eval()


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then half a cosine from `rate` down to `final` times `rate`."""
    if step < config.warm_up:
        return config.rate * (step + 1) / config.warm_up
    progress = (step - config.warm_up) / max(config.steps - config.warm_up, 1)
    cosine = (1 + math.cos(math.pi * min(progress, 1))) / 2
    return config.rate * (config.final + (1 - config.final) * cosine)


def _unwrap(average: AveragedModel) -> MCCNet:
    network = average.module
    assert isinstance(network, MCCNet)
    return network


def _save(checkpoint: Path, state: _State, recipe: str, step: int) -> None:
    parts = {name: part.state_dict() for name, part in state.items()}
    buffer = io.BytesIO()
    torch.save(parts | {"step": step, "recipe": recipe}, buffer)
    write_whole(checkpoint, buffer.getvalue())


def _resume(checkpoint: Path, state: _State, recipe: str) -> int:
    if not checkpoint.exists():
        return 0
    try:
        # To the CPU: a GPU that is full must not look like a damaged file.
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        step, theirs = int(saved["step"]), saved["recipe"]
        parts = {name: saved[name] for name in state}
    except OSError as error:
        raise UnreadableFileError(checkpoint, error.strerror or str(error)) from error
    except Exception as error:  # anything from EOFError to UnpicklingError
        raise UnreadableFileError(checkpoint, "it is damaged; delete it to start anew") from error
    if theirs != recipe:
        raise OptionError(
            str(checkpoint),
            "it belongs to a run of another recipe or other photographs; choose another folder",
        )
    for name, part in state.items():
        part.load_state_dict(parts[name])
    return step
