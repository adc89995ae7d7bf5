from .base import Engine, ProgressCallback, Restored, RunInfo
from .make import ENGINES, EngineRequest, make_engine
from .network import Network
from .options import NetworkOptions
from .plan import Strip, plan_strips

__all__ = [
    "ENGINES",
    "Engine",
    "EngineRequest",
    "Network",
    "NetworkOptions",
    "ProgressCallback",
    "Restored",
    "RunInfo",
    "Strip",
    "make_engine",
    "plan_strips",
]
