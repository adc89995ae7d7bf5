"""Running the network in one call."""

from __future__ import annotations

from dpdeblur.engines import Network, NetworkOptions, ProgressCallback, Restored
from dpdeblur.models import LoadedModel
from dpdeblur.pair import DualPixelPair


def restore(
    model: LoadedModel,
    pair: DualPixelPair,
    options: NetworkOptions | None = None,
    progress: ProgressCallback | None = None,
) -> Restored:
    return Network(model, options).run(pair, progress)
