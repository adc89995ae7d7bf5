"""How close a picture or a defocus map is to the truth, alone or over a data set."""

from __future__ import annotations

from dpdeblur.evaluation.dataset import (
    Evaluated,
    KeepCallback,
    Means,
    Result,
    Rules,
    evaluate,
    evaluate_views,
    means,
)
from dpdeblur.evaluation.defocus import MAP_RULES, MapScores, aiwe, scale_error, score_map, spearman
from dpdeblur.evaluation.measures import SSIM_WINDOW, mae, match_gains, psnr, ssim
from dpdeblur.evaluation.protocols import (
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
    "Evaluated",
    "KeepCallback",
    "MapScores",
    "Means",
    "Protocol",
    "Result",
    "Rules",
    "Scores",
    "aiwe",
    "evaluate",
    "evaluate_views",
    "mae",
    "match_gains",
    "mean_scores",
    "means",
    "psnr",
    "scale_error",
    "score",
    "score_map",
    "spearman",
    "ssim",
    "versions",
]
