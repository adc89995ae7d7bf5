from .base import Engine, ProgressCallback, Restored, RunInfo
from .bench import Bench, Forward, bench
from .ceilings import Ceiling, Timing
from .make import ENGINES, EngineRequest, make_engine
from .network import Network
from .options import NetworkOptions, parse_size
from .plan import Strip, plan_strips

__all__ = [
    "ENGINES",
    "Bench",
    "Ceiling",
    "Engine",
    "EngineRequest",
    "Forward",
    "Network",
    "NetworkOptions",
    "ProgressCallback",
    "Restored",
    "RunInfo",
    "Strip",
    "Timing",
    "bench",
    "make_engine",
    "parse_size",
    "plan_strips",
]
