"""How close a picture or a defocus map is to the truth, alone or over a data set."""

from __future__ import annotations

from dpdeblur.evaluation.candidates import (
    Candidate,
    check_outputs,
    network_candidates,
    save_results,
)
from dpdeblur.evaluation.comparison import report_evaluation
from dpdeblur.evaluation.dataset import (
    Evaluated,
    KeepCallback,
    Means,
    Scored,
    evaluate,
    evaluate_pair,
    means,
)
from dpdeblur.evaluation.defocus import MAP_RULES, MapScores, aiwe, scale_error, score_map, spearman
from dpdeblur.evaluation.files import score_maps, score_pictures
from dpdeblur.evaluation.measures import SSIM_WINDOW, mae, match_gains, psnr, ssim
from dpdeblur.evaluation.protocols import (
    DEFAULT_PROTOCOL,
    MATCH_RULES,
    MATCHED,
    PROTOCOLS,
    Protocol,
    Rules,
    Scores,
    score,
    versions,
)
from dpdeblur.evaluation.report import map_scoring, mean_scores, picture_scoring, report_files

__all__ = [
    "DEFAULT_PROTOCOL",
    "MAP_RULES",
    "MATCHED",
    "MATCH_RULES",
    "PROTOCOLS",
    "SSIM_WINDOW",
    "Candidate",
    "Evaluated",
    "KeepCallback",
    "MapScores",
    "Means",
    "Protocol",
    "Rules",
    "Scored",
    "Scores",
    "aiwe",
    "check_outputs",
    "evaluate",
    "evaluate_pair",
    "mae",
    "map_scoring",
    "match_gains",
    "mean_scores",
    "means",
    "network_candidates",
    "picture_scoring",
    "psnr",
    "report_evaluation",
    "report_files",
    "save_results",
    "scale_error",
    "score",
    "score_map",
    "score_maps",
    "score_pictures",
    "spearman",
    "ssim",
    "versions",
]
