"""Training losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dpdeblur.errors import PictureTooSmallError, ShapeMismatchError
from dpdeblur.training.config import MS_SSIM_SMALLEST_SIDE

# Wang, Simoncelli and Bovik 2003: exponents of the five scales, from the finest on; a Gaussian
# window of standard deviation 1.5; the constants that keep the ratios finite, over the range.
_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_SIGMA = 1.5
_RADIUS = MS_SSIM_SMALLEST_SIDE // 2
_C1, _C2 = 0.01**2, 0.03**2
_AROUND = 9  # pixels on a side
# A power below 1 has an infinite slope at 0, and contrast-structure may be negative.
_SMALLEST = 1e-4


def restoration_loss(
    prediction: Tensor,
    truth: Tensor,
    *,
    epsilon: float = 1e-3,
    ms_ssim_weight: float = 1.0,
    overshoot_weight: float = 0.0,
    wanted: Tensor | None = None,
) -> Tensor:
    """Charbonnier plus weighted (1 - MS-SSIM) and `overshoot`, of pictures in [0, 1].

    The defaults are the paper's: the mix of Section 3.5 with equal weights. `wanted` is what the
    first two compare with, such as a teacher's picture; None is the truth. Raises what `ms_ssim`
    does, unless its weight is 0.
    """
    wanted = truth if wanted is None else wanted
    loss = charbonnier(prediction, wanted, epsilon)
    if ms_ssim_weight:
        loss = loss + ms_ssim_weight * (1 - ms_ssim(prediction, wanted, data_range=1.0))
    if overshoot_weight:
        loss = loss + overshoot_weight * overshoot(prediction, truth)
    return loss


def charbonnier(prediction: Tensor, truth: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(x^2 + eps^2) over all elements of two like tensors (paper, equation 1).

    The default `epsilon` is the paper's; TrainConfig says why training takes a larger one.
    """
    return ((prediction - truth).square() + epsilon**2).sqrt().mean()


def overshoot(prediction: Tensor, truth: Tensor) -> Tensor:
    """How far `N x C x H x W` go beyond the range of the truth around, in 9x9 pixels: a mean.

    Restored edges that ring do so, while softer ones stay within it. At the borders, only what is
    inside the picture counts as around.
    """
    highest, lowest = (
        sign * functional.max_pool2d(sign * truth, _AROUND, 1, _AROUND // 2) for sign in (1, -1)
    )
    return (functional.relu(prediction - highest) + functional.relu(lowest - prediction)).mean()


# Not pytorch-msssim's, against which this one is tested: it refuses sides below 161 pixels with any
# number of scales, pads odd sides with zeros, and follows autocast (docs/design.md, "MS-SSIM").
def ms_ssim(prediction: Tensor, truth: Tensor, *, data_range: float, scales: int = 5) -> Tensor:
    """Multi-scale structural similarity (Wang et al. 2003) of `N x C x H x W`, a mean over N and C.

    Contrast and structure are compared at each scale, luminance at the coarsest, in windows that
    lie wholly within the picture; each scale halves the one before by averaging 2 x 2 pixels.
    `data_range` is white minus black.

    Five scales need sides of 161 pixels or more; smaller pictures get as many as fit, at most
    `scales`, whose exponents are raised to the sum 1 (one scale is plain SSIM). A scale where
    prediction and truth are opposites counts as 0.0001 instead of as negative, which keeps
    gradients finite. Half precision is computed in float32, also under autocast.

    Raises ShapeMismatchError if the shapes differ and PictureTooSmallError below 11 x 11 pixels.
    """
    if prediction.shape != truth.shape:
        raise ShapeMismatchError("Prediction and truth", prediction.shape[-2:], truth.shape[-2:])
    side = min(prediction.shape[-2:])
    if side < MS_SSIM_SMALLEST_SIDE:
        raise PictureTooSmallError(prediction.shape[-2:], MS_SSIM_SMALLEST_SIDE)
    fitting = 1
    while fitting < min(scales, len(_EXPONENTS)) and -(-side >> fitting) >= MS_SSIM_SMALLEST_SIDE:
        fitting += 1
    # All five, as published, add to 1.0001.
    total = sum(_EXPONENTS[:fitting]) if fitting < len(_EXPONENTS) else 1.0
    with torch.autocast(prediction.device.type, enabled=False):
        dtype = torch.promote_types(prediction.dtype, torch.float32)
        x, y = prediction.to(dtype), truth.to(dtype)
        result = torch.ones((), dtype=dtype, device=x.device)
        for scale, exponent in enumerate(_EXPONENTS[:fitting]):
            if scale:
                # Of a window that sticks out, the pixels that are there are averaged.
                x, y = (functional.avg_pool2d(z, 2, ceil_mode=True) for z in (x, y))
            luminance, structure = _compare(x, y, data_range)
            similarity = luminance * structure if scale == fitting - 1 else structure
            mean = similarity.mean((-2, -1)).clamp(min=_SMALLEST)
            result = result * mean ** (exponent / total)
        return result.mean()


def _compare(x: Tensor, y: Tensor, data_range: float) -> tuple[Tensor, Tensor]:
    """Maps of the luminance term and of the product of contrast and structure."""
    distances = torch.arange(-_RADIUS, _RADIUS + 1, dtype=x.dtype, device=x.device)
    weights = torch.softmax(-0.5 * (distances / _SIGMA).square(), 0)
    # The two variances are only ever added, so four maps do instead of five.
    maps = torch.cat([x, y, x.square() + y.square(), x * y], 1)
    groups = maps.shape[1]
    column = weights[None, None, :, None].expand(groups, -1, -1, -1)
    row = weights[None, None, None].expand(groups, -1, -1, -1)
    maps = functional.conv2d(functional.conv2d(maps, column, groups=groups), row, groups=groups)
    mean_x, mean_y, squares, product = maps.chunk(4, 1)
    means, c1, c2 = mean_x.square() + mean_y.square(), _C1 * data_range**2, _C2 * data_range**2
    both = mean_x * mean_y
    luminance = (2 * both + c1) / (means + c1)
    return luminance, (2 * (product - both) + c2) / (squares - means + c2)
