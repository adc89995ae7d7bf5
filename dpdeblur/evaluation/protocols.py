"""Named sets of scoring rules, so that a number says how it was made.

The differences between the rules in use are as large as those between methods, so each score is
given together with its protocol and the versions that computed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpdeblur import __version__
from dpdeblur.errors import InvalidPictureError, OptionError
from dpdeblur.evaluation.measures import mae, match_gains, psnr, ssim


@dataclass(frozen=True)
class Scores:
    """One picture's scores (or a mean of them): PSNR in dB (may be inf), SSIM, MAE in [0, 1].

    `matched`, if asked for, are those of the picture with its exposure matched to the truth's;
    these have the `channel_gains` by which it was (a mean of them has none).
    """

    psnr: float
    ssim: float
    mae: float
    channel_gains: tuple[float, ...] | None = None
    matched: Scores | None = None

    def as_dict(self) -> dict[str, Any]:
        """All by name, those of `matched` too, but not what is None."""
        return asdict(self, dict_factory=lambda items: {k: v for k, v in items if v is not None})


@dataclass(frozen=True)
class Protocol:
    """What is done to both pictures before they are compared: clamped, then truncated to `bits`."""

    name: str
    description: str
    bits: int | None = None

    def prepare(self, picture: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """A picture H x W x C in [0, 1] as this protocol compares it, float64."""
        clamped = picture.astype(np.float64)
        np.clip(clamped, 0, 1, out=clamped)
        if self.bits is None:
            return clamped
        # An 8-bit file stays as it is: v / 255 never rounds down, in float32 or in float64.
        top = float(2**self.bits - 1)
        return np.floor(clamped * top) / top


_RULES = (
    "RGB, whole picture; PSNR = 10 log10(1/MSE), SSIM with a 7x7 uniform window and sample "
    "covariance, MAE; means are of per-picture values"
)
MATCHED = "each channel's gain matched"
"""What is said after the protocol's name where scores are of pictures with matched exposure."""
MATCH_RULES = (
    "Each channel is first multiplied by the gain that brings it nearest to the truth (least "
    "squares of the sRGB-encoded values that are scored); then the same"
)
"""How exposure is matched before a protocol's rules are applied, in words."""
DEFAULT_PROTOCOL = "dpdd"
PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            Protocol("dpdd", f"Clamped to [0, 1], not quantised; {_RULES}"),
            Protocol("dpdd-8bit", f"Clamped to [0, 1], truncated to 8 bits; {_RULES}", bits=8),
        )
    }
)


def _protocol(name: str) -> Protocol:
    if name not in PROTOCOLS:
        raise OptionError("protocol", f"'{name}' is unknown; use {' or '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def score(
    prediction: NDArray[np.floating[Any]],
    truth: NDArray[np.floating[Any]],
    protocol: str = DEFAULT_PROTOCOL,
    *,
    match_exposure: bool = False,
    progress: Callable[[float], None] = lambda _: None,
) -> Scores:
    """Score a picture against the truth under a protocol.

    Args:
        prediction: floating point, `H x W x 3` in [0, 1], sRGB-encoded.
        truth: the sharp picture, likewise.
        protocol: a name in PROTOCOLS.
        match_exposure: add a second set of scores, `matched`, for which each channel of the
            prediction is first multiplied by its gain from `match_gains`.
        progress: called with the share of the work done, up to 1.

    Returns:
        PSNR in dB, SSIM and MAE.

    Raises:
        OptionError: the protocol is unknown.
        InvalidPictureError: a picture has a wrong shape, type or values.
        ShapeMismatchError: the pictures differ in size.
        PictureTooSmallError: they are below 7 x 7 pixels.

    >>> truth = np.full((8, 8, 3), 0.5)
    >>> scores = score(truth + 0.1, truth)
    >>> round(scores.psnr, 3), round(scores.mae, 3)
    (20.0, 0.1)
    """
    prepare = _protocol(protocol).prepare
    for what, picture in (("The prediction", prediction), ("The truth", truth)):
        # An integer picture would be clamped to black and white and score without complaint.
        if not np.issubdtype(picture.dtype, np.floating):
            raise InvalidPictureError(what, "it must be floating-point with values in [0, 1]")
    sharp = prepare(truth)
    times = 2 if match_exposure else 1
    scores = _compare(prepare(prediction), sharp, lambda share: progress(share / times))
    if not match_exposure:
        return scores
    gains = match_gains(prediction, truth)
    matched = _compare(prepare(prediction * gains), sharp, lambda share: progress((1 + share) / 2))
    return replace(scores, matched=replace(matched, channel_gains=tuple(gains.tolist())))


@dataclass(frozen=True)
class Rules:
    """How results are compared: a protocol of `PROTOCOLS`, from row `first_row` (from 0) down.

    Rows are those of the views as they went through the engine. With `match_exposure` all scores
    have `matched` ones as well, over the same rows. Raises OptionError.
    """

    protocol: str = DEFAULT_PROTOCOL
    first_row: int = 0
    match_exposure: bool = False

    def __post_init__(self) -> None:
        _protocol(self.protocol)
        if self.first_row < 0:
            raise OptionError("first_row", f"{self.first_row} is below 0")

    def score(
        self,
        picture: NDArray[np.float32],
        truth: NDArray[np.float32],
        progress: Callable[[float], None] = lambda _: None,
    ) -> Scores:
        """The scores of a picture H x W x 3 in [0, 1] that has all its rows, as the truth has.

        `progress` is called with the share of the work done, up to 1.
        """
        if self.first_row >= len(truth):
            raise OptionError(
                "first_row", f"{self.first_row} is beyond the picture's {len(truth)} rows"
            )
        return score(
            picture[self.first_row :],
            truth[self.first_row :],
            self.protocol,
            match_exposure=self.match_exposure,
            progress=progress,
        )


DEFAULT_RULES = Rules()


def versions() -> dict[str, str]:
    """The versions of what computes the scores, to be printed beside them."""
    return {
        "dpdeblur": __version__,
        "scikit-image": version("scikit-image"),
        "numpy": np.__version__,
    }


def _compare(
    prediction: NDArray[np.float64], truth: NDArray[np.float64], progress: Callable[[float], None]
) -> Scores:
    return Scores(
        psnr=psnr(prediction, truth, data_range=1),
        ssim=ssim(prediction, truth, data_range=1, progress=progress),  # nine tenths of the time
        mae=mae(prediction, truth, data_range=1),
    )
