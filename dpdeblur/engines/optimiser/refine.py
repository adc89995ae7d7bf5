"""Edge-aware refinement: a map that is smooth but where the picture has edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

_SMOOTHNESS = 4e4
_EDGE = 0.02


def smooth_within_edges(
    values: NDArray[Any], trust: NDArray[Any], guide: NDArray[Any]
) -> NDArray[np.float32]:
    """The map that stays near `values` where `trust` is high, and follows `guide` elsewhere.

    Minimises sum_p trust (d - values)^2 + sum_pq w_pq (d_p - d_q)^2 over neighbours p, q with
    w = s exp(-|guide_p - guide_q| / e): weighted least squares, solved by SciPy's conjugate
    gradients. All are `H x W`; `guide` is a picture in [0, 1], encoded as for display. `trust` is
    1 / variance of `values` in units of the values' range.
    """
    height, width = values.shape
    index = np.arange(values.size).reshape(height, width)
    first = np.concatenate((index[:, :-1].ravel(), index[:-1].ravel()))
    second = np.concatenate((index[:, 1:].ravel(), index[1:].ravel()))
    step = np.abs(guide.ravel()[first] - guide.ravel()[second])
    weight = _SMOOTHNESS * np.exp(-step / _EDGE)
    shape = (values.size, values.size)
    pairs = sparse.coo_matrix((weight, (first, second)), shape=shape).tocsr()
    pairs = pairs + pairs.T
    diagonal = np.asarray(pairs.sum(1)).ravel() + trust.ravel()
    system = sparse.diags(diagonal) - pairs
    start = values.astype(np.float64).ravel()
    solution, _ = cg(
        system,
        trust.ravel() * start,
        x0=start,
        M=sparse.diags(1 / diagonal),
        rtol=1e-4,
        maxiter=400,
    )
    return np.asarray(solution, np.float32).reshape(height, width)
