"""Pages to look at: each picture before and after, with its map, scores and settings."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
