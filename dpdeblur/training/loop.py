"""The training loop: plain PyTorch, resumable after any checkpoint."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dpdeblur.device import autocast
from dpdeblur.errors import OptionError, TrainingDivergedError
from dpdeblur.models import MCCNet, grown, halve, load_model
from dpdeblur.training.ahead import batches
from dpdeblur.training.batches import Batch, PairSource
from dpdeblur.training.checkpoint import State, resume, save_checkpoint
from dpdeblur.training.config import MS_SSIM_SMALLEST_SIDE, TrainConfig
from dpdeblur.training.distributed import average, rank_and_size, wait
from dpdeblur.training.identity import run_settings
from dpdeblur.training.losses import restoration_loss
from dpdeblur.training.optimisers import make_optimiser
from dpdeblur.training.schedule import learning_rate
from dpdeblur.training.sources import settled
from dpdeblur.training.teacher import Teacher
from dpdeblur.training.validation import ValidationScore, Validator


@dataclass(frozen=True)
class StepReport:
    """What one optimisation step did, and what validation after it found, if there was any.

    `gradient` is the norm before clipping, `seconds` the step's without validation. With several
    processes, `loss` is their mean.
    """

    step: int
    loss: float
    gradient: float
    rate: float
    seconds: float
    validation: dict[str, ValidationScore] | None = None


def train(
    config: TrainConfig,
    pairs: PairSource,
    checkpoint: Path,
    *,
    validator: Validator | None = None,
    on_step: Callable[[StepReport, MCCNet], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    stop_after: int | None = None,
    on_note: Callable[[str], object] = lambda _: None,
) -> MCCNet:
    """Train an MCCNet on the pairs' device; its moving average, on the CPU.

    A run continues from `checkpoint` when that exists. For the same recipe on the CPU it ends at
    the same weights as one that was never stopped, as batches depend on the step alone; on CUDA,
    whose gradients are sums in no fixed order, at weights that differ as those of two runs do.
    Meanwhile `checkpoint_every` and `validation` may change freely, and `steps` and `cool_down`
    too, but then the rest of the run follows the new schedule. The folders that `config` names are
    not read: `pairs` and `validator` hold their pictures.

    Within `distributed.joined`, the processes train one network: of N, the one of rank r takes
    batch number `step * N + r`, gradients are averaged, and only rank 0 validates, reports and
    writes.

    Args:
        config: the recipe, in steps (`count_steps` turns epochs into these).
        pairs: where batches come from.
        checkpoint: the file to write, and to resume from if it exists.
        validator: scores the average network as `config.validation` says.
        on_step: called with the report of each step and the average network.
        stop: asked during each step whether to end after it, with a checkpoint.
        stop_after: steps in all after which to end, with a checkpoint.
        on_note: called with a sentence if the checkpoint has no digest, as old ones have none.

    Returns:
        The moving average of the network, on the CPU.

    Raises:
        OptionError: the recipe is in epochs; or the checkpoint belongs to another recipe or other
            pairs (it names what differs) or has more steps than the recipe; or a stage's crops do
            not fit the pictures or the network's levels.
        UnreadableFileError: the checkpoint is damaged.
        WeightsError: what `initial` or `teacher` names cannot be used.
        TrainingDivergedError: the loss became infinite or undefined; the checkpoint is unchanged.

    >>> from dpdeblur.models import MCCNetConfig
    >>> from dpdeblur.training import SceneConfig, Stage, SyntheticPairs, load_photos
    >>> photos = load_photos(Path("examples"), torch.device("cpu"))
    >>> model = MCCNetConfig(radii=(3.0,), widths=(8, 8, 8), blocks=(1, 1, 1))
    >>> recipe = TrainConfig(steps=1, stages=(Stage(0.0, 32, 32, 1),), model=model)
    >>> network = train(recipe, SyntheticPairs(photos, SceneConfig(), seed=0), Path("run.pt"))
    """
    if config.epochs:
        raise OptionError("epochs", "a run counts in steps; let count_steps turn them into these")
    for stage in config.stages:
        pairs.check_size((stage.height, stage.width))
    config, _ = settled(config, pairs.device)
    rank, processes = rank_and_size()
    run = _Run(config, pairs.device)
    _check_levels(config, run.network.descriptor.levels)
    # Of a teacher's file, its content counts.
    taught = run.teacher.sha256 if run.teacher else ""
    made = dataclasses.replace(config, model=run.network.config, teacher=taught)
    settings = run_settings(made, pairs, processes)
    first = resume(checkpoint, run.state, settings, pairs, on_note)
    if first > config.steps:
        reason = f"{config.steps} is less than the {first} already done in {checkpoint}"
        raise OptionError("steps", f"{reason}; raise it or choose another folder")
    last = config.steps if stop_after is None else min(config.steps, stop_after)
    stages = ((step, config.stage(step)) for step in range(first, last))
    wanted = (
        (step * processes + rank, stage.batch, (stage.height, stage.width))
        for step, stage in stages
    )
    began = time.perf_counter()
    for step, batch in enumerate(batches(pairs, wanted), first):
        loss, gradient, stopped = run.optimise(batch, learning_rate(config, step), stop)
        done, ends = step + 1, stopped or step + 1 == last
        if on_step is not None and rank == 0:
            report = StepReport(
                done,
                loss.item(),
                gradient.item(),
                learning_rate(config, step),
                time.perf_counter() - began,
            )
            if validator and (done % config.validation.every == 0 or done == config.steps):
                report = dataclasses.replace(report, validation=validator(run.average_network))
            on_step(report, run.average_network)
        if done % config.checkpoint_every == 0 or ends:
            # The loss is of the weights before the step, which a bad gradient spoils.
            if not (math.isfinite(loss.item()) and math.isfinite(gradient.item())):
                raise TrainingDivergedError(done)
            if rank == 0:
                save_checkpoint(checkpoint, run.state, settings, done)
        if ends:
            break
        began = time.perf_counter()
    wait()  # for the checkpoint, which the next call reads
    return run.average_network.cpu()


class _Run:
    """The network, its average and the optimiser."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        torch.manual_seed(config.seed)
        network = _initial(config)
        self.network = network.to(device).train()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.teacher = Teacher(config.teacher, device, config.precision) if config.teacher else None
        ema = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=ema).eval()
        self.optimiser = make_optimiser(self.network, config)
        self.state: State = {
            "network": self.network,
            "average": self.average,
            "optimiser": self.optimiser,
        }

    @property
    def average_network(self) -> MCCNet:
        """The moving average of the weights."""
        network = self.average.module
        assert isinstance(network, MCCNet)
        return network

    def optimise(
        self, batch: Batch, rate: float, stop: Callable[[], bool]
    ) -> tuple[torch.Tensor, torch.Tensor, bool]:
        """One step; its loss, the gradient's norm, and whether any process shall stop."""
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        wanted = self.teacher(batch) if self.teacher else batch.sharp
        with autocast(self.device, config.precision):
            results = self.network.pyramid(
                batch.left.contiguous(memory_format=torch.channels_last),
                batch.right.contiguous(memory_format=torch.channels_last),
                self.network.descriptor.levels,
            )
        loss, truth = batch.sharp.new_zeros(()), batch.sharp
        for level, result in enumerate(reversed(results)):
            if level:
                truth, wanted = halve(truth), halve(wanted)
            predicted, sharp, taught = (
                _cut(picture, config.margin >> level) for picture in (result, truth, wanted)
            )
            loss = loss + config.level_weights[level] * restoration_loss(
                predicted,
                sharp,
                epsilon=config.epsilon,
                ms_ssim_weight=config.ms_ssim,
                overshoot_weight=config.overshoot,
                wanted=taught,
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        loss, stopped = loss.detach(), loss.new_tensor(float(stop()))
        parameters = list(self.network.parameters())
        average([loss, stopped, *(p.grad for p in parameters if p.grad is not None)])
        gradient = torch.nn.utils.clip_grad_norm_(parameters, config.clip or math.inf)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        return loss, gradient, bool(stopped)


def _initial(config: TrainConfig) -> MCCNet:
    if not config.initial:
        if config.grow:
            raise OptionError("grow", "there is nothing to grow from; name weights as 'initial'")
        return MCCNet(config.model)
    network = load_model(config.initial).network
    return grown(network, config.model) if config.grow else network


def _check_levels(config: TrainConfig, levels: int) -> None:
    """Raise OptionError if the recipe leaves a level of the pyramid without weight or pixels."""
    if len(config.level_weights) < levels:
        raise OptionError("level_weights", f"the network has {levels} levels; give each a weight")
    pixels = MS_SSIM_SMALLEST_SIDE if config.ms_ssim else 1
    least = (pixels << (levels - 1)) + 2 * config.margin
    if any(min(stage.height, stage.width) < least for stage in config.stages):
        reason = f"{levels} levels and the margin need crops of at least {least} pixels"
        raise OptionError("stages.height", reason)


def _cut(picture: Tensor, margin: int) -> Tensor:
    height, width = picture.shape[-2:]
    return picture[..., margin : height - margin, margin : width - margin]
