"""What a picture loses as a JPEG, computed on tensors and without a file."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_BLOCK = 8
# ITU-T T.81, tables K.1 (brightness) and K.2 (colour).
_BRIGHTNESS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_COLOUR = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
# JFIF: from red, green and blue to brightness and two differences of colour.
_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)


def as_jpeg(encoded: Tensor, quality: Tensor, phase: tuple[int, int] = (0, 0)) -> Tensor:
    """Pass `N x 3 x H x W` in [0, 1] through a baseline JPEG with colour at half the size (4:2:0).

    As libjpeg does it, with its tables for `quality` (N numbers from 1 to 100, of the picture's
    type) and much of its rounding: blocks of 8 pixels, 16 for colour, that begin `phase` (rows and
    columns, from 0 to 15) before the picture. Its first and last rows and columns are repeated to
    fill them. The result has the same shape, and is in [0, 1] in steps of 1/255.

    >>> gray = torch.full((1, 3, 16, 16), 128 / 255)
    >>> torch.allclose(as_jpeg(gray, torch.tensor([90.0])), gray)
    True
    """
    height, width = encoded.shape[-2:]
    top, left = phase
    below, beside = (
        -(before + side) % (2 * _BLOCK) for before, side in zip(phase, (height, width), strict=True)
    )
    to_ycc = encoded.new_tensor(_TO_YCC)
    planes = torch.einsum("dc,nchw->ndhw", to_ycc, encoded * 255).round()
    planes = functional.pad(planes, (left, beside, top, below), mode="replicate")
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)[:, None, None]
    tables = (
        torch.floor((encoded.new_tensor(table) * scale + 50) / 100).clamp(1, 255)
        for table in (_BRIGHTNESS, _COLOUR)
    )
    brightness, colour = next(tables), next(tables)
    y = _coarser(planes[:, :1] - 128, brightness) + 128
    colours = _coarser(functional.avg_pool2d(planes[:, 1:], 2).round(), colour)
    colours = functional.interpolate(colours, scale_factor=2, mode="bilinear").round()
    back = torch.linalg.inv(to_ycc)
    decoded = torch.einsum("cd,ndhw->nchw", back, torch.cat((y, colours), 1))
    decoded = decoded[..., top : top + height, left : left + width]
    return decoded.round().clamp(0, 255) / 255


def _coarser(planes: Tensor, table: Tensor) -> Tensor:
    """Planes `N x C x H x W` whose blocks' cosine transforms are multiples of `N x 8 x 8`."""
    index = torch.arange(_BLOCK, dtype=planes.dtype, device=planes.device)
    basis = torch.cos(math.pi / _BLOCK * index[:, None] * (index + 0.5)) / 2
    basis[0] /= math.sqrt(2)
    count, channels, height, width = planes.shape
    blocks = planes.reshape(
        count, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK
    ).transpose(3, 4)
    steps = table[:, None, None, None]
    frequencies = torch.round(basis @ blocks @ basis.mT / steps) * steps
    decoded = (basis.mT @ frequencies @ basis).transpose(3, 4).reshape(planes.shape)
    return decoded.round().clamp(-128, 127)
