"""Making weights: random scenes, rendered pairs, the loop."""

from dpdeblur.training.config import Stage, TrainConfig, read_config
from dpdeblur.training.loop import StepReport, learning_rate, train
from dpdeblur.training.losses import charbonnier
from dpdeblur.training.scenes import SceneConfig, random_layers
from dpdeblur.training.synthetic import Batch, CameraConfig, SyntheticPairs, load_photos

__all__ = [
    "Batch",
    "CameraConfig",
    "SceneConfig",
    "Stage",
    "StepReport",
    "SyntheticPairs",
    "TrainConfig",
    "charbonnier",
    "learning_rate",
    "load_photos",
    "random_layers",
    "read_config",
    "train",
]
