"""The network, its cost, and its weights."""

from dpdeblur.models.config import MULTIPLE_OF, PAPER, MCCNetConfig, ModelDescriptor
from dpdeblur.models.cost import PAPER_COUNTS, TABLE_2, Cost, count_cost, count_costs
from dpdeblur.models.mccnet import MCCNet, halve
from dpdeblur.models.weights import (
    DEFAULT_WEIGHTS,
    LoadedModel,
    find_weights,
    load_model,
    save_model,
)

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
    "halve",
    "load_model",
    "save_model",
]
