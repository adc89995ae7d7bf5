"""ICC profiles: kept where the numbers are encoded much as sRGB is, else converted to sRGB.

The network has learnt from sRGB-encoded pictures. Other primaries (Display P3, Adobe RGB) do it
no harm and stay; another tone curve (a linear profile, PQ) would, so it is measured.
"""

from __future__ import annotations

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from dpdeblur.colour import srgb_to_linear
from dpdeblur.io.stored import Unusable

# Of H.273, transfer functions that are much as sRGB's, or not said; and others that are in use.
_LIKE_SRGB = frozenset({1, 2, 4, 6, 11, 12, 13, 14, 15})
_CURVES = {8: "linear light", 16: "PQ (HDR)", 18: "HLG (HDR)"}
_PRIMARIES = frozenset({1, 2})  # sRGB's, or not said
_SPACES = {b"RGB ": "rgb", b"GRAY": "gray"}
_GAMMAS = (1.7, 2.7)  # sRGB measures 2.1 to 2.3, ProPhoto 1.8, L* 2.3 to 2.6, linear 1, PQ > 4
_RAMP = np.array([0.25, 0.5, 0.75])
# Without the flag lcms puts steep gray curves into a coarse table, wrong by up to 0.04.
_FLAGS = imagecodecs.CMS.FLAGS.NOOPTIMIZE
_INTENT = imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC
_FULL = 65535


def settle(icc: bytes | None, *, gray: bool) -> tuple[bytes | None, bytes | None, tuple[str, ...]]:
    """Apply the policy to a file's profile; `gray` says that it has one colour channel.

    Returns the profile from which its pixels must be converted to sRGB (None: they stay), the
    profile that then goes with them (None means sRGB), and sentences to warn with.
    """
    if icc is None:
        return None, None, ()
    try:
        space = _space(icc)
        if space == "gray" and not gray:
            return None, None, ("A gray colour profile on a colour picture was left out.",)
        gammas = _gammas(icc, space)
        if np.all((gammas >= _GAMMAS[0]) & (gammas <= _GAMMAS[1])):
            return None, icc, ()
        to_srgb(np.zeros((1, 1, 3), np.float32), icc)
    except (imagecodecs.CmsError, ValueError):
        note = "The colour profile could not be understood and was left out; sRGB is assumed."
        return None, None, (note,)
    note = "The colour profile's tone curve is unlike sRGB, so the colours were converted to sRGB."
    return icc, None if gray else srgb_profile(), (note,)


def coding_notes(cicp: bytes | None, *, known: bool) -> tuple[str, ...]:
    """Sentences on what a file's code points (H.273, as in PNG's cICP chunk) say of its colours.

    `known` says that a colour profile gives the primaries, too. Raises Unusable where the numbers
    are encoded unlike sRGB.
    """
    if cicp is None or len(cicp) != 4:
        return ()
    primaries, transfer, _matrix, full_range = cicp
    if transfer not in _LIKE_SRGB:
        curve = _CURVES.get(transfer, f"transfer function {transfer} of H.273")
        raise Unusable(f"its colours are encoded as {curve}; convert it to sRGB first")
    if not full_range:
        raise Unusable("its numbers are of narrow range; convert it to full range first")
    if primaries in _PRIMARIES or known:
        return ()
    return (f"Its primaries ({primaries} of H.273) were left out; sRGB's are assumed.",)


def to_srgb(pixels: NDArray[np.float32], icc: bytes) -> NDArray[np.float32]:
    """Pixels (H x W x 3 in [0, 1]) converted from a profile for which `settle` asked that."""
    space = _space(icc)
    source = np.rint(pixels * _FULL).astype(np.uint16)
    converted = imagecodecs.cms_transform(
        np.ascontiguousarray(source[..., 0]) if space == "gray" else source,
        icc,
        srgb_profile(),
        colorspace=space,
        outcolorspace="rgb",
        intent=_INTENT,
        flags=_FLAGS,
    )
    return np.asarray(converted, np.float32) / np.float32(_FULL)


def to_light(pixels: NDArray[np.float32], icc: bytes | None) -> NDArray[np.float32]:
    """Encoded pixels (H x W x 3) as linear light in sRGB's primaries; without a profile, of sRGB.

    Colours that sRGB does not have get numbers below 0 or above 1.
    """
    if icc is None:
        return srgb_to_linear(pixels)
    space = _space(icc)
    light = imagecodecs.cms_transform(
        np.ascontiguousarray(pixels[..., 1] if space == "gray" else pixels, np.float32),
        icc,
        linear_profile(),
        colorspace=space,
        outcolorspace="rgb",
        intent=_INTENT,
        flags=_FLAGS,
    )
    return np.asarray(light, np.float32)


def fits(icc: bytes, *, gray: bool) -> bool:
    """Whether a profile may be put on a gray or colour file."""
    return gray or _SPACES.get(icc[16:20]) == "rgb"


def same_profile(one: bytes | None, other: bytes | None) -> bool:
    """Whether two profiles say the same, whenever they were made: darktable dates each anew."""
    if one is None or other is None:
        return one is other
    date, digest = slice(24, 36), slice(84, 100)
    first, second = bytearray(one), bytearray(other)
    for profile in (first, second):
        profile[date], profile[digest] = bytes(12), bytes(16)
    return first == second


def srgb_profile() -> bytes:
    """An sRGB profile, the same bytes every time."""
    return _dated(imagecodecs.cms_profile("srgb"))


def linear_profile(*, gray: bool = False) -> bytes:
    """A profile of linear light, gray or in sRGB's primaries, the same bytes every time."""
    if gray:
        return _dated(imagecodecs.cms_profile("gray", gamma=1.0))
    primaries = [0.64, 0.33, 1.0, 0.30, 0.60, 1.0, 0.15, 0.06, 1.0]
    whitepoint = [0.3127, 0.3290, 1.0]
    return _dated(
        imagecodecs.cms_profile("rgb", whitepoint=whitepoint, primaries=primaries, gamma=1.0)
    )


def _dated(profile: bytes) -> bytes:
    """The profile with a fixed date in place of now, which lcms puts there."""
    return profile[:24] + np.array([2000, 1, 1, 0, 0, 0], ">u2").tobytes() + profile[36:]


def _space(icc: bytes) -> str:
    if icc[36:40] != b"acsp" or icc[16:20] not in _SPACES:
        raise ValueError("no RGB or gray profile")
    return _SPACES[icc[16:20]]


def _gammas(icc: bytes, space: str) -> NDArray[np.float64]:
    """The exponents that take the neutral ramp to linear light in this profile."""
    ramp = np.rint(_RAMP * _FULL).astype(np.uint16)[None]
    linear = imagecodecs.cms_transform(
        ramp if space == "gray" else np.repeat(ramp[..., None], 3, -1),
        icc,
        imagecodecs.cms_profile("gray", gamma=1.0),
        colorspace=space,
        outcolorspace="gray",
        intent=_INTENT,
        flags=_FLAGS,
    )
    light = np.maximum(linear.ravel(), 1) / _FULL
    return np.asarray(np.log(light) / np.log(_RAMP), np.float64)
