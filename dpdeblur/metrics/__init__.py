"""How close a picture is to the truth: PSNR, SSIM and MAE under named protocols."""

from __future__ import annotations

from dpdeblur.metrics.measures import SSIM_WINDOW, mae, psnr, ssim
from dpdeblur.metrics.protocols import (
    DEFAULT_PROTOCOL,
    PROTOCOLS,
    Protocol,
    Scores,
    mean_scores,
    score,
    versions,
)

__all__ = [
    "DEFAULT_PROTOCOL",
    "PROTOCOLS",
    "SSIM_WINDOW",
    "Protocol",
    "Scores",
    "mae",
    "mean_scores",
    "psnr",
    "score",
    "ssim",
    "versions",
]
