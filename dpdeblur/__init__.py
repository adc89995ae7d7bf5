"""dpdeblur: dual-pixel photographs in, all-in-focus pictures out.

The names below are imported on first use, so that `import dpdeblur` stays instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.3.0.dev0"
__all__ = ["DualPixelPair", "__version__", "deblur", "load_model"]

if TYPE_CHECKING:
    from dpdeblur.api import deblur
    from dpdeblur.models import load_model
    from dpdeblur.pair import DualPixelPair

_HOMES = {
    "deblur": "dpdeblur.api",
    "load_model": "dpdeblur.models",
    "DualPixelPair": "dpdeblur.pair",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dpdeblur' has no attribute '{name}'")
