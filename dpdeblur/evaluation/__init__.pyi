from .candidates import (
    Candidate,
    check_outputs,
    network_candidates,
    save_results,
)
from .comparison import report_evaluation
from .dataset import (
    Evaluated,
    KeepCallback,
    Means,
    Scored,
    evaluate,
    evaluate_pair,
    means,
)
from .defocus import MAP_RULES, MapScores, aiwe, scale_error, score_map, spearman
from .files import score_maps, score_pictures
from .measures import SSIM_WINDOW, mae, match_gains, psnr, ssim
from .protocols import (
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
from .report import map_scoring, mean_scores, picture_scoring, report_files

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
