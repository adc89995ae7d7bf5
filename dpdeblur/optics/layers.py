"""From an all-in-focus picture and a map of depth or defocus to the layers that are rendered."""

from __future__ import annotations

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

from dpdeblur.optics.render import Layer

RIM = 2
"""Pixels behind an edge that are taken away with it."""


def radius_from_depth(
    depth: Tensor, focus: float, focal_length: float, f_number: float, pixel: float
) -> Tensor:
    """Signed circle-of-confusion radius of a thin lens in pixels; all lengths in one unit.

    R = f^2 (z - s) / (2 N z (s - f)) / pixel for the depth z > 0 and the distance s in focus,
    longer than the focal length f. Either may be infinite.
    """
    nearness = 1 / focus - 1 / depth
    return nearness * focal_length**2 / (2 * f_number * (1 - focal_length / focus) * pixel)


def disparity_from_distance(distance: Tensor) -> Tensor:
    """1 / distance of `N x 1 x H x W`; where it is 0, unknown, that of the nearest known pixel."""
    (known,) = _continued((distance,), distance > 0)
    return 1 / known.clamp(min=1e-12)


def radius_from_disparity(disparity: Tensor, focus: float, largest: float) -> Tensor:
    """Signed radius for a relative map that grows with nearness (a / depth + b, a > 0).

    Radii are proportional to (1/s - 1/z): zero where the map is at the share `focus` of its range
    from farthest (0) to nearest (1), and `largest` pixels where it is farthest from that. A map
    of one value is in focus. The range is that of the whole batch.
    """
    low, high = disparity.amin(), disparity.amax()
    offset = low + focus * (high - low) - disparity
    return offset * (largest / offset.abs().amax().clamp(min=1e-12))


def resize_radius(radius: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring a map `N x 1 x H x W` to `size` (height, width): slopes stay smooth, jumps sharp.

    A jump is where three neighbours of the map given differ by more than a pixel of radius, so
    that slopes steeper than that become stairs.
    """
    if radius.shape[-2:] == size:
        return radius
    high = functional.max_pool2d(radius, 3, 1, 1)
    low = -functional.max_pool2d(-radius, 3, 1, 1)
    jumps = functional.interpolate(high - low, size, mode="nearest-exact") > 1
    smooth = functional.interpolate(radius, size, mode="bilinear")
    return torch.where(jumps, functional.interpolate(radius, size, mode="nearest-exact"), smooth)


def layers_from_defocus(
    picture: Tensor, radius: Tensor, step: float = 3.0
) -> list[tuple[list[Layer], Tensor]]:
    """Layers of a linear all-in-focus `picture` `N x 3 x H x W`, in two ways to be mixed.

    `radius`, `N x 1 x H x W`, is its signed circle of confusion in pixels, larger being farther.
    Each way is a list of layers, back to front, and its share, `N x 1 x H x W`, of every pixel
    that is rendered; shares sum to one. A way with no share is left out.

    A layer shows the surfaces whose radii lie within `step` pixels of its own, and has everything
    nearer taken away: there it goes on with the nearest pixel that is left. Layers end sharply,
    as surfaces do at a jump. Where a surface slopes from one layer into the next, its pixels lie
    in the middle of one of the other way's layers, which has all of the share there, so nothing
    can be seen of the change.
    Two pixels behind an edge are taken away with it: a picture's edges are mixed of both sides,
    and such fringes would show through the blur. But for those the composite of either way's
    layers is `picture` again. Differentiable in `picture`.
    """
    radius = _snap_edges(radius.detach(), step / 2)
    beside = -functional.max_pool2d(-radius, 2 * RIM + 1, 1, RIM)
    before_edge = torch.where(radius - beside > step / 2, beside, radius)
    farthest = radius.amax((1, 2, 3), keepdim=True)
    position, shown_from = ((farthest - part) / step for part in (radius, before_edge))
    ways = []
    for first in (0, 1):
        # The layers stand at positions of one parity, each for those within 1 of it.
        at, shown = (
            2 * ((part + 1 - first) / 2).floor() + first for part in (position, shown_from)
        )
        share = 1 - (position - at).abs()
        if not share.any():
            continue
        layers = []
        for index in range(first, int(at.amax().item()) + 1, 2):
            colour, behind, distance = _continued((picture, at, radius), shown <= index)
            alpha = (behind >= index).to(picture)  # the first hides all it can
            (distance,) = _continued((distance,), alpha > 0)
            layers.append(Layer(colour, alpha, distance))
        ways.append((layers, share))
    return ways


def _snap_edges(radius: Tensor, jump: float) -> Tensor:
    """Give pixels in between two surfaces to one of them: maps are often soft at jumps."""
    for _ in range(2):
        high = functional.max_pool2d(radius, 3, 1, 1)
        low = -functional.max_pool2d(-radius, 3, 1, 1)
        nearer = torch.where(radius - low < high - radius, low, high)
        radius = torch.where(high - low > jump, nearer, radius)
    return radius


def _continued(maps: tuple[Tensor, ...], known: Tensor) -> list[Tensor]:
    """Replace what is not `known` (`N x 1 x H x W`) by the nearest pixel that is.

    Where nothing is known in a sample, it stays as it is.
    """
    if known.all():
        return list(maps)
    nearest = []
    for inside in known[:, 0].cpu().numpy():
        rows, columns = distance_transform_edt(
            inside == (not inside.any()), return_distances=False, return_indices=True
        )
        nearest.append(torch.from_numpy(rows * known.shape[-1] + columns))
    index = torch.stack(nearest).flatten(1)[:, None].to(known.device, torch.int64)
    return [
        values.flatten(2).gather(2, index.expand(-1, values.shape[1], -1)).view_as(values)
        for values in maps
    ]
