"""Making weights: random scenes, rendered pairs, the loop."""

from dpdeblur.training.batches import Batch, PairSource
from dpdeblur.training.config import Stage, TrainConfig, ValidationConfig
from dpdeblur.training.loop import StepReport, train
from dpdeblur.training.losses import charbonnier, ms_ssim, restoration_loss
from dpdeblur.training.recipe import PRESETS, read_config
from dpdeblur.training.record import RunLog, write_record
from dpdeblur.training.run import TrainingRun, run_recipe
from dpdeblur.training.scenes import SceneConfig, random_layers
from dpdeblur.training.schedule import count_steps, learning_rate
from dpdeblur.training.sources import open_pairs, open_validation
from dpdeblur.training.synth import SynthOptions, SynthPair, write_pair
from dpdeblur.training.synthetic import CameraConfig, SyntheticPairs, load_photos
from dpdeblur.training.validation import ValidationScore, Validator

__all__ = [
    "PRESETS",
    "Batch",
    "CameraConfig",
    "PairSource",
    "RunLog",
    "SceneConfig",
    "Stage",
    "StepReport",
    "SynthOptions",
    "SynthPair",
    "SyntheticPairs",
    "TrainConfig",
    "TrainingRun",
    "ValidationConfig",
    "ValidationScore",
    "Validator",
    "charbonnier",
    "count_steps",
    "learning_rate",
    "load_photos",
    "ms_ssim",
    "open_pairs",
    "open_validation",
    "random_layers",
    "read_config",
    "restoration_loss",
    "run_recipe",
    "train",
    "write_pair",
    "write_record",
]
