"""Defocus map and all-in-focus picture without training, after Xin et al. (ICCV 2021)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
