"""Laying the sharp picture of a dot grid upon the blurred one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter
from skimage.feature import match_template

from dpdeblur.calibration import surface
from dpdeblur.errors import PatternError

FloatArray32 = NDArray[np.float32]
FloatArray64 = NDArray[np.float64]

_PART = 1024
"""Pixels along the middle part that is searched for dots, at most."""
_FAINTEST = 1e-3
"""Contrast of the dots at least, a fraction of white."""
_LIKENESS = 0.3
"""Correlation of parts that show the same dots, at least."""
_DEGREE = 3
"""Total degree of the polynomial of a drift."""


def dot_spacing(sharp: FloatArray32) -> float:
    """How many pixels the dots of a regular grid are apart, from the middle of `H x W`.

    Raises PatternError where there is none.
    """
    starts = (max(side - _PART, 0) // 2 for side in sharp.shape)
    part = sharp[tuple(slice(start, start + _PART) for start in starts)]
    dots = part - part.mean()
    if np.abs(dots).max() < _FAINTEST:
        raise PatternError(
            "the sharp picture has the same brightness everywhere; give the shot of the dots "
            "in focus"
        )
    likeness = _correlated(dots) / _correlated(np.ones_like(dots))
    middle = tuple(side // 2 for side in likeness.shape)
    peaks = (likeness == maximum_filter(likeness, 5)) & (likeness > 0.4 * likeness[middle])
    rows, columns = np.nonzero(peaks)
    distances = np.hypot(rows - middle[0], columns - middle[1])
    others = distances[distances > 0]
    if not len(others):
        raise PatternError(
            "the sharp picture shows no regular grid of dots; give the shot of the dots in focus"
        )
    return float(others.min())


def _correlated(picture: FloatArray32) -> FloatArray32:
    """What a picture has in common with itself moved by up to half its size."""
    height, width = picture.shape
    size = [fft.next_fast_len(2 * side, real=True) for side in picture.shape]
    common: FloatArray32 = fft.irfft2(np.square(np.abs(fft.rfft2(picture, size))), size)
    common = np.roll(common, (height // 2, width // 2), (0, 1))
    return common[: height // 2 * 2 + 1, : width // 2 * 2 + 1]


class Drift:
    """Where the blurred picture's light is in the sharp one: smooth shifts (down, along)."""

    def __init__(self, down: FloatArray32, along: FloatArray32) -> None:
        self.down, self.along = down, along

    @property
    def largest(self) -> float:
        """Pixels."""
        return float(np.hypot(self.down, self.along).max())

    def undo(self, sharp: FloatArray32) -> FloatArray32:
        """The sharp picture resampled (cubic splines) where the blurred one shows it."""
        rows, columns = np.ogrid[: sharp.shape[0], : sharp.shape[1]]
        positions = (rows + self.down, columns + self.along)
        moved: FloatArray32 = map_coordinates(sharp, positions, order=3, mode="nearest")
        return moved


def find_drift(sharp: FloatArray32, blurred: FloatArray32, spacing: float) -> Drift:
    """How the two pictures of one dot grid differ in place: shift, scale, turn, distortion.

    Dots look alike, so neighbouring parts of the frame must differ by less than half the spacing.
    Raises PatternError if the pictures are not alike.
    """
    height, width = sharp.shape
    nowhere = np.zeros((height, width), np.float32)
    drift = Drift(nowhere, nowhere)
    soft = gaussian_filter(sharp, spacing / 6)  # a broad peak is found to a fraction of a pixel
    for _ in range(2):
        rows, columns, shifts, likeness = _matches(drift.undo(soft), blurred, spacing)
        if np.median(likeness) < _LIKENESS:
            raise PatternError(
                "the sharp picture does not show what the blurred ones show; take both "
                "from one place"
            )
        degree = min(_DEGREE, *(len(set(axis)) - 1 for axis in (rows, columns)))
        down, along = (
            surface.fit(rows / height, columns / width, values, degree, (height, width))
            for values in shifts
        )
        drift = Drift(drift.down + down, drift.along + along)
    return drift


def _matches(
    sharp: FloatArray32, blurred: FloatArray32, spacing: float
) -> tuple[FloatArray64, FloatArray64, FloatArray64, FloatArray64]:
    """Rows and columns of `N` parts' middles, their shifts `2 x N` and how alike they are.

    Parts whose dots lie beyond the sharp picture's border are left out.
    """
    search = max(round(spacing / 2), 2)
    side = int(min(max(3 * spacing, 48), 256, *(length - 2 * search for length in sharp.shape)))
    if side < spacing:
        raise PatternError("the frame is too small for the dots; let them appear smaller")
    starts = [
        np.linspace(search, length - search - side, min(max(2 * length // side, 1), 12)).astype(int)
        for length in sharp.shape
    ]
    parts = np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, 2)
    middle = parts.mean(0)
    parts = parts[np.argsort(np.square(parts - middle).sum(1))]
    shifts, likeness = np.zeros((len(parts), 2)), np.zeros(len(parts))
    there = np.ones(len(parts), bool)
    for index, part in enumerate(parts):
        # The search starts from what the nearest part gave, so that it does not jump by a dot.
        expected = np.zeros(2)
        if index:
            nearest = np.square(parts[:index] - part).sum(1).argmin()
            expected = np.rint(shifts[nearest])
        wanted = part + expected - search
        corner = np.clip(wanted, 0, np.array(sharp.shape) - side - 2 * search).astype(int)
        # Farther off only the next dots would be found, in place of those that are out of sight.
        there[index] = np.abs(corner - wanted).max() <= search / 2
        if not there[index]:
            shifts[index] = expected
            continue
        window = np.s_[
            corner[0] : corner[0] + side + 2 * search, corner[1] : corner[1] + side + 2 * search
        ]
        own = np.s_[part[0] : part[0] + side, part[1] : part[1] + side]
        scores = match_template(sharp[window], blurred[own])  # type: ignore[no-untyped-call]
        peak = np.unravel_index(scores.argmax(), scores.shape)
        likeness[index] = scores[peak]
        shifts[index] = corner - part + _summit(scores, peak)
    rows, columns = (parts[there] + side / 2).T
    return rows, columns, shifts[there].T, likeness[there]


def _summit(scores: FloatArray32, peak: tuple[np.intp, ...]) -> FloatArray64:
    """The peak between pixels, by parabolas along rows and columns."""
    refined = np.array(peak, float)
    for axis in (0, 1):
        line = np.take(scores, peak[1 - axis], 1 - axis)
        at = int(peak[axis])
        if 0 < at < len(line) - 1:
            before, here, after = map(float, line[at - 1 : at + 2])
            refined[axis] += (before - after) / (2 * (before - 2 * here + after) or -np.inf)
    return refined
