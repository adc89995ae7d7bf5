"""Cross-correlation module: attention between the views along each row (Section 3.2, Figure 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpdeblur.models.layers import conv_act


def row_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(C)) V along every row of `N x C x H x W` maps; same shape out.

    Runs through PyTorch's fused kernel (rows take the place of heads), whose memory grows with
    W instead of W^2 (but on Metal): the explicit matrix would take 94 GiB for a picture of 30
    megapixels.
    """
    # The fused kernel takes contiguous rows only; in channels_last this copies nothing.
    query, key, value = (x.permute(0, 2, 3, 1).contiguous() for x in (query, key, value))
    return functional.scaled_dot_product_attention(query, key, value).permute(0, 3, 1, 2)


def band_attention(
    first: Tensor, second: Tensor, values: tuple[Tensor, Tensor], band: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention of two views to each other among the `2 band + 1` nearest pixels of the row.

    `first`, `second` are `N x C x H x W` projections. Returns the second view's value brought to
    the first, the first's brought to the second, and the logits `N x (2 band + 1) x H x W` of
    `first` at x with `second` at x + d, d from -band to band. Places beyond the border are zero.
    """
    width = first.shape[-1]
    scale = first.shape[1] ** -0.5

    def shifts(features: Tensor) -> list[Tensor]:
        padded = functional.pad(features, (band, band))
        return [padded[..., shift : shift + width] for shift in range(2 * band + 1)]

    logits = torch.stack([(first * other).sum(1) for other in shifts(second * scale)], 1)
    # The second view's logits at x - d are the same products, seen from the other side.
    padded = functional.pad(logits, (band, band))
    back = torch.stack([padded[:, 2 * band - k, :, k : k + width] for k in range(2 * band + 1)], 1)
    brought = [
        _weighted(weights.softmax(1), shifts(value))
        for weights, value in ((logits, values[1]), (back, values[0]))
    ]
    return brought[0], brought[1], logits


def _weighted(weights: Tensor, parts: list[Tensor]) -> Tensor:
    """Sum of `N x C x H x W` parts, each weighted by its channel of `N x K x H x W`."""
    total = weights[:, :1] * parts[0]
    for index, part in enumerate(parts[1:], 1):
        total = torch.addcmul(total, weights[:, index : index + 1], part)
    return total


class CrossCorrelation(nn.Module):
    """Brings to each view what the other shows on the same row.

    With `band` 0 along the whole row, as in the paper; else among `band` pixels to either side
    only. Disparities need no more, the network stays local, and there are the logits as well.
    Without `refine` there is no residual block before the projection.

    Chosen where the text is open: *one* 1x1 projection makes Q and K of both views, since the
    paper calls S^T equivalent to exchanging the views' roles, which is true only then; logits
    are scaled by 1/sqrt(C); "multiplied with the input maps" is read as warping the other view's
    input map to this view, which is then added to the view's own, as nearly uniform attention at
    the start would otherwise erase the skip's detail.
    """

    def __init__(self, channels: int, slope: float, band: int = 0, *, refine: bool = True) -> None:
        super().__init__()
        self.band = band
        self.residual: nn.Module | None = None
        if refine:
            self.residual = nn.Sequential(
                conv_act(channels, channels, 3, slope), nn.Conv2d(channels, channels, 3, padding=1)
            )
        self.project = nn.Conv2d(channels, channels, 1)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, ...]:
        """Correlate two `N x C x H x W` maps; same shapes out, in a band also its logits."""
        views = torch.cat((left, right))
        refined = views if self.residual is None else views + self.residual(views)
        left_query, right_query = self.project(refined).chunk(2)
        if self.band:
            to_left, to_right, logits = band_attention(
                left_query, right_query, (left, right), self.band
            )
            return left + to_left, right + to_right, logits
        return (
            left + row_attention(left_query, right_query, right),
            right + row_attention(right_query, left_query, left),
        )
