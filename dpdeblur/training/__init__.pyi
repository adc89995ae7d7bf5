from .batches import Batch, PairSource
from .config import Stage, TrainConfig, ValidationConfig
from .loop import StepReport, train
from .losses import charbonnier, ms_ssim, overshoot, restoration_loss
from .recipe import PRESETS, read_config
from .record import RunLog, write_record
from .run import TrainingRun, run_recipe
from .scene_config import CameraConfig, SceneConfig
from .scenes import random_layers
from .schedule import count_steps, learning_rate
from .sources import open_pairs, open_validation
from .synth import SynthOptions, SynthPair, write_pair
from .synthetic import SyntheticPairs, load_photos
from .validation import ValidationScore, Validator

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
    "overshoot",
    "random_layers",
    "read_config",
    "restoration_loss",
    "run_recipe",
    "train",
    "write_pair",
    "write_record",
]
