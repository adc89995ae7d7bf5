"""Blur as a photographer wants it: left where it belongs, or moved by another focus."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
