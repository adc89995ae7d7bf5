from .config import MULTIPLE_OF, PAPER, MCCNetConfig, ModelDescriptor
from .cost import PAPER_COUNTS, TABLE_2, Cost, count_cost, count_costs
from .grow import grown
from .mccnet import MCCNet, halve
from .mean import mean_of
from .shipped import DEFAULT_WEIGHTS, find_weights
from .weights import LoadedModel, load_model, save_model

__all__ = [
    "DEFAULT_WEIGHTS",
    "MULTIPLE_OF",
    "PAPER",
    "PAPER_COUNTS",
    "TABLE_2",
    "Cost",
    "LoadedModel",
    "MCCNet",
    "MCCNetConfig",
    "ModelDescriptor",
    "count_cost",
    "count_costs",
    "find_weights",
    "grown",
    "halve",
    "load_model",
    "mean_of",
    "save_model",
]
