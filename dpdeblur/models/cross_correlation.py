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


class CrossCorrelation(nn.Module):
    """Brings to each view what the other shows on the same row.

    Chosen where the text is open: *one* 1x1 projection makes Q and K of both views, since the
    paper calls S^T equivalent to exchanging the views' roles, which is true only then; logits
    are scaled by 1/sqrt(C); "multiplied with the input maps" is read as warping the other view's
    input map to this view, which is then added to the view's own, as nearly uniform attention at
    the start would otherwise erase the skip's detail.
    """

    def __init__(self, channels: int, slope: float) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            conv_act(channels, channels, 3, slope), nn.Conv2d(channels, channels, 3, padding=1)
        )
        self.project = nn.Conv2d(channels, channels, 1)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Correlate two `N x C x H x W` maps; same shapes out."""
        views = torch.cat((left, right))
        left_query, right_query = self.project(views + self.residual(views)).chunk(2)
        return (
            left + row_attention(left_query, right_query, right),
            right + row_attention(right_query, left_query, left),
        )
