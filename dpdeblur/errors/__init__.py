"""Every error a user can meet: typed, carrying its data, worded as one sentence.

The text of an error says what is wrong and what to do next. `dpdeblur.cli._errors` is the only
place that turns these into exit codes, and parameters into flags; the library only raises them.
"""

from __future__ import annotations

from dpdeblur.errors.general import (
    CalibrationError,
    ClusterError,
    DeviceError,
    DiskFullError,
    DPDeblurError,
    ExportError,
    IdenticalViewsError,
    InvalidMapError,
    InvalidPictureError,
    MissingExtraError,
    MissingFileError,
    NonFiniteResultError,
    OptionError,
    OutOfMemoryError,
    OutputExistsError,
    PairingError,
    PatternError,
    PictureTooSmallError,
    PrecisionError,
    ShapeMismatchError,
    TrainingDivergedError,
    UnreadableFileError,
    UnsupportedFormatError,
    UnwritableOutputError,
    WeightsError,
)
from dpdeblur.errors.raw import (
    ConvertedRawError,
    FramesDisagreeError,
    NotCanonRawError,
    RawBurstError,
    ReducedRawError,
    SingleFrameError,
    UnusableRawError,
)

__all__ = [
    "CalibrationError",
    "ClusterError",
    "ConvertedRawError",
    "DPDeblurError",
    "DeviceError",
    "DiskFullError",
    "ExportError",
    "FramesDisagreeError",
    "IdenticalViewsError",
    "InvalidMapError",
    "InvalidPictureError",
    "MissingExtraError",
    "MissingFileError",
    "NonFiniteResultError",
    "NotCanonRawError",
    "OptionError",
    "OutOfMemoryError",
    "OutputExistsError",
    "PairingError",
    "PatternError",
    "PictureTooSmallError",
    "PrecisionError",
    "RawBurstError",
    "ReducedRawError",
    "ShapeMismatchError",
    "SingleFrameError",
    "TrainingDivergedError",
    "UnreadableFileError",
    "UnsupportedFormatError",
    "UnusableRawError",
    "UnwritableOutputError",
    "WeightsError",
]
