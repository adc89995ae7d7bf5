"""What pictures lose as JPEGs, against libjpeg's own files."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut, coffee

from dpdeblur.optics import as_jpeg


def through_a_file(picture: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(file))


def ours(picture: np.ndarray, quality: float, phase: tuple[int, int] = (0, 0)) -> np.ndarray:
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].double() / 255
    found = as_jpeg(tensor, torch.tensor([quality]).double(), phase)
    codes: np.ndarray = (found[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    return codes


@pytest.mark.parametrize("quality", [30, 60, 90, 98])
def test_agrees_with_a_file(quality: int) -> None:
    picture = np.array(astronaut())  # type: ignore[no-untyped-call]
    picture = picture[40:231, 60:317]  # of odd sides
    expected = through_a_file(picture, quality).astype(float)
    lost = np.square(expected - picture).mean()
    between = np.square(ours(picture, quality) - expected).mean()
    assert between < 1 + 0.03 * lost  # libjpeg computes in integers


def test_blocks_begin_where_they_are_told_to() -> None:
    picture = np.array(coffee())  # type: ignore[no-untyped-call]
    picture = picture[:96, :96]
    expected = through_a_file(picture, 50).astype(float)[5:, 11:]
    found = ours(picture[5:, 11:], 50, (5, 11))
    inside = (slice(16, -16), slice(16, -16))
    other = ours(picture[5:, 11:], 50)
    assert (
        np.square(found - expected)[inside].mean()
        < 0.1 * np.square(other - expected)[inside].mean()
    )


def test_each_picture_of_a_batch_has_its_own_quality() -> None:
    pictures = torch.rand(2, 3, 32, 48)
    together = as_jpeg(pictures, torch.tensor([40.0, 95.0]))
    for index, quality in enumerate((40.0, 95.0)):
        alone = as_jpeg(pictures[index : index + 1], torch.tensor([quality]))
        torch.testing.assert_close(together[index : index + 1], alone)
    errors = (together - pictures).square().mean((1, 2, 3))
    assert errors[0] > errors[1] > 0
