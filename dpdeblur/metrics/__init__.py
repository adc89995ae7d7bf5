"""How close a picture or a defocus map is to the truth."""

from __future__ import annotations

from dpdeblur.metrics.defocus import (
    MAP_RULES,
    MapScores,
    aiwe,
    scale_error,
    score_map,
    spearman,
)
from dpdeblur.metrics.measures import SSIM_WINDOW, mae, match_gains, psnr, ssim
from dpdeblur.metrics.protocols import (
    DEFAULT_PROTOCOL,
    MATCH_RULES,
    MATCHED,
    PROTOCOLS,
    Protocol,
    Scores,
    mean_scores,
    score,
    versions,
)

__all__ = [
    "DEFAULT_PROTOCOL",
    "MAP_RULES",
    "MATCHED",
    "MATCH_RULES",
    "PROTOCOLS",
    "SSIM_WINDOW",
    "MapScores",
    "Protocol",
    "Scores",
    "aiwe",
    "mae",
    "match_gains",
    "mean_scores",
    "psnr",
    "scale_error",
    "score",
    "score_map",
    "spearman",
    "ssim",
    "versions",
]
