"""How close a picture or a defocus map is to the truth, alone or over a data set."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
