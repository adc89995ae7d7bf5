"""How well each defocus explains a pixel: the closed-form start of the map."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dpdeblur.engines.optimiser.lens import Lens
from dpdeblur.engines.optimiser.stencils import gaussian

_WINDOWS = ((2.0, 0.15), (6.0, 0.35), (18.0, 0.5))
"""Standard deviations in pixels of the windows that costs are gathered over; weights."""
_WHITE, _PINK = 1e-4, 1e-3
"""Noise to signal (power) of the filter: constant, and times the squared frequency."""
_COMPLEXITY = 0.3
"""Weight of the log determinant; 1/2 were right if all pixels in a window were independent."""
_NOISE = 1e-7
"""Mean square of the noise at the size that maps are found at, light being 1 at the brightest."""
_SHARPNESS = 20.0
"""Inverse temperature of the soft-argmin: the independent observations that a cost stands for."""
_FLAT = 2e-6
"""Energy of texture (`_texture`; light squared) below which a pixel tells little of its blur."""
_BALANCE = 20.0
"""Standard deviation in pixels of the window that brightness is balanced over."""
_FEW = 0.05
"""Share of the texture below which a side of focus is assumed to be empty, unless it is clear."""
_CLEAR = 0.4
"""A pixel's side is clear if costs across focus are higher by more than this."""
_SOME = 0.01
"""A side is clear if at least this share of the texture's square root lies in clear pixels."""


def cost_volume(
    observed: Tensor,
    lens: Lens,
    radii: Sequence[float],
    progress: Callable[[], None] = lambda: None,
) -> Tensor:
    """Cost of each radius at each pixel, `K x H x W`; the lower, the better the views agree.

    The picture that a radius makes of both views (joint Wiener filter, noise to signal rising
    with frequency as natural pictures' spectra fall) is blurred again; what is then missing of the
    views is noise if the radius is right. A sharper kernel leaves less in any case: the views'
    likelihood under a Gaussian prior, -2 log p = n log(residual) + log det, tells by how much.
    Windows of several sizes vote. Where there is no texture all costs are about the same.

    Args:
        observed: both views `2 x H x W`, linear light, 1 being the brightest.
        lens: kernels at the views' resolution.
        radii: candidates, in pixels of the frame before the lens's reduction.
        progress: called after each of them.
    """
    shape = (observed.shape[1], observed.shape[2])
    margin = max(8, min(shape) // 16)
    residuals, complexities = [], []
    for radius in radii:
        blur = lens.blur(radius, shape, margin=margin, device=observed.device)
        noise = _WHITE + _PINK * _laplacian(blur.tiling.size, observed.device)
        residuals.append(blur.missing(observed[:, None], noise).square().sum((0, 1)))
        complexities.append((blur.power() / noise + 1).log().mean())
        progress()
    residual, complexity = torch.stack(residuals), torch.stack(complexities)[:, None, None]
    costs = torch.zeros_like(residual)
    for deviation, weight in _WINDOWS:
        gathered = gaussian(residual, deviation) + _NOISE
        costs += weight * (gathered.log() + _COMPLEXITY * complexity)
    texture = _texture(observed)
    return costs * (texture / (texture + _FLAT))


def balanced(observed: Tensor) -> Tensor:
    """Both views `2 x H x W` with one brightness on a large scale, where no calibration tells it.

    Towards the corners either view loses light to the lens's rim, which would pass for defocus.
    """
    left, right = (gaussian(view, _BALANCE) + 1e-3 for view in observed)
    mean = (left + right) / 2
    return torch.stack((observed[0] * (mean / left), observed[1] * (mean / right)))


def soft_argmin(costs: Tensor, radii: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Mean and variance of the radius at each pixel, both `H x W`, from `cost_volume`."""
    values = torch.tensor(radii, dtype=costs.dtype, device=costs.device)[:, None, None]
    share = torch.softmax(-_SHARPNESS * costs, 0)
    mean = (share * values).sum(0)
    return mean, (share * (values - mean).square()).sum(0)


def radius_range(costs: Tensor, radii: Sequence[float], observed: Tensor) -> tuple[float, float]:
    """The least and the largest radius of what has texture (1st to 99th percentile).

    Where hardly anything lies on one side of focus, all is assumed to lie on the other: a kernel
    and the one across focus look alike to pictures without detail. A small, strongly blurred thing
    in front of a sharp background still counts, as it shows clearly which side it is on.
    """
    tried = torch.tensor(radii, device=costs.device)
    best = tried[costs.argmin(0)].flatten().cpu()
    front, behind = (
        costs.masked_fill((tried.sign() != sign)[:, None, None], torch.inf).amin(0).flatten().cpu()
        for sign in (-1, 1)
    )
    texture = _texture(observed).flatten().cpu()
    weight = texture.sqrt()  # the energy of what is strongly blurred would hardly count
    kept = torch.ones_like(best, dtype=torch.bool)
    for sign, clearer in ((-1, behind - front), (1, front - behind)):
        side = kept & (best.sign() == sign)
        little = texture[side].sum() < _FEW * texture[kept].sum()
        if little and weight[side & (clearer > _CLEAR)].sum() < _SOME * weight.sum():
            kept &= ~side
    best, weight = best[kept], weight[kept]
    order = best.argsort(stable=True)
    share = weight[order].cumsum(0) / weight.sum()
    low, high = (
        best[order][int(torch.searchsorted(share, torch.tensor(level)))] for level in (0.01, 0.99)
    )
    return float(low), float(high)


def _texture(observed: Tensor) -> Tensor:
    """Energy of what is finer than a few pixels, gathered over a few more, `H x W`."""
    mean = observed.mean(0)
    return gaussian((mean - gaussian(mean, 2.0)).square(), 4.0)


def _laplacian(size: tuple[int, int], device: torch.device) -> Tensor:
    """Squared frequency of a tile's spectrum: 4 - 2 cos(2 pi f_y) - 2 cos(2 pi f_x)."""
    down = torch.fft.fftfreq(size[0], device=device)[:, None]
    along = torch.fft.rfftfreq(size[1], device=device)
    return 4 - 2 * torch.cos(2 * math.pi * down) - 2 * torch.cos(2 * math.pi * along)
