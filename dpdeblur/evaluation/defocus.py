"""How close a defocus map is to the truth, in float64: AIWE(1), AIWE(2), 1 - |Spearman|.

Dual pixels alone give defocus up to a scale and an offset that the camera's calibration knows, so
the field (Garg et al. 2019, Xin et al. 2021) compares maps after the best affine fit, or by their
order alone. All functions take two maps H x W of any real type. NaN in the truth means "not
known"; such pixels, and those where `valid` (bool, H x W) is False, do not count. All raise
ShapeMismatchError, and InvalidMapError for maps that are not H x W, a prediction that is not
finite where it counts, an infinite truth, or nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dpdeblur.errors import InvalidMapError, OptionError, ShapeMismatchError

MAP_RULES = (
    "AIWE(p), the least mean p-error over affine fits, in the truth's unit (8- and 16-bit files: "
    "their range is 1); 1 - |Spearman's rank correlation|; where the truth is known; means are of "
    "per-map values"
)
"""How `score_map` compares maps, in words."""
_Values = NDArray[np.float64]
_TOLERANCE = 1e-11
"""Of the slope with the least absolute error, maps of one spread being compared."""
_TRIES, _LEAST_ABSOLUTE = 45, 0.7
"""About how many slopes AIWE(1) takes, and its share of the time of all scores."""


@dataclass(frozen=True)
class MapScores:
    """One map's scores; 0 is perfect.

    `aiwe1` and `aiwe2` are in the truth's unit, `spearman` is 1 - |rank correlation| in [0, 1].
    """

    aiwe1: float
    aiwe2: float
    spearman: float

    def as_dict(self) -> dict[str, Any]:
        """All by name."""
        return asdict(self)


def score_map(
    prediction: NDArray[Any],
    truth: NDArray[Any],
    valid: NDArray[np.bool_] | None = None,
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> MapScores:
    """All scores of a map; the prediction may be in any unit, and of either sign.

    `progress` is called with about the share of the work done, up to 1.
    """
    first = aiwe(
        prediction,
        truth,
        order=1,
        valid=valid,
        progress=lambda share: progress(_LEAST_ABSOLUTE * share),
    )
    second = aiwe(prediction, truth, order=2, valid=valid)
    third = spearman(prediction, truth, valid=valid)
    progress(1.0)
    return MapScores(first, second, third)


def aiwe(
    prediction: NDArray[Any],
    truth: NDArray[Any],
    *,
    order: Literal[1, 2],
    weight: NDArray[Any] | None = None,
    valid: NDArray[np.bool_] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> float:
    """Affine-invariant weighted error: the least over a, b of a p-norm, p being `order`.

    AIWE(p) = min (sum w |a prediction + b - truth|^p / sum w)^(1/p), in the truth's unit. `weight`
    is H x W, finite and not negative; None weighs all alike. AIWE(2) is a least-squares fit;
    AIWE(1) is exact to about 1e-10 of the truth's own spread. A constant prediction leaves b alone
    to be fitted. `progress` is called with about the share of the work for AIWE(1) done, up to 1.
    Raises OptionError for other orders and for weights that cannot be used.
    """
    if order not in {1, 2}:
        raise OptionError("order", f"{order} is not 1 or 2")
    known = _known(prediction, truth, valid)
    weights = np.ones(truth.shape) if weight is None else np.asarray(weight, np.float64)
    if weights.shape != truth.shape:
        raise OptionError("weight", f"its shape is {weights.shape}, not {truth.shape}")
    w = weights[known]
    if not (np.isfinite(w).all() and (w >= 0).all() and w.sum() > 0):
        raise OptionError("weight", "weights must be finite, not negative, and not all 0")
    counts = w > 0
    x, y = (each[known][counts].astype(np.float64) for each in (prediction, truth))
    w = w[counts] / w.sum()
    # A constant must become exactly 0, and nothing may overflow: shift before anything is summed.
    x -= x[0]
    x /= np.abs(x).max() or 1.0
    x -= w @ x
    return _least_absolute(x, y, w, progress) if order == 1 else _least_squares(x, y, w)


def spearman(
    prediction: NDArray[Any], truth: NDArray[Any], *, valid: NDArray[np.bool_] | None = None
) -> float:
    """1 - |Spearman's rank correlation| in [0, 1]; equal values share their mean rank.

    1 if either map is constant, which says nothing about the order.
    """
    from scipy.stats import rankdata  # a second, for which errors do not wait

    known = _known(prediction, truth, valid)
    ranks = [rankdata(each[known]) for each in (prediction, truth)]
    first, second = (each - (each.size + 1) / 2 for each in ranks)
    power = np.sqrt((first @ first) * (second @ second))
    return 1.0 if power == 0 else float(max(0.0, 1 - abs(first @ second) / power))


def scale_error(
    prediction: NDArray[Any], truth: NDArray[Any], *, valid: NDArray[np.bool_] | None = None
) -> float:
    """Mean absolute error without any fit, for maps that a calibration gave the truth's unit."""
    known = _known(prediction, truth, valid)
    difference = prediction[known].astype(np.float64) - truth[known].astype(np.float64)
    return float(np.abs(difference).mean())


def _known(
    prediction: NDArray[Any], truth: NDArray[Any], valid: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    """Where the maps are compared; checks everything that `aiwe` and the others promise."""
    for what, array in (("The predicted map", prediction), ("The true map", truth)):
        if array.ndim != 2 or array.size == 0:
            raise InvalidMapError(what, f"its shape is {array.shape}, not (height, width)")
    if prediction.shape != truth.shape:
        raise ShapeMismatchError("The predicted and the true map", prediction.shape, truth.shape)
    known: NDArray[np.bool_] = ~np.isnan(truth)
    if valid is not None:
        if valid.shape != truth.shape or valid.dtype != np.bool_:
            shape = f"{valid.dtype} of shape {valid.shape}, not bool of shape {truth.shape}"
            raise OptionError("valid", f"it is {shape}")
        known &= valid
    if not known.any():
        raise InvalidMapError("The true map", "it is unknown everywhere")
    if np.isinf(truth[known]).any():
        raise InvalidMapError("The true map", "it has infinite values")
    missing = int((~np.isfinite(prediction[known])).sum())
    if missing:
        raise InvalidMapError(
            "The predicted map", f"it has no finite value at {missing} pixels where the truth does"
        )
    return known


def _least_squares(x: _Values, y: _Values, w: _Values) -> float:
    """The least root mean square of a x + b - y; `x` has mean 0 and `w` sum 1."""
    y = y - w @ y
    power = w @ (x * x)
    slope = w @ (x * y) / power if power > 0 else 0.0
    return float(np.sqrt(w @ np.square(slope * x - y)))


def _least_absolute(x: _Values, y: _Values, w: _Values, progress: Callable[[float], None]) -> float:
    """The least mean of |a x + b - y|; `w` has sum 1.

    With the best b for each a, the error is a convex function of a alone. Where x and y have an
    error of 1 without any slope, it is 1 at 0 and at least 2 at -3 and 3: the least lies between.
    """
    from scipy.optimize import minimize_scalar

    def error(values: _Values) -> float:
        return float(w @ np.abs(values - _median(values, w)))

    spread, unit = error(y), error(x)
    if spread == 0 or unit == 0:
        return spread
    x, y = x / unit, y / spread
    tried = 0

    def error_of(slope: float) -> float:
        nonlocal tried
        tried += 1
        progress(min(1.0, tried / _TRIES))
        return error(y - slope * x)

    found = minimize_scalar(error_of, bracket=(-3, 0, 3), tol=_TOLERANCE)
    return spread * float(found.fun)


def _median(values: _Values, weights: _Values) -> float:
    """The value with at most half of the weight on either side."""
    if weights.min() == weights.max():  # no need to sort
        middle = (values.size - 1) // 2
        return float(np.partition(values, middle)[middle])
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(below, below[-1] / 2)]])
